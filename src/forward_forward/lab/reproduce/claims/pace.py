"""How long training takes: epochs to a goal, and the seconds of an epoch, timed in turns."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import ArmResult
from forward_forward.lab.reproduce.job import Job, split_of
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.lab.reproduce.tuning import GOAL, reached

TIMED = 20.0  # seconds for the steps of both


@dataclass(frozen=True)
class Pace:
    """Seconds of an epoch of Forward-Forward and of backprop, from steps timed in turns."""

    forward_forward: float
    backprop: float

    def of(self, outcome: ArmResult) -> float:
        """Seconds of an epoch of an arm."""
        return self.backprop if outcome.arm.method == "backprop" else self.forward_forward


def pace_job(scale: Scale) -> Job:
    """The job that times the steps."""
    settings = {
        "hidden": scale.hidden,
        "batch_size": scale.batch_size,
        "seconds": min(TIMED, scale.epochs),
    }
    return Job("step_times", settings, scale.data, scale.images, 0.0, 0)


def measured(runner: Runner) -> Pace:
    """The pace on the machine on which it was measured first."""
    (record,) = runner.jobs([pace_job(runner.scale)])
    train = split_of(runner.scale.data, runner.scale.images, "cpu").train
    steps = math.ceil(len(train) / runner.scale.batch_size)
    seconds = record["step_seconds"]
    return Pace(steps * seconds["ff"], steps * seconds["backprop"])


def slower_by(
    slow: ArmResult, fast: ArmResult, clock: Pace | None = None, goal: float = GOAL
) -> rules.Comparison:
    """How many more epochs, or seconds, one arm needs to a goal than another, seed by seed.

    A run that never got there counts as the whole budget, the shorter one of the two: what is
    found is the least that the difference can be.

    Args:
        slow: The arm that is claimed to need more.
        fast: The other.
        clock: Seconds of an epoch; None compares epochs.
        goal: Validation error in percent.
    """
    unit = "epochs" if clock is None else "seconds"
    values = []
    for seed in rules.common_seeds(slow, fast):
        records = [outcome.records[seed] for outcome in (slow, fast)]
        worth = [1.0 if clock is None else clock.of(outcome) for outcome in (slow, fast)]
        pairs = list(zip(records, worth, strict=True))
        budget = min(record["job"]["epochs"] * epoch for record, epoch in pairs)
        spent = [min(reached(record, goal) * epoch, budget) for record, epoch in pairs]
        values.append(spent[0] - spent[1])
    name = f"{unit} to {100 - goal:g} %: {slow.arm.name} - {fast.arm.name}"
    return rules.compared(name, values, unit)


def median_to(outcome: ArmResult, goal: float, epoch: float = 1.0) -> str:
    """The median of the epochs to a goal over the seeds, times what an epoch is worth, in words."""
    median = statistics.median(reached(outcome.records[seed], goal) for seed in outcome.seeds)
    return f"{median * epoch:.3g}" if math.isfinite(median) else "–"

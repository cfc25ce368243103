"""How long training takes: epochs to a goal, and the seconds of an epoch, timed in alternation."""

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
    """Seconds of an epoch of Forward-Forward and of backprop, from steps timed in alternation."""

    forward_forward: float
    backprop: float

    def of(self, arm: ArmResult) -> float:
        """Seconds of an epoch of an arm."""
        return self.backprop if arm.arm.method == "backprop" else self.forward_forward

    def __str__(self) -> str:
        return (
            f"An epoch of Forward-Forward takes {self.forward_forward:.2f} s and one of backprop"
            f" {self.backprop:.2f} s"
        )


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
    slow: ArmResult, fast: ArmResult, pace: Pace | None = None, goal: float = GOAL
) -> rules.Comparison:
    """How many more epochs, or seconds at a pace, one arm needs to a goal than another, by seed.

    A run that never reached the goal counts as the whole budget, the shorter one of the two; the
    result is therefore a lower bound of the difference.
    """
    unit = "epochs" if pace is None else "seconds"
    arms = [(arm, 1.0 if pace is None else pace.of(arm)) for arm in (slow, fast)]
    values = []
    for seed in rules.common_seeds(slow, fast):
        records = [(arm.records[seed], epoch) for arm, epoch in arms]
        budget = min(record["job"]["epochs"] * epoch for record, epoch in records)
        spent = [min(reached(record, goal) * epoch, budget) for record, epoch in records]
        values.append(spent[0] - spent[1])
    return rules.compared(f"{unit} to {100 - goal:g} %: {slow.name} - {fast.name}", values, unit)


def median_to(arm: ArmResult, goal: float, epoch: float = 1.0) -> str:
    """The median over the seeds of the epochs to a goal, times ``epoch``, as text."""
    median = statistics.median(reached(arm.records[seed], goal) for seed in arm.seeds)
    return f"{median * epoch:.3g}" if math.isfinite(median) else "–"

"""Claims and the finished runs -> how much work remains."""

from __future__ import annotations

from collections.abc import Sequence

from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims.claim import Claim
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.tuning import FINALISTS, NEIGHBOURS, Tuner


def forecast(claims: Sequence[Claim], runner: Runner) -> float:
    """Work that remains, in units of `Job.cost`.

    It is a lower bound: that rates are added to a tuning, and that a cell of SGD's grid needs more
    than its first seeds, is not foreseen.
    """
    arms: dict[str, Arm] = {}
    for claim in claims:
        for arm in claim.arms(runner.scale):
            name = f"{arm.identity} {arm.longer}"
            # Of two that differ only in their seeds, the one with more.
            arms[name] = max(arm, arms.get(name, arm), key=runner.count)
    tuned = {arm.tuned.identity: arm.tuned for arm in arms.values()}
    tunings = {name: _RemainingTuning(arm, runner) for name, arm in tuned.items()}
    work = sum(tuning.work for tuning in tunings.values())
    work += sum(_finals(arm, tunings[arm.tuned.identity], runner) for arm in arms.values())
    others = [job for claim in claims for job in claim.jobs(runner.scale)]
    return work + sum(job.cost for job in runner.ledger.missing(others))


class _RemainingTuning:
    """The tuning of an arm, repeated from the ledger as far as its runs are finished.

    ``work`` is what remains of it; ``chosen`` is None unless it is finished.
    """

    def __init__(self, arm: Arm, runner: Runner) -> None:
        tuner = Tuner(arm, runner.scale)
        self.work, self.cost = 0.0, 0.0
        self.chosen: dict[str, float] | None = None
        while jobs := tuner.next():
            self.cost = jobs[0].cost
            missing = runner.ledger.missing(jobs)
            if missing:
                self.work = sum(job.cost for job in missing)
                if arm.third is not None and not tuner.third and runner.scale.factors > 1:
                    self.work += NEIGHBOURS * (len(arm.third[1]) - 1) * self.cost
                if not tuner.finals:
                    self.work += FINALISTS * (runner.scale.tuning_seeds - 1) * self.cost
                return
            for job in jobs:
                tuner.take(job, runner.ledger[job])
        self.chosen = tuner.tuning().chosen


def _finals(arm: Arm, tuning: _RemainingTuning, runner: Runner) -> float:
    if tuning.chosen is not None:
        jobs = runner.finals(arm, {**arm.settings, **tuning.chosen})
        return sum(job.cost for job in runner.ledger.missing(jobs))
    return runner.count(arm) * tuning.cost / runner.scale.tuning_fraction * arm.longer

"""Arms and jobs -> the results of their runs, from the ledger if it has them, else by running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forward_forward.lab.ledger import Ledger
from forward_forward.lab.reproduce import workers
from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.job import Job, Record
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.lab.reproduce.tuning import job_of, tune
from forward_forward.lab.workers import performed


class RunProgress:
    """Called as a reproduction advances; override what to show. This one shows nothing."""

    def start(self, work: float) -> None:
        """The reproduction starts; ``work`` is the sum of `Job.cost` over the runs to be made."""

    def claim(self, name: str, number: int, claims: int) -> None:
        """The test of a claim starts, the claim with this number (from 0) of so many."""

    def expect(self, jobs: Sequence[Job]) -> None:
        """These jobs are about to be run."""

    def done(self, job: Job) -> None:
        """One of them has been run."""

    def stop(self) -> None:
        """The reproduction has ended, finished or not."""


@dataclass
class Runner:
    """Executes the runs that claims need, except those already in the ledger."""

    scale: Scale
    ledger: Ledger
    workers: int = 1  # runs at a time
    progress: RunProgress = field(default_factory=RunProgress)
    seeds: int | None = None  # final runs of every arm; None for the scale's own numbers
    device: str = "cpu"  # where to train

    def arms(self, *arms: Arm) -> dict[str, ArmResult]:
        """Tune arms and run each with its final seeds: results by the arm's name."""
        tunings = tune(arms, self.scale, self._records)
        results = []
        for arm in arms:
            tuning = tunings[arm.tuned.identity]
            results.append(ArmResult(arm, tuning, {**arm.settings, **tuning.chosen}, {}))
        finals = [self.finals(each.arm, each.settings) for each in results]
        records = self._records([job for jobs in finals for job in jobs])
        for result, jobs in zip(results, finals, strict=True):
            result.records = {job.seed: records[job.key] for job in jobs}
        return {result.name: result for result in results}

    def jobs(self, jobs: Sequence[Job]) -> list[Record]:
        """Run jobs that belong to no arm: their records in the same order."""
        records = self._records(jobs)
        return [records[job.key] for job in jobs]

    def count(self, arm: Arm) -> int:
        """How many final runs an arm has."""
        if self.seeds is not None:
            return self.seeds
        return self.scale.deciding if arm.seeds == "deciding" else self.scale.others

    def finals(self, arm: Arm, settings: Mapping[str, Any]) -> list[Job]:
        """The final runs of an arm with the settings chosen for it."""
        epochs, seeds = self.scale.epochs * arm.longer, range(self.count(arm))
        return [job_of(arm, self.scale, settings, epochs, seed, final=True) for seed in seeds]

    def _records(self, jobs: Sequence[Job]) -> Mapping[str, Record]:
        missing = [replace(job, device=self.device) for job in self.ledger.missing(jobs)]
        missing.sort(key=lambda job: -job.cost)  # the longest first, so that none is last alone
        self.progress.expect(missing)
        for job, record in performed(workers.perform, missing, self.workers):
            self.ledger.add(record)
            self.progress.done(job)
        return {job.key: self.ledger[job] for job in jobs}

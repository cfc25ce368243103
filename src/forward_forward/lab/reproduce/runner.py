"""Arms and jobs -> the results of their runs, from the ledger if it has them, else by running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.job import Job, Record
from forward_forward.lab.reproduce.ledger import Ledger
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.lab.reproduce.tuning import images_of, tune
from forward_forward.lab.reproduce.workers import performed


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
    """Makes the runs that claims need.

    Args:
        scale: Data, network and numbers of runs.
        ledger: Finished runs, which are not repeated.
        workers: Runs at a time.
        progress: Called as the runs advance.
        seeds: Final runs of every arm; None for the scale's own numbers.
        device: Where to train.
    """

    scale: Scale
    ledger: Ledger
    workers: int = 1
    progress: RunProgress = field(default_factory=RunProgress)
    seeds: int | None = None
    device: str = "cpu"

    def arms(self, *arms: Arm) -> dict[str, ArmResult]:
        """Tune arms and run each with its final seeds: results by the arm's name."""
        tunings = tune(arms, self.scale, self._records)
        results = []
        for arm in arms:
            tuning = tunings[arm.tuned.identity]
            settings = {**arm.settings, **tuning.chosen}
            results.append(ArmResult(arm, tuning, settings, {}))
        finals = {each.arm.name: self.finals(each.arm, each.settings) for each in results}
        records = self._records([job for jobs in finals.values() for job in jobs])
        for result in results:
            result.records = {job.seed: records[job.key] for job in finals[result.arm.name]}
        return {result.arm.name: result for result in results}

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
        scale = self.scale
        settings = {**settings, "hidden": scale.hidden, "batch_size": scale.batch_size}
        epochs, images = scale.epochs * arm.longer, images_of(arm, scale)
        return [
            Job(arm.method, settings, scale.data, images, epochs, seed, final=True)
            for seed in range(self.count(arm))
        ]

    def _records(self, jobs: Sequence[Job]) -> Mapping[str, Record]:
        missing = [replace(job, device=self.device) for job in self.ledger.missing(jobs)]
        missing.sort(key=lambda job: -job.cost)  # the longest first, so that none is last alone
        self.progress.expect(missing)
        for job, record in performed(missing, self.workers):
            self.ledger.add(record)
            self.progress.done(job)
        return {job.key: self.ledger[job] for job in jobs}

"""Arms and jobs -> outcomes and records, from the ledger where they are there, else by running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forward_forward.lab.reproduce.arms import Arm, Outcome
from forward_forward.lab.reproduce.job import Job, Record
from forward_forward.lab.reproduce.ledger import Ledger
from forward_forward.lab.reproduce.pool import Watcher, performed
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.lab.reproduce.tuning import images_of, tune


@dataclass
class Lab:
    """Where claims are tested.

    Args:
        scale: How large.
        ledger: What was run before, and is not run again.
        workers: Runs at a time.
        watch: Who shows how far they are.
        seeds: Final runs of every arm; None for the scale's own numbers.
        device: Where to train.
    """

    scale: Scale
    ledger: Ledger
    workers: int
    watch: Watcher
    seeds: int | None = None
    device: str = "cpu"

    def arms(self, *arms: Arm) -> dict[str, Outcome]:
        """Tune arms and run each with its final seeds: outcomes by name."""
        tunings = tune(arms, self.scale, self._records)
        outcomes = []
        for arm in arms:
            tuning = tunings[arm.tuned.identity]
            settings = {**arm.settings, **tuning.chosen}
            outcomes.append(Outcome(arm, tuning, settings, {}))
        finals = {each.arm.name: self.finals(each.arm, each.settings) for each in outcomes}
        records = self._records([job for jobs in finals.values() for job in jobs])
        for outcome in outcomes:
            outcome.records = {job.seed: records[job.key] for job in finals[outcome.arm.name]}
        return {outcome.arm.name: outcome for outcome in outcomes}

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
        told = {**settings, "hidden": scale.hidden, "batch_size": scale.batch_size}
        epochs, images = scale.epochs * arm.longer, images_of(arm, scale)
        return [
            Job(arm.train, told, scale.data, images, epochs, seed, final=True)
            for seed in range(self.count(arm))
        ]

    def _records(self, jobs: Sequence[Job]) -> Mapping[str, Record]:
        missing = [replace(job, device=self.device) for job in self.ledger.missing(jobs)]
        missing.sort(key=lambda job: -job.cost)  # the longest first, so that none ends alone
        self.watch.expect(missing)
        for job, record in performed(missing, self.workers):
            self.ledger.add(record)
            self.watch.done(job)
        return {job.key: self.ledger[job] for job in jobs}

"""Records of finished runs <-> a file of JSON lines, so that no run is done twice."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from forward_forward.lab.reproduce.job import Job, Record

NAME = "runs.jsonl"


class Ledger:
    """The records of finished runs, by the run's key, in a folder that may not exist yet.

    A line is written as soon as its run is done. A line that a crash truncated is skipped when the
    file is read, and its run is repeated.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.records: dict[str, Record] = {}
        self._truncated = False
        if self.path.exists():
            text = self.path.read_text()
            self._truncated = bool(text) and not text.endswith("\n")
            for line in text.splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):  # truncated by a crash
                    record = json.loads(line)
                    self.records[record["key"]] = record

    def __contains__(self, job: Job) -> bool:
        return job.key in self.records

    def __getitem__(self, job: Job) -> Record:
        return self.records[job.key]

    def missing(self, jobs: Iterable[Job]) -> list[Job]:
        """The jobs that are not finished, each once."""
        by_key = {job.key: job for job in jobs if job not in self}
        return list(by_key.values())

    def add(self, record: Record) -> None:
        """Append a record; it is on disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write("\n" * self._truncated + json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._truncated = False
        self.records[record["key"]] = record

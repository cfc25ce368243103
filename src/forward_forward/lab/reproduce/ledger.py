"""Records of finished runs <-> a file of JSON lines, so that no run is done twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from forward_forward.lab.reproduce.job import Job, Record

NAME = "runs.jsonl"


class Ledger:
    """What every finished run found, by the run's key.

    A line is written as soon as its run is done; one that was cut off by a crash is left out when
    the file is read, and its run is done again.

    Args:
        folder: Where the file is, or shall be.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.records: dict[str, Record] = {}
        self._torn = False
        if self.path.exists():
            text = self.path.read_text()
            self._torn = bool(text) and not text.endswith("\n")
            for line in text.splitlines():
                self._read(line)

    def _read(self, line: str) -> None:
        try:
            record = json.loads(line)
            self.records[record["key"]] = record
        except (ValueError, KeyError, TypeError):
            return  # torn by a crash

    def __contains__(self, job: Job) -> bool:
        return job.key in self.records

    def __getitem__(self, job: Job) -> Record:
        return self.records[job.key]

    def missing(self, jobs: Iterable[Job]) -> list[Job]:
        """The jobs that are still to be done, each once."""
        by_key = {job.key: job for job in jobs if job not in self}
        return list(by_key.values())

    def add(self, record: Record) -> None:
        """Keep a record, on disk before this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write("\n" * self._torn + json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self.records[record["key"]] = record

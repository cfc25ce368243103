"""Records of finished runs <-> a file of JSON lines, so that no run is done twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from forward_forward import files, manifest
from forward_forward.entries import check_kinds

NAME = "runs.jsonl"
Record = dict[str, Any]


class Keyed(Protocol):
    """A run that has not been made, or has."""

    @property
    def key(self) -> str:
        """What identifies the run: two jobs have the same one only if they are the same run."""


J = TypeVar("J", bound=Keyed)


class Ledger:
    """The records of finished runs, by the run's key, in a folder that may not exist yet.

    A line is written as soon as its run is done, with the SHA-256 of its record. A line that a
    crash truncated is skipped when the file is read, and its run is repeated.

    Raises:
        ValueError: A line is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.records: dict[str, Record] = {}
        content = self.path.read_bytes() if self.path.exists() else b""
        self._truncated = bool(content) and not content.endswith(b"\n")
        for number, line in enumerate(content.split(b"\n"), 1):
            # A record ends with a brace: without it, a crash truncated the line.
            if line.rstrip().endswith(b"}"):
                record = self._record(number, line)
                self.records[record["key"]] = record

    def _record(self, number: int, line: bytes) -> Record:
        """The record of a line, without its SHA-256, which those of version 0.1 do not have."""
        try:
            record = json.loads(line)
            expected = record.pop(manifest.SUM, None)
            check_kinds(self.path, record, {"key": str})
            if expected not in (None, manifest.digest(record)):
                raise ValueError("its SHA-256 differs")
        except (ValueError, AttributeError) as error:
            raise ValueError(
                f"expected the record of a finished run in line {number} of {str(self.path)!r}, got"
                f" a damaged one ({error}): restore the file from a copy, or remove the line, and"
                " its run is repeated"
            ) from error
        return dict(record)

    def __contains__(self, job: Keyed) -> bool:
        return job.key in self.records

    def __getitem__(self, job: Keyed) -> Record:
        return self.records[job.key]

    def missing(self, jobs: Iterable[J]) -> list[J]:
        """The jobs that are not finished, each once."""
        by_key = {job.key: job for job in jobs if job not in self}
        return list(by_key.values())

    def add(self, record: Record) -> None:
        """Append a record; it is on disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with files.naming(self.path), self.path.open("a") as file:
            line = json.dumps(
                {**record, manifest.SUM: manifest.digest(json.loads(json.dumps(record)))}
            )
            file.write("\n" * self._truncated + line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._truncated = False
        self.records[record["key"]] = record

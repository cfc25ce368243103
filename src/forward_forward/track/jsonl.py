"""Rows of figures -> a JSONL file, one line an epoch, and back."""

from __future__ import annotations

import json
from pathlib import Path

from forward_forward import files
from forward_forward.track.watcher import Row


class Jsonl:
    """A file with one JSON object a line, one line an epoch.

    Args:
        path: The file; it is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[Row]:
        """What the file holds; a line that a crash cut short is left out."""
        rows = []
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def keep(self, epochs: int) -> list[Row]:
        """Drop rows past an epoch, those of work that was lost, and return the others."""
        rows = [row for row in self.rows() if row["epoch"] <= epochs]
        files.write(self.path, "".join(json.dumps(row) + "\n" for row in rows).encode())
        return rows

    def append(self, row: Row) -> None:
        """Add a line."""
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

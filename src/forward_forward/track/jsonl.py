"""Rows of figures <-> a JSONL file, one line per epoch."""

from __future__ import annotations

import json
from pathlib import Path

from forward_forward import files
from forward_forward.track.callback import Row


class Jsonl:
    """A file with one JSON object per line, one line per epoch.

    Args:
        path: The file; created when first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[Row]:
        """The rows in the file, without a last line that a crash cut short."""
        rows = []
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def keep(self, epochs: int) -> list[Row]:
        """Delete the rows after an epoch, whose work was lost, and return the remaining ones."""
        rows = [row for row in self.rows() if row["epoch"] <= epochs]
        files.write(self.path, "".join(json.dumps(row) + "\n" for row in rows).encode())
        return rows

    def append(self, row: Row) -> None:
        """Append a row."""
        with files.naming(self.path), self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

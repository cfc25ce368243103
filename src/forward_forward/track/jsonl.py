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
        """The rows in the file, without a last line that a crash cut short.

        Raises:
            ValueError: Another line is damaged.
        """
        rows = []
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                if number == len(lines) and not line.endswith(b"\n"):
                    break
                raise ValueError(
                    f"expected a JSON object on each line of {str(self.path)!r}, got a damaged line"
                    f" {number} ({error}): restore the file from a copy, or train again"
                ) from error
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

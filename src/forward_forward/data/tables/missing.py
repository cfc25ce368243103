"""Cells of a table and what to do with missing ones -> the rows that are left, or an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from forward_forward.data.tables.cells import OpenTable
from forward_forward.data.tables.column import Array, blank

# Fill missing cells as `Column` says, leave out the rows that have one, or refuse the table.
Missing = Literal["impute", "drop", "error"]


def refuse_missing(table: OpenTable, cells: Any, columns: Sequence[str]) -> None:
    """Reject a table with a missing cell in any of the columns, whose row the message names."""
    for name in columns:
        if (missing := blank(cells[name])).any():
            place, count = table.place(int(np.flatnonzero(missing)[0])), int(missing.sum())
            more = f" ({count:,} such cells in {len(missing):,} rows)" if count > 1 else ""
            expected = f"expected a value in column {name!r} of {table.path!r}, got a missing cell"
            fix = "fill it in, or train with --missing impute or --missing drop"
            raise ValueError(f"{place}: {expected}{more}: {fix}")


def without_missing(
    table: OpenTable, cells: Any, columns: Sequence[str], lacking: Array
) -> tuple[OpenTable, Any, list[str]]:
    """The rows without missing cells in the columns, and not ``lacking`` [n] otherwise; a note."""
    for name in columns:
        lacking = lacking | blank(cells[name])
    kept, count = np.flatnonzero(~lacking), len(lacking)
    if not len(kept):
        expected = f"expected a row without missing cells in {table.path!r}, got {count:,} with"
        fix = "train with --missing impute, or leave out a column with --drop"
        raise ValueError(f"{expected} some: {fix}")
    note = f"{count - len(kept):,} of {count:,} rows are left out, since they have missing cells"
    notes = [note] if len(kept) < count else []
    return replace(table, kept=kept), cells.iloc[kept], notes

"""A frame, as of pandas, in; its columns of numbers and text, rows by rows, out."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FRAME = "the frame"  # what messages call one


def is_frame(what: Any) -> bool:
    """Whether something is a frame, as of pandas."""
    return all(hasattr(what, name) for name in ("columns", "iloc", "dtypes"))


def frame_of(what: Any, *, of_numbers: bool) -> tuple[Any, str | None] | None:
    """A frame with a column of labels, and what that is called where it is known; else None.

    Args:
        what: Anything; a frame, or (X, y) with a frame for X.
        of_numbers: Whether an X without text is taken too, and not left for an array.
    """
    if is_frame(what):
        return what, None
    if not (isinstance(what, tuple) and len(what) == 2 and is_frame(what[0])):
        return None
    x, y = what
    if not of_numbers and all(kind.kind in "iuf" for kind in x.dtypes):
        return None
    if len(x) != len(y):
        raise ValueError(f"expected a label for each of {len(x)} rows of {FRAME}, got {len(y)}")
    name = next(each for each in ("label", "target", "the label") if each not in x.columns)
    return x.assign(**{name: np.asarray(y)}), name


def rows_of(part: Any, start: int) -> tuple[list[str], list[Array]]:
    """Some rows of a frame: what messages call each, and each column as numbers or text.

    Args:
        part: The rows.
        start: How many are before them.

    Raises:
        ValueError: A column holds neither numbers nor truth values nor text.
    """
    columns = [_column(str(name), part.iloc[:, at]) for at, name in enumerate(part.columns)]
    return [f"row {start + row}" for row in range(len(part))], columns


def _column(name: str, column: Any) -> Array:
    kind = column.dtype.kind
    if kind in "iuf":
        found: Array = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return found
    if kind not in "bO":
        expected = f"expected numbers, truth values or text in column {name!r} of {FRAME}"
        raise ValueError(f"{expected}, got {column.dtype}: turn it into such, or leave it out")
    cells = zip(column.tolist(), column.isna().tolist(), strict=True)
    return np.array(["" if blank else str(cell) for cell, blank in cells], dtype=object)

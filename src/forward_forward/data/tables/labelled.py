"""A frame, or (X, y) with a frame for X, in; one frame and the name of its column of labels out."""

from __future__ import annotations

from typing import Any

from forward_forward.data.tables.formats import FRAME, is_frame


def labelled_frame(what: Any, *, numeric: bool) -> tuple[Any, str | None] | None:
    """A frame, and the name of its column of labels where that is known; None for anything else.

    Args:
        what: Anything; a frame, or (X, y) with a frame for X.
        numeric: Whether (X, y) is taken even if X holds nothing but numbers, none of them missing,
            so that it could be read as an array.

    Raises:
        ValueError: X and y differ in length.
    """
    if is_frame(what):
        return what, None
    if not (isinstance(what, tuple) and len(what) == 2 and is_frame(what[0])):
        return None
    from forward_forward.data.tables.cells import as_pandas

    x, y = as_pandas(what[0]), what[1]
    if not numeric and all(kind.kind in "iuf" for kind in x.dtypes) and not x.isna().any(axis=None):
        return None
    if len(x) != len(y):
        raise ValueError(f"expected a label for each of {len(x)} rows of {FRAME}, got {len(y)}")
    name = next(each for each in ("label", "target", "the label") if each not in x.columns)
    labels = y.to_numpy() if hasattr(y, "to_numpy") else list(y)
    return x.assign(**{name: labels}), name

"""The column of labels [n] -> classes, or real numbers to predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forward_forward.data.tables.cells import OpenTable
from forward_forward.data.tables.column import TRUTH, Array, is_truth, numbers, text
from forward_forward.data.tables.dialect import CURRENCY

FEW = 20  # different whole numbers of a target that are always classes


def is_real(values: Array) -> bool:
    """Whether the numbers of a target are to be predicted as such, rather than as classes.

    They are if any has a fraction, or if they are more than `FEW` different whole numbers which
    occur less than `FEW` times each on average.

    Args:
        values: The target [n]; NaN where it is text or missing.

    >>> is_real(np.array([0.5, 1.0])), is_real(np.arange(100)), is_real(np.arange(100) % 3)
    (True, True, False)
    """
    if not np.isfinite(values).all():
        return False
    different = len(np.unique(values))
    fractions = bool((values != np.round(values)).any())
    return fractions or (different > FEW and len(values) < FEW * different)


def spelt_like(labels: Sequence[Any], classes: Sequence[str]) -> list[Any]:
    """Labels as the classes spell them, if those are truth values: parquet has True, CSV may not.

    >>> spelt_like(["TRUE", "no", 1], ("False", "True"))
    ['True', 'False', 'True']
    """
    if not is_truth(classes):
        return [*labels]
    spelt = {each.casefold(): each for each in classes}
    folded = [str(each).casefold() for each in labels]
    pairs = zip(labels, (TRUTH.get(each, each) for each in folded), strict=True)
    return [spelt.get(text, label) for label, text in pairs]


def unlabelled(column: Any) -> Array:
    """Which rows have no label [n]; NA may be a class."""
    return text(column).isin(("", "nan")).to_numpy()  # type: ignore[no-any-return]


def labels_of(table: OpenTable, target: str, column: Any, real: bool) -> list[Any]:
    """The cells of a target [n]: real numbers, or classes, which are text or whole numbers.

    Raises:
        ValueError: A label is missing, or is not what it should be; the message names its row.
    """
    texts = text(column)
    where = f"in column {target!r} of {table.path!r}"
    if (missing := unlabelled(column)).any():
        place = table.place(int(np.flatnonzero(missing)[0]))
        fix = "label the row, or leave it out"
        raise ValueError(f"{place}: expected a label {where}, got a blank cell: {fix}")
    values = numbers(column, table.decimal)
    finite = np.isfinite(values)
    if real and not finite.all():
        place = table.place(int(np.flatnonzero(~finite)[0]))
        found = f"got {texts.iloc[int(np.flatnonzero(~finite)[0])]!r}"
        raise ValueError(f"{place}: expected a number {where}, {found}: leave the row out")
    if real:
        return values.tolist()  # type: ignore[no-any-return]
    if not finite.all() or texts.str.contains(f"[%{CURRENCY}]").any():
        return list(texts)
    if not (values == np.round(values)).all():
        found = f"got real numbers such as {values[values != np.round(values)][0]}"
        fix = "name the column of labels (target), or predict numbers with --task regression"
        raise ValueError(f"expected classes {where}, {found}: {fix}")
    return values.astype(np.int64).tolist()  # type: ignore[no-any-return]

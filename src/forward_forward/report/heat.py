"""Values of a heat map [rows, columns], NaN if missing -> colour strengths, decimals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from forward_forward.report.numerals import decimals_for


def decimals_of(values: NDArray[np.float64]) -> int | None:
    """The number of decimals for all cells, or None if no single one suits them.

    It shows three digits of the median value and at least one of the smallest, and no digits that
    were not given.

    Args:
        values: The cells [rows, columns].

    >>> decimals_of(np.array([[1.2345, 2.5]])), decimals_of(np.array([[0.5, 1200.0]]))
    (2, 1)
    """
    present = np.abs(values[~np.isnan(values)])
    sizes = present[present > 0]
    if len(sizes) == 0:
        return 0
    smallest = -math.floor(math.log10(sizes.min()))
    given = max(len(f"{value:.6g}".partition(".")[2]) for value in present)
    if smallest > 4:
        return None
    return min(given, max(decimals_for(float(np.median(present)) / 10), smallest))


def strengths_of(
    values: NDArray[np.float64], *, low_is_good: bool
) -> tuple[list[list[float | None]], bool]:
    """Strength of each cell's colour, 0 to 1 for the best; and whether the scale is logarithmic.

    It is logarithmic above a ratio of 20, at which one bad cell would hide all other differences.

    Args:
        values: The cells [rows, columns].
        low_is_good: Whether the lowest value is the best.

    >>> strengths_of(np.array([[1.0, 3.0, np.nan]]), low_is_good=True)
    ([[1.0, 0.0, None]], False)
    """
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return [[None] * values.shape[1] for _ in values], False
    log = bool(present.min() > 0 and present.max() > 20 * present.min())
    scaled = np.log(values) if log else values
    low, high = np.nanmin(scaled), np.nanmax(scaled)
    strength = (scaled - low) / (high - low) if high > low else 0 * scaled + 0.5
    strength = 1 - strength if low_is_good else strength
    return [[None if np.isnan(each) else float(each) for each in row] for row in strength], log

"""Values of a heat map [rows, columns], NaN where missing -> shares of colour, decimals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from forward_forward.report.numerals import decimals_for


def decimals_of(values: NDArray[np.float64]) -> int | None:
    """The same decimals for all cells, or None where none would do.

    Three digits of a middling value, at least one of the smallest, and no more than were given.

    Args:
        values: The cells [rows, columns].

    >>> decimals_of(np.array([[1.2345, 2.5]])), decimals_of(np.array([[0.5, 1200.0]]))
    (2, 1)
    """
    known = np.abs(values[~np.isnan(values)])
    sizes = known[known > 0]
    if len(sizes) == 0:
        return 0
    smallest = -math.floor(math.log10(sizes.min()))
    given = max(len(f"{value:.6g}".partition(".")[2]) for value in known)
    if smallest > 4:
        return None
    return min(given, max(decimals_for(float(np.median(known)) / 10), smallest))


def shares_of(
    values: NDArray[np.float64], *, low_is_good: bool
) -> tuple[list[list[float | None]], bool]:
    """Share of colour of each cell, 0 to 1, the best the most; and whether it is logarithmic.

    It is where one bad cell would else flatten the rest: above a ratio of 20.

    Args:
        values: The cells [rows, columns].
        low_is_good: Whether the lowest is the best.

    >>> shares_of(np.array([[1.0, 3.0, np.nan]]), low_is_good=True)
    ([[1.0, 0.0, None]], False)
    """
    known = values[~np.isnan(values)]
    log = len(known) > 0 and known.min() > 0 and known.max() > 20 * known.min()
    scaled = np.log(values) if log else values
    if len(known) == 0:
        return [[None] * values.shape[1] for _ in values], False
    low, high = np.nanmin(scaled), np.nanmax(scaled)
    share = (scaled - low) / (high - low) if high > low else 0 * scaled + 0.5
    share = 1 - share if low_is_good else share
    return [[None if math.isnan(each) else float(each) for each in row] for row in share], bool(log)

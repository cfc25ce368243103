"""Numbers, some of them missing -> text for a reader, means and intervals.

A missing number is None or not finite; it is written as a dash, never as zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special  # type: ignore[import-untyped, unused-ignore]

MISSING = "–"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def finite(value: Any) -> float:
    """A number, or NaN if it is missing.

    >>> finite(None), finite("0.5"), finite(3)
    (nan, nan, 3.0)
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return math.nan


def array(values: Iterable[Any]) -> NDArray[np.float64]:
    """Numbers as float64 [count], NaN for missing ones."""
    return np.array([finite(value) for value in values], dtype=np.float64)


def mean_interval(values: Iterable[Any]) -> tuple[float, float]:
    """Mean and half width of its 95 % t interval, ``t(0.975, n - 1) sd / sqrt(n)``.

    Missing numbers are ignored; the mean of none is NaN, and the half width of fewer than two.

    >>> "{:.3f} ± {:.3f}".format(*mean_interval([1.0, 2.0, 3.0]))
    '2.000 ± 2.484'
    """
    present = array(values)
    present = present[~np.isnan(present)]
    if len(present) < 2:
        return (float(present[0]) if len(present) else math.nan), math.nan
    half = special.stdtrit(len(present) - 1, 0.975) * present.std(ddof=1) / math.sqrt(len(present))
    return float(present.mean()), float(half)


def number(value: Any, decimals: int | None = None) -> str:
    """A number as text, with three significant digits or a fixed number of decimals.

    >>> number(0.000021), number(-1234.5), number(2.5, 2), number(None)
    ('2.1 × 10⁻⁵', '−1,234', '2.50', '–')
    """
    x = finite(value)
    if math.isnan(x):
        return MISSING
    if decimals is not None:
        text = f"{x:,.{decimals}f}"
    elif isinstance(value, int) or (abs(x) < 1e6 and (x.is_integer() or abs(x) >= 999.5)):
        text = f"{x:,.0f}"
    elif abs(x) < 1e-3 or abs(x) >= 1e6:
        return _power(f"{x:.1e}")
    else:
        text = f"{x:.3g}"
    return text.replace("-", "−")


def _power(text: str) -> str:
    """Text such as 2.1e-05 with a power of ten."""
    digits, _, exponent = text.partition("e")
    digits = digits.removesuffix(".0").replace("-", "−")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return power if digits == "1" else f"{digits} × {power}"


def tick(value: float, _place: int | None = None) -> str:
    """A number as the label of a tick.

    >>> tick(0.1 + 0.2), tick(1e-6), tick(-20000)
    ('0.3', '10⁻⁶', '−20000')
    """
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return _power(f"{value:.3e}".replace("000e", "0e"))
    return f"{value:g}".replace("-", "−")


def decimals_for(width: float) -> int:
    """Decimals that show two significant digits of an interval's half width, 0 to 6."""
    return min(6, max(0, 1 - math.floor(math.log10(width)))) if width > 0 else 2


def decimals_of(values: NDArray[np.float64]) -> int | None:
    """The number of decimals for all cells [rows, columns], or None if no single one suits them.

    It shows three digits of the median value and at least one of the smallest, and no digits that
    were not given.

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


def unit_text(unit: Any) -> str:
    """A unit as written after a number.

    >>> unit_text("percent"), unit_text("points"), unit_text(None)
    (' %', ' points', '')
    """
    if not unit:
        return ""
    return " %" if unit in ("percent", "%") else f" {unit}"


def estimate(value: Any, low: Any, high: Any, unit: Any = "") -> str:
    """An estimate with its interval, all to the same decimals.

    >>> estimate(-0.418, -0.6, -0.2361, "points")
    '−0.42 points (−0.60 to −0.24)'
    """
    ends = array([value, low, high])
    if math.isnan(ends[0]):
        return MISSING
    if np.isnan(ends[1:]).all():
        return number(value) + unit_text(unit)
    decimals = None if np.nanmax(abs(ends)) < 1e-3 else decimals_for((ends[2] - ends[1]) / 2)
    middle, bottom, top = (number(float(each), decimals) for each in ends)
    return f"{middle}{unit_text(unit)} ({bottom} to {top})"


def spread(values: Iterable[Any], decimals: int = 2) -> str:
    """Mean and 95 % interval of numbers, and how many are missing.

    >>> spread([1.0, 2.0, None])
    '1.50 ± 6.35 (1 of 3 missing)'
    """
    values = list(values)
    missing = int(np.isnan(array(values)).sum())
    mean, half = mean_interval(values)
    if math.isnan(mean):
        return MISSING
    text = number(mean, decimals)
    if not math.isnan(half):
        text += f" ± {number(half, decimals)}"
    return text + (f" ({missing} of {len(values)} missing)" if missing else "")


def p_value(value: Any) -> str:
    """A p value as text.

    >>> p_value(0.00001), p_value(0.0312), p_value(None)
    ('< 0.0001', '0.031', '–')
    """
    x = finite(value)
    if math.isnan(x):
        return MISSING
    return "< 0.0001" if x < 1e-4 else f"{x:.2g}"


def plain(value: Any) -> str:
    """Any plain value as text: numbers rounded, lists joined, None as a dash."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(plain(each) for each in value)
    return number(value) if isinstance(value, int | float) else str(value)


def setting(value: Any) -> str:
    """A setting as text: numbers with all their digits, lists joined, None as "none".

    >>> setting(0.00375), setting([500, 500]), setting(None), setting(True)
    ('0.00375', '500, 500', 'none', 'yes')
    """
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(setting(each) for each in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return plain(value) if isinstance(value, bool) else str(value)

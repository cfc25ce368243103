"""Axes and the values they show -> few, readable ticks, linear or logarithmic."""

from __future__ import annotations

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import (
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from numpy.typing import NDArray

from forward_forward.display.numerals import tick

STEPS = [1, 2, 5, 10]  # of ticks


def scale(axis: Axis, values: NDArray[np.float64], *, log: bool, ticks: int = 5) -> bool:
    """Set an axis's limits, scale and about ``ticks`` ticks to show all values [count] but NaN.

    Returns whether the scale is logarithmic, which it never is if a value is not positive.
    """
    present = values[np.isfinite(values)]
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 1.0)
    log = log and low > 0
    if log:
        room = (high / low) ** 0.06 if high > low else 1.5
        limits = low / room, high * room
        locator = _log_ticks(high / low * room**2, ticks)
    else:
        room = 0.06 * (high - low) if high > low else max(abs(high) * 0.1, 1e-3)
        # A quantity that is never negative gets no axis below zero.
        limits = max(low - room, 0.0) if low >= 0 else low - room, high + room
        whole = bool((present == present.round()).all())  # such as epochs
        locator = MaxNLocator(ticks, steps=STEPS, integer=whole)
    name = axis.axis_name  # type: ignore[attr-defined]
    if log:
        getattr(axis.axes, f"set_{name}scale")("log", nonpositive="mask")
    getattr(axis.axes, f"set_{name}lim")(*limits)
    axis.set_major_locator(locator if len(present) else NullLocator())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(tick))
    axis.set_minor_formatter(NullFormatter())
    return log


def _log_ticks(ratio: float, ticks: int) -> Locator:
    """Decades, or 1, 2 and 5 in each, or linear steps: whichever gives more than one tick."""
    if ratio < 5:
        return MaxNLocator(ticks, steps=STEPS)
    return LogLocator(subs=(1.0, 2.0, 5.0)) if ratio < 100 else LogLocator(numticks=ticks)

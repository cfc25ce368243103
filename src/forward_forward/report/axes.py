"""Axes and the values they show -> few, readable ticks, linear or logarithmic; rows with names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from numpy.typing import NDArray

from forward_forward.report.numerals import tick
from forward_forward.report.svg import GRID, INK, MUTED, canvas, one_line

WIDTH = 420  # pixels of a whole figure; a phone shows 300 of them
SMALL = 300  # of one of many
LEFT, RIGHT = 54, 12  # pixels beside the axes: tick labels are on the left
STEPS = [1, 2, 5, 10]  # of ticks
LINE = 17  # pixels from one line of text to the next
STRIP = 26  # pixels of height for the dots of a row


def framed(
    width: int, height: int, *, top: int, bottom: int, left: int = LEFT
) -> tuple[Figure, Any]:
    """A figure with one pair of axes; margins in pixels."""
    figure = canvas(width, height)
    across, down = (width - left - RIGHT) / width, (height - top - bottom) / height
    return figure, figure.add_axes((left / width, bottom / height, across, down))


def plane(width: int, x_label: Any, y_label: Any) -> tuple[Figure, Any]:
    """A figure of y against x, both axes named; a small one is lower."""
    figure, axes = framed(width, 290 if width == WIDTH else 220, top=30, bottom=46)
    axes.set_xlabel(one_line(x_label))
    # A long name has room above the axis, and reads horizontally.
    axes.annotate(
        one_line(y_label),
        (0, 1),
        (-LEFT + 4, 8),
        xycoords="axes fraction",
        textcoords="offset points",
        color=axes.xaxis.label.get_color(),
        annotation_clip=False,
    )
    return figure, axes


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


def rows(width: int, height: int, *, bottom: int) -> tuple[Figure, Any]:
    """A figure for rows whose names are above them; y is in pixels, downwards."""
    figure, axes = framed(width, height + bottom, top=2, bottom=bottom, left=12)
    axes.set_ylim(height, 0)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    return figure, axes


def row_heading(axes: Any, top: float, lines: Sequence[str], value: str) -> float:
    """Write a row's name, and its value at the right; returns the y below them."""
    across = axes.get_yaxis_transform()
    for line in lines:
        axes.text(0, top, one_line(line), va="top", transform=across, color=INK)
        top += LINE
    axes.text(1, top - LINE, value, va="top", ha="right", transform=across, color=MUTED)
    return top


def row_strip(axes: Any, top: float, count: int) -> tuple[float, NDArray[np.float64]]:
    """Draw the line of a row; returns its y, and places around it for a number of dots."""
    middle = top + STRIP / 2
    across = axes.get_yaxis_transform()
    axes.plot((0, 1), (middle, middle), color=GRID, linewidth=0.8, transform=across, zorder=1)
    # Multiples of the golden ratio keep neighbours apart, and are the same every time.
    return middle, middle + 14 * (np.arange(float(count)) * 0.618034 % 1 - 0.5)

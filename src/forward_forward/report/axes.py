"""Axes and the values they are to show -> axes with few, readable ticks, linear or logarithmic."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from numpy.typing import NDArray

from forward_forward.report.numerals import tick
from forward_forward.report.svg import canvas, words

LEFT, RIGHT = 54, 12  # pixels beside the axes: tick labels stand left of them
STEPS = [1, 2, 5, 10]  # of ticks
LINE = 17  # pixels from one line of text to the next


def framed(
    width: int, height: int, *, top: int, bottom: int, left: int = LEFT
) -> tuple[Figure, Any]:
    """A figure with one pair of axes, margins in pixels."""
    figure = canvas(width, height)
    box = (
        left / width,
        bottom / height,
        (width - left - RIGHT) / width,
        (height - top - bottom) / height,
    )
    return figure, figure.add_axes(box)


def scale(axis: Axis, values: NDArray[np.float64], *, log: bool, ticks: int = 5) -> bool:
    """Set an axis's limits, scale and ticks to show values.

    Args:
        axis: The axis of x or y.
        values: All that is to be seen [count]; NaN are left out.
        log: Whether a logarithmic scale is wanted.
        ticks: About how many ticks there is room for.

    Returns:
        Whether the scale is logarithmic: never where a value is not positive.
    """
    known = values[np.isfinite(values)]
    limits = axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim  # type: ignore[attr-defined]
    scaled = axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale  # type: ignore[attr-defined]
    axis.set_minor_locator(NullLocator())
    if len(known) == 0:
        limits(0, 1)
        axis.set_major_locator(NullLocator())
        return False
    low, high = float(known.min()), float(known.max())
    log = log and low > 0
    if log:
        scaled("log", nonpositive="mask")
        room = (high / low) ** 0.06 if high > low else 1.5
        limits(low / room, high * room)
        axis.set_major_locator(_log_ticks(low / room, high * room, ticks))
    else:
        room = 0.06 * (high - low) if high > low else max(abs(high) * 0.1, 1e-3)
        # A quantity that is never negative gets no axis below zero.
        limits(max(low - room, 0) if low >= 0 else low - room, high + room)
        axis.set_major_locator(_even_ticks(known, ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(tick))
    axis.set_minor_formatter(NullFormatter())
    return log


def _even_ticks(known: NDArray[np.float64], ticks: int) -> Locator:
    """Round steps; whole ones for whole numbers, such as epochs."""
    return MaxNLocator(ticks, steps=STEPS, integer=bool((known == known.round()).all()))


def _log_ticks(low: float, high: float, ticks: int) -> Locator:
    """Decades, or their 1, 2 and 5, or plain steps: whichever gives more than one tick."""
    if high / low < 5:
        return MaxNLocator(ticks, steps=STEPS)
    decades = np.log10(high / low)
    if decades < 2:
        return LogLocator(subs=(1.0, 2.0, 5.0))
    powers = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    return FixedLocator([float(10.0**power) for power in powers[:: -(-len(powers) // ticks)]])


def label_x(axes: Any, text: Any) -> None:
    """Name the x axis, below its ticks."""
    axes.set_xlabel(words(text), labelpad=4)


def label_y(axes: Any, text: Any) -> None:
    """Name the y axis above it, where a long name has room and needs no turned head."""
    axes.annotate(
        words(text),
        (0, 1),
        (-LEFT + 4, 8),
        xycoords="axes fraction",
        textcoords="offset points",
        color=axes.xaxis.label.get_color(),
        annotation_clip=False,
    )

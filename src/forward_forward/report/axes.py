"""Sizes in pixels -> figures with axes, and rows with names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from forward_forward.report.svg import GRID, INK, MUTED, canvas, one_line

WIDTH = 420  # pixels of a whole figure; a phone shows 300 of them
SMALL = 300  # of one of many
LEFT, RIGHT = 54, 12  # pixels beside the axes: tick labels are on the left
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

"""Numbers of a figure (groups, goodness by label) -> matplotlib figures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator
from numpy.typing import NDArray

from forward_forward.display.numerals import array, decimals_for, mean_interval, number, spread
from forward_forward.display.scales import scale
from forward_forward.report import axes as scales
from forward_forward.report.axes import LINE, SMALL, STRIP, WIDTH
from forward_forward.report.svg import FONT_SIZE, GRID, INK, MUTED, one_line

NAME_LETTERS = 34  # of a group's name on a line, beside its mean


def points(groups: Sequence[Mapping[str, Any]], x_label: str, *, log: bool) -> Figure:
    """A row per group, with its ``name`` and ``values``: dots, their mean, its 95 % t interval."""
    fold = textwrap.TextWrapper(NAME_LETTERS, break_on_hyphens=False).wrap
    names = [fold(one_line(group["name"])) or ["(no name)"] for group in groups]
    height = sum(len(lines) * LINE + STRIP + 8 for lines in names) + 6
    figure, axes = scales.rows(WIDTH, height, bottom=46)
    values = [array(group["values"]) for group in groups]
    shown = np.concatenate([*values, _interval_ends(values, x_label, log)])
    is_log = scale(axes.xaxis, shown, log=log)
    note = " (linear axis: some values are not positive)" if log > is_log else ""
    axes.set_xlabel(one_line(x_label + note))
    top = 4.0
    for lines, each in zip(names, values, strict=True):
        below = scales.row_heading(axes, top, lines, spread(each) if len(each) else "no values")
        _strip(axes, below, each)
        top = below + STRIP + 8
    return figure


def _interval_ends(
    values: list[NDArray[np.float64]], x_label: str, log: bool
) -> NDArray[np.float64]:
    """Ends of the intervals; positive ones only on a log axis, and percentages within 0 to 100."""
    pairs = [mean_interval(each) for each in values]
    ends = np.array([end for mean, half in pairs for end in (mean - half, mean + half)])
    if x_label.rstrip().endswith("%"):
        ends = ends.clip(0, 100)  # the intervals of a few seeds can extend beyond them
    return ends[ends > 0] if log else ends


def _strip(axes: Any, top: float, values: NDArray[np.float64]) -> None:
    """A group's dots, their mean and its interval."""
    middle, places = scales.row_strip(axes, top, len(values))
    axes.scatter(values, places, 22, color="C0", alpha=0.6, linewidth=0)
    mean, half = mean_interval(values)
    if not math.isnan(half):
        low = max(mean - half, axes.get_xlim()[0])  # it may be negative, and the axis logarithmic
        axes.plot((low, mean + half), (middle, middle), color=INK, linewidth=2)
    if not math.isnan(mean):
        axes.plot((mean, mean), (middle - 9, middle + 9), color=INK, linewidth=2.4)


def label_goodness(
    rows: Sequence[tuple[str, NDArray[np.float64]]], predicted: int | None, true: int | None
) -> Figure:
    """Bars of goodness by label, a row for each layer and one for their sum.

    A bar is the goodness above that of the row's lowest label: only differences matter, and they
    are small compared with the goodness itself, whose range is given above the row. ``rows`` are
    names and goodness [labels].
    """
    labels = max((len(goodness) for _, goodness in rows), default=0)
    height = 62
    figure, axes = scales.rows(SMALL, len(rows) * height, bottom=34)
    axes.set_xlim(-0.6, max(labels, 1) - 0.4)
    axes.grid(visible=False)
    for index, (name, goodness) in enumerate(rows):
        fill = INK if index == len(rows) - 1 else f"C{index}"
        _bars(axes, (index + 1) * height - 2, height, name, goodness, predicted, fill)
    axes.xaxis.set_major_locator(FixedLocator(range(labels)))
    axes.xaxis.set_major_formatter(FixedFormatter([str(each) for each in range(labels)]))
    for index, each in enumerate(axes.get_xticklabels()):
        each.set_color(INK if index in (predicted, true) else MUTED)
        each.set_fontweight("bold" if index in (predicted, true) else "normal")
    for place, mark in _marks(predicted, true).items():
        axes.annotate(
            mark,
            (place, 0),
            (0, -18),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="left" if place == 0 else "right" if place >= labels - 1 else "center",
            va="top",
            fontsize=FONT_SIZE - 2,
            annotation_clip=False,
        )
    return figure


def _marks(predicted: int | None, true: int | None) -> dict[int, str]:
    """What is written below the predicted and the true label."""
    if predicted is not None and predicted == true:
        return {predicted: "predicted, true"}
    marks = {"predicted": predicted, "true": true}
    return {place: mark for mark, place in marks.items() if place is not None}


def _bars(
    axes: Any,
    base: float,
    height: int,
    name: str,
    goodness: NDArray[np.float64],
    predicted: int | None,
    fill: str,
) -> None:
    present = goodness[~np.isnan(goodness)]
    low, high = float(present.min(initial=math.inf)), float(present.max(initial=-math.inf))
    digits = decimals_for((high - low) / 2)
    title = f"{name}: {number(low, digits)} to {number(high, digits)}"
    scales.row_heading(axes, base - height + 6, [title], "")
    room = height - LINE - 12
    tall = np.nan_to_num((goodness - low) / (high - low) * room) if high > low else 0 * goodness
    shades = [to_rgba(fill, 1.0 if place == predicted else 0.45) for place in range(len(goodness))]
    axes.bar(range(len(goodness)), -np.maximum(tall, 1), 0.72, base, color=shades, linewidth=0)
    axes.plot((0, 1), (base, base), color=GRID, transform=axes.get_yaxis_transform(), linewidth=0.8)

"""Numbers of a figure (groups, curves, counts, goodness by label) -> matplotlib figures."""

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

from forward_forward.report import axes as scales
from forward_forward.report.axes import LINE
from forward_forward.report.numerals import array, decimals_for, mean_interval, number, spread
from forward_forward.report.svg import FONT_SIZE, GRID, INK, MUTED, SERIES, words

WIDTH = 420  # pixels of a whole figure; a phone shows 300 of them
SMALL = 300  # of one of many
NAME_LETTERS = 34  # of a group's name on a line, beside its mean
DASHES = ("-", "--", ":")  # with eight colours: 24 lines that differ
STRIP = 26  # pixels of height for a group's dots


def colour(index: int) -> str:
    """Colour of the series with this place in a figure."""
    return SERIES[index % len(SERIES)]


def points(groups: Sequence[Mapping[str, Any]], x_label: str, *, log: bool) -> Figure:
    """One row a group: every value a dot, their mean and its 95 % t interval.

    Args:
        groups: Each with a ``name`` and ``values``.
        x_label: What is measured, with its unit.
        log: Whether the axis is logarithmic; it is linear where a value is not positive.
    """
    names = [
        textwrap.wrap(words(group["name"]), NAME_LETTERS, break_on_hyphens=False) or [MISSING_NAME]
        for group in groups
    ]
    heights = [len(lines) * LINE + STRIP + 8 for lines in names]
    total = sum(heights) + 6
    figure, axes = scales.framed(WIDTH, total + 48, top=2, bottom=46, left=12)
    values = [array(group["values"]) for group in groups]
    shown = scales.scale(
        axes.xaxis, np.concatenate([*values, _ends(values, x_label, log), np.empty(0)]), log=log
    )
    axes.set_ylim(total, 0)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    scales.label_x(axes, x_label + (" (linear axis: some are not positive)" if log > shown else ""))
    top = 4.0
    for lines, height, group in zip(names, heights, groups, strict=True):
        _row(axes, top, lines, array(group["values"]))
        top += height
    return figure


MISSING_NAME = "(no name)"


def _ends(values: list[NDArray[np.float64]], x_label: str, log: bool) -> NDArray[np.float64]:
    """Ends of the intervals, which are to be seen too; on a log axis only where positive.

    Those of percentages are seen as far as 0 and 100, which few seeds' intervals go beyond.
    """
    pairs = [mean_interval(each) for each in values]
    ends = np.array([end for mean, half in pairs for end in (mean - half, mean + half)])
    if x_label.rstrip().endswith("%"):
        ends = ends.clip(0, 100)
    return ends[ends > 0] if log else ends


def _row(axes: Any, top: float, lines: list[str], values: NDArray[np.float64]) -> None:
    """A group's name above its dots, its mean in words at the right."""
    across = axes.get_yaxis_transform()
    for index, line in enumerate(lines):
        axes.text(0, top + index * LINE, line, va="top", transform=across)
    text = spread(values) if len(values) else "no values"
    at = top + (len(lines) - 1) * LINE
    axes.text(1, at, text, va="top", ha="right", transform=across, color=MUTED)
    middle = top + len(lines) * LINE + STRIP / 2
    axes.plot((0, 1), (middle, middle), color=GRID, linewidth=0.8, transform=across, zorder=1)
    # The golden ratio spreads neighbours apart, the same way each time.
    places = np.arange(len(values)) * 0.618034 % 1 - 0.5
    axes.scatter(values, middle + places * 14, 22, color=colour(0), alpha=0.6, linewidth=0)
    mean, half = mean_interval(values)
    if not math.isnan(half):
        low = max(mean - half, axes.get_xlim()[0])  # a log axis has no room below
        axes.plot((low, mean + half), (middle, middle), color=INK, linewidth=2)
    if not math.isnan(mean):
        axes.plot((mean, mean), (middle - 9, middle + 9), color=INK, linewidth=2.4)


def curves(
    series: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    x_label: str,
    y_label: str,
    *,
    x_log: bool,
    y_log: bool,
    levels: Sequence[float] = (),
    width: int = WIDTH,
) -> Figure:
    """Every seed a thin line, their mean a thick one; a missing number is a gap.

    The mean is drawn where every seed has a number (a seed with none at all is left out of it): a
    mean that goes on without those that failed would look better than they did.

    Args:
        series: Pairs of x [points] and y [seeds, points].
        x_label: What x is, with its unit.
        y_label: What y is, with its unit.
        x_log: Whether the x axis is logarithmic.
        y_log: Whether the y axis is.
        levels: Values of y to mark by a thin line.
        width: Pixels.
    """
    height = 290 if width == WIDTH else 220
    figure, axes = scales.framed(width, height, top=30, bottom=46)
    nothing: NDArray[np.float64] = np.empty(0)
    every_x = np.concatenate([*(x for x, _ in series), nothing])
    every_y = np.concatenate([*(y.ravel() for _, y in series), np.asarray(levels, float), nothing])
    ticks = 5 if width == WIDTH else 4
    scales.scale(axes.xaxis, every_x, log=x_log, ticks=ticks)
    # A value that is not positive is a gap on a log axis: it must not turn the axis linear.
    positive = every_y[every_y > 0]
    scales.scale(axes.yaxis, positive if y_log and len(positive) else every_y, log=y_log)
    for level in levels:
        axes.axhline(level, color=MUTED, linewidth=1, dashes=(2, 2), zorder=1)
    for index, (x, y) in enumerate(series):
        _curve(axes, x, y, index)
    scales.label_x(axes, x_label)
    scales.label_y(axes, y_label)
    return figure


def _curve(axes: Any, x: NDArray[np.float64], y: NDArray[np.float64], index: int) -> None:
    style, marker = DASHES[index % len(DASHES)], "o" if len(x) <= 12 else ""
    if len(y) > 1:
        for seed in y:
            axes.plot(x, seed, color=colour(index), linewidth=0.8, alpha=0.45, zorder=2)
            if marker:
                axes.scatter(x, seed, 7, color=colour(index), alpha=0.45, linewidth=0, zorder=2)
    known = y[~np.isnan(y).all(1)]
    if len(known):
        mean = known.mean(0)  # NaN, a gap, where one seed has no number
        line = {"linestyle": style, "marker": marker, "markersize": 4}
        axes.plot(x, mean, color=colour(index), linewidth=2.2, zorder=3, **line)


def histogram(
    series: Sequence[tuple[int, NDArray[np.float64], NDArray[np.float64]]],
    x_label: str,
    bounds: tuple[float, float],
    level: float = math.nan,
) -> Figure:
    """Outlines of counts, one above the other.

    Args:
        series: Place of its colour, edges [bins + 1] and counts [bins].
        x_label: What was counted.
        bounds: Least and greatest edge of all panels, so that they can be compared.
        level: A value of x to mark by a thin line; NaN for none.
    """
    figure, axes = scales.framed(SMALL, 190, top=10, bottom=46, left=44)
    scales.scale(axes.xaxis, np.array(bounds), log=False, ticks=4)
    if not math.isnan(level):
        axes.axvline(level, color=MUTED, linewidth=1, dashes=(2, 2), zorder=1)
    highest = max((float(counts.max()) for _, _, counts in series if len(counts)), default=0.0)
    scales.scale(axes.yaxis, np.array([0, highest]) if highest else np.empty(0), log=False, ticks=3)
    for index, edges, counts in series:
        if len(counts) == 0:
            continue
        line = {"linestyle": DASHES[index % len(DASHES)], "linewidth": 1.8}
        axes.stairs(counts, edges, color=colour(index), fill=True, alpha=0.18, linewidth=0)
        axes.stairs(counts, edges, color=colour(index), **line)
    scales.label_x(axes, x_label)
    return figure


def label_goodness(
    rows: Sequence[tuple[str, NDArray[np.float64]]], chosen: int | None, true: int | None
) -> Figure:
    """Bars of goodness by label, a row a layer and one for their sum.

    A bar is the goodness above that of the row's lowest label: only the differences decide, and
    they are small beside the goodness itself, whose range stands above the row.

    Args:
        rows: Name and goodness [labels] of each.
        chosen: The label that was read.
        true: The right one.
    """
    labels = max((len(goodness) for _, goodness in rows), default=0)
    row_height, bottom = 62, 34
    figure, axes = scales.framed(
        SMALL, len(rows) * row_height + bottom, top=0, bottom=bottom, left=12
    )
    axes.set_ylim(len(rows) * row_height, 0)
    axes.set_xlim(-0.6, max(labels, 1) - 0.4)
    axes.grid(visible=False)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    for index, (name, goodness) in enumerate(rows):
        _bars(axes, index, row_height, name, goodness, chosen, last=index == len(rows) - 1)
    axes.xaxis.set_major_locator(FixedLocator(range(labels)))
    axes.xaxis.set_major_formatter(FixedFormatter([str(each) for each in range(labels)]))
    for index, each in enumerate(axes.get_xticklabels()):
        each.set_color(INK if index in (chosen, true) else MUTED)
        each.set_fontweight("bold" if index in (chosen, true) else "normal")
    for place, mark in _marks(chosen, true):
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


def _marks(chosen: int | None, true: int | None) -> list[tuple[int, str]]:
    """Words below the labels that were read and that are right."""
    if chosen is not None and chosen == true:
        return [(chosen, "read, true")]
    marks = {"read": chosen, "true": true}
    return [(place, mark) for mark, place in marks.items() if place is not None]


def _bars(
    axes: Any,
    index: int,
    height: int,
    name: str,
    goodness: NDArray[np.float64],
    chosen: int | None,
    *,
    last: bool,
) -> None:
    base = (index + 1) * height - 2
    known = goodness[~np.isnan(goodness)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (math.nan, math.nan)
    digits = decimals_for((high - low) / 2)
    title = f"{words(name)}: {number(low, digits)} to {number(high, digits)}"
    axes.text(
        0, base - height + 6, title, va="top", color=INK, transform=axes.get_yaxis_transform()
    )
    room = height - LINE - 12
    tall = np.nan_to_num((goodness - low) / (high - low) * room) if high > low else 0 * goodness
    fill = INK if last else colour(index)
    shades = [to_rgba(fill, 1.0 if place == chosen else 0.45) for place in range(len(goodness))]
    axes.bar(range(len(goodness)), -np.maximum(tall, 1), 0.72, base, color=shades, linewidth=0)
    axes.plot((0, 1), (base, base), color=GRID, transform=axes.get_yaxis_transform(), linewidth=0.8)

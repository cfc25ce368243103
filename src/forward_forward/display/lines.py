"""Curves and counts of a figure's dictionary -> lines in matplotlib axes, in the current style."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rcParams
from numpy.typing import NDArray

from forward_forward.display.numerals import array, finite
from forward_forward.display.scales import scale

DASHES = ("-", "--", ":")  # with a report's eight colours: 24 lines that differ
Figure = Mapping[str, Any]


def curves(axes: Any, figure: Figure, ticks: int = 5) -> None:
    """A thin line for each seed and a thick one for their mean; a missing number is a gap.

    The mean is drawn only at points where every seed has a number (a seed with none at all is
    ignored): without the seeds that failed, the mean would look better than it is.

    ``figure`` has ``series``, each with a ``name``, ``x`` [points] and ``y`` [seeds, points]; and
    perhaps ``x_log``, ``y_log`` and ``levels``, values of y to mark with a dotted line.
    """
    series = [_xy(each) for each in figure["series"]]
    levels = [level for level in array(figure.get("levels") or ()) if not math.isnan(level)]
    every_x = np.concatenate([x for x, _ in series])
    every_y = np.concatenate([*(y.ravel() for _, y in series), np.asarray(levels, float)])
    y_log = bool(figure.get("y_log"))
    scale(axes.xaxis, every_x, log=bool(figure.get("x_log")), ticks=ticks)
    # A value that is not positive is a gap on a log axis: it must not make the axis linear.
    positive = every_y[every_y > 0]
    scale(axes.yaxis, positive if y_log and len(positive) else every_y, log=y_log)
    for level in levels:
        axes.axhline(level, **_marked())
    for index, (each, (x, y)) in enumerate(zip(figure["series"], series, strict=True)):
        _curve(axes, x, y, index, str(each["name"]))


def _marked() -> dict[str, Any]:
    """The style of a line at a value to compare with."""
    return {"color": rcParams["xtick.color"], "linewidth": 1, "dashes": (2, 2), "zorder": 1}


def _xy(series: Figure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The x [points] and y [seeds, points] of a series."""
    x = array(series["x"])
    for y in series["y"]:
        if len(y) != len(x):
            raise ValueError(
                f"series {series['name']!r} expects {len(x)} values of y per seed, as many as of x,"
                f" got {len(y)}: use None for missing values"
            )
    return x, np.array([array(y) for y in series["y"]]).reshape(len(series["y"]), len(x))


def _curve(
    axes: Any, x: NDArray[np.float64], y: NDArray[np.float64], index: int, name: str
) -> None:
    style, marker, colour = DASHES[index % len(DASHES)], "o" if len(x) <= 12 else "", f"C{index}"
    if len(y) > 1:
        for seed in y:
            axes.plot(x, seed, color=colour, linewidth=0.8, alpha=0.45, zorder=2)
            if marker:
                axes.scatter(x, seed, 7, color=colour, alpha=0.45, linewidth=0, zorder=2)
    present = y[~np.isnan(y).all(1)]
    if len(present):
        mean = present.mean(0)  # NaN, which is a gap, if one seed has no number
        line = {"linestyle": style, "marker": marker, "markersize": 4, "label": name}
        axes.plot(x, mean, color=colour, linewidth=2.2, zorder=3, **line)


def names_of(panels: Sequence[Figure]) -> list[str]:
    """The names of the series of all panels, in the order of their colours."""
    return list(dict.fromkeys(str(each["name"]) for panel in panels for each in panel["series"]))


def histogram(axes: Any, panel: Figure, names: Sequence[str], compared: Sequence[Figure]) -> None:
    """Outlines of counts, one over the other, on an axis that suits all panels it is compared with.

    ``panel`` has ``series``, each with a name among ``names``, ``edges`` [bins + 1] and ``counts``
    [bins]; and perhaps ``level``, a value of x to mark, which counts if the axis is its own.
    """
    level = finite(panel.get("level"))
    bounds = _bounds(compared, level if len(compared) == 1 else math.nan)
    scale(axes.xaxis, np.array(bounds), log=False, ticks=4)
    if not math.isnan(level):
        axes.axvline(level, **_marked())
    series = [(names.index(str(each["name"])), *_counted(each)) for each in panel["series"]]
    highest = max((float(counts.max()) for _, _, counts in series if len(counts)), default=0.0)
    scale(axes.yaxis, np.array([0, highest]) if highest else np.empty(0), log=False, ticks=3)
    for index, edges, counts in series:
        if len(counts) == 0:
            continue
        line = {"linestyle": DASHES[index % len(DASHES)], "linewidth": 1.8, "label": names[index]}
        axes.stairs(counts, edges, color=f"C{index}", fill=True, alpha=0.18, linewidth=0)
        axes.stairs(counts, edges, color=f"C{index}", **line)


def _bounds(panels: Sequence[Figure], level: float) -> tuple[float, float]:
    """The least and the greatest edge of all panels, and a level that is not far from them."""
    edges = array(edge for panel in panels for each in panel["series"] for edge in each["edges"])
    present = edges[~np.isnan(edges)]
    if not len(present):
        return 0.0, 1.0
    low, high = float(present.min()), float(present.max())
    near = 2 * low - high <= level <= 2 * high - low
    return (min(low, level), max(high, level)) if near else (low, high)


def _counted(series: Figure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    edges, counts = array(series["edges"]), np.nan_to_num(array(series["counts"]))
    if len(counts) and len(edges) != len(counts) + 1:
        raise ValueError(
            f"series {series['name']!r} expects one more edge than its {len(counts)} counts, got"
            f" {len(edges)}"
        )
    return edges, counts

"""Trials of a sweep, each with its errors by epoch -> matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from forward_forward.report import axes as scales
from forward_forward.report.axes import LINE
from forward_forward.report.draw import SMALL, STRIP, WIDTH, colour
from forward_forward.report.numerals import array, finite, number
from forward_forward.report.svg import GRID, INK, MUTED, PAPER, words

ERROR = "validation error, %"
Trial = Mapping[str, Any]


def history(trials: Sequence[Trial]) -> Figure:
    """Each trial's error by its number, and the best of the complete ones so far.

    Args:
        trials: In order, with ``number``, ``state`` and ``validation_error`` in percent.
    """
    figure, axes = scales.framed(WIDTH, 290, top=30, bottom=46)
    numbers, errors = _column(trials, "number"), _column(trials, "validation_error")
    scales.scale(axes.xaxis, numbers, log=False)
    scales.scale(axes.yaxis, errors, log=True)
    whole = np.array([trial["state"] == "complete" for trial in trials], bool)
    known = np.where(whole & ~np.isnan(errors), errors, np.inf)
    best = np.minimum.accumulate(known) if len(known) else known
    best[np.isinf(best)] = np.nan
    axes.step(numbers, best, where="post", color=colour(1), linewidth=2.2, zorder=2)
    _dots(axes, numbers, errors, whole)
    scales.label_x(axes, "trial")
    scales.label_y(axes, ERROR)
    return figure


def curves(trials: Sequence[Trial], best: int | None) -> Figure:
    """Error by epoch, a line a trial; those that ended early end in a cross.

    Args:
        trials: With ``number``, ``state`` and ``curve``, an error an epoch in percent.
        best: Number of the best one, or None.
    """
    figure, axes = scales.framed(WIDTH, 290, top=30, bottom=46)
    lines = [(trial, array(trial["curve"])) for trial in trials if trial["curve"]]
    longest = max((len(errors) for _, errors in lines), default=1)
    scales.scale(axes.xaxis, np.arange(1.0, longest + 1), log=False)
    scales.scale(axes.yaxis, np.concatenate([*(y for _, y in lines), np.empty(0)]), log=True)
    for trial, errors in lines:
        epochs = np.arange(1, len(errors) + 1)
        whole, chosen = trial["state"] == "complete", trial["number"] == best
        line = colour(1) if chosen else colour(0) if whole else MUTED
        look = {"linewidth": 2.6, "zorder": 4} if chosen else {"linewidth": 1, "alpha": 0.55}
        axes.plot(epochs, errors, color=line, **look)
        if not whole:
            end = {"marker": "x", "s": 26, "linewidth": 1.4, "zorder": 3}
            axes.scatter(epochs[-1:], errors[-1:], color=MUTED, **end)
        elif len(errors) == 1:  # a line of one point is none
            axes.scatter(epochs, errors, 16, color=line, linewidth=0, zorder=4)
    scales.label_x(axes, "epoch")
    scales.label_y(axes, ERROR)
    return figure


def bars(shares: Mapping[str, float]) -> Figure:
    """A bar for each share, its name above it.

    Args:
        shares: From 0 to 1, by name, in the order to be shown.
    """
    height = len(shares) * (LINE + 22) + 6
    figure, axes = _rows(height, bottom=6)
    axes.set_xlim(0, max(shares.values(), default=1) or 1)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    for place, (name, share) in enumerate(shares.items()):
        top = place * (LINE + 22) + 4
        _heading(axes, top, name, f"{100 * share:.0f} %")
        axes.barh(top + LINE + 7, share, 9, color=colour(0), linewidth=0)
    return figure


def slice_of(trials: Sequence[Trial], name: str, *, log: bool) -> Figure:
    """Error against a setting that is a number.

    Args:
        trials: With ``state``, ``validation_error`` and the values ``searched``.
        name: The setting's.
        log: Whether the setting's axis is logarithmic.
    """
    figure, axes = scales.framed(SMALL, 220, top=30, bottom=46)
    values = array(trial["searched"][name] for trial in trials)
    errors = _column(trials, "validation_error")
    scales.scale(axes.xaxis, values, log=log, ticks=4)
    scales.scale(axes.yaxis, errors, log=True)
    _dots(axes, values, errors, np.array([trial["state"] == "complete" for trial in trials], bool))
    scales.label_x(axes, name.rpartition(".")[2])
    scales.label_y(axes, ERROR)
    return figure


def slices(trials: Sequence[Trial], name: str) -> Figure:
    """Error of each option of a setting, a row an option.

    Args:
        trials: With ``state``, ``validation_error`` and the values ``searched``.
        name: The setting's.
    """
    options = list(dict.fromkeys(str(trial["searched"][name]) for trial in trials))
    row = LINE + STRIP + 8
    height = len(options) * row + 6
    figure, axes = _rows(height, bottom=46, width=SMALL)
    scales.scale(axes.xaxis, _column(trials, "validation_error"), log=True, ticks=4)
    for place, option in enumerate(sorted(options)):
        top = place * row + 4
        own = [trial for trial in trials if str(trial["searched"][name]) == option]
        errors = _column(own, "validation_error")
        whole = np.array([trial["state"] == "complete" for trial in own], bool)
        best = errors[whole & ~np.isnan(errors)].min(initial=np.inf)
        _heading(axes, top, _shortened(option), f"best {number(finite(float(best)), 2)}")
        middle = top + LINE + STRIP / 2
        across = axes.get_yaxis_transform()
        axes.plot((0, 1), (middle, middle), color=GRID, linewidth=0.8, transform=across, zorder=1)
        # The golden ratio spreads neighbours apart, the same way each time.
        places = middle + (np.arange(float(len(own))) * 0.618034 % 1 - 0.5) * 14
        _dots(axes, errors, places, whole)
    scales.label_x(axes, ERROR)
    return figure


def _column(trials: Sequence[Trial], name: str) -> NDArray[np.float64]:
    return array(trial[name] for trial in trials)


def _dots(
    axes: Any, x: NDArray[np.float64], y: NDArray[np.float64], whole: NDArray[np.bool_]
) -> None:
    """Complete trials as dots, others as rings."""
    look = {"zorder": 3, "clip_on": False}
    axes.scatter(x[whole], y[whole], 24, color=colour(0), alpha=0.75, linewidth=0, **look)
    ring = {"facecolor": PAPER, "edgecolor": MUTED, "linewidth": 1.2}
    axes.scatter(x[~whole], y[~whole], 22, **ring, **look)


def _rows(height: int, *, bottom: int, width: int = WIDTH) -> tuple[Figure, Any]:
    """Axes for rows that have their names above them, from the top down."""
    figure, axes = scales.framed(width, height + bottom, top=2, bottom=bottom, left=12)
    axes.set_ylim(height, 0)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    return figure, axes


def _heading(axes: Any, top: float, name: str, value: str) -> None:
    """A row's name, and its figure at the right."""
    across = axes.get_yaxis_transform()
    axes.text(0, top, words(name), va="top", transform=across, color=INK)
    axes.text(1, top, value, va="top", ha="right", transform=across, color=MUTED)


def _shortened(option: str) -> str:
    """An option without its ranges, where it has any: they have figures of their own."""
    return option.partition("(")[0] if ".." in option else option

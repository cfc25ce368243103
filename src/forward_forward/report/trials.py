"""Trials of a sweep, as in its trials.json, with errors in percent -> matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from forward_forward.display.numerals import array, finite, number
from forward_forward.display.scales import scale
from forward_forward.report import axes as scales
from forward_forward.report.axes import LINE, SMALL, STRIP, WIDTH
from forward_forward.report.svg import MUTED, PAPER

ERROR = "validation error, %"
Trial = Mapping[str, Any]


def history(trials: Sequence[Trial]) -> Figure:
    """The error of each trial, in order, and the lowest error of the complete trials so far."""
    figure, axes = scales.plane(WIDTH, "trial", ERROR)
    numbers, errors, complete = _columns(trials)
    scale(axes.xaxis, numbers, log=False)
    scale(axes.yaxis, errors, log=True)
    best = np.fmin.accumulate(np.where(complete, errors, np.nan))
    axes.step(numbers, best, where="post", color="C1", linewidth=2.2, zorder=2)
    _dots(axes, numbers, errors, complete)
    return figure


def curves(trials: Sequence[Trial], best: int | None) -> Figure:
    """Error by epoch, one line per trial; trials that ended early end in a cross.

    ``best`` is the number of the best trial, if there is one.
    """
    figure, axes = scales.plane(WIDTH, "epoch", ERROR)
    lines = [(trial, array(trial["curve"])) for trial in trials if trial["curve"]]
    longest = max((len(errors) for _, errors in lines), default=1)
    scale(axes.xaxis, np.arange(1.0, longest + 1), log=False)
    scale(axes.yaxis, np.concatenate([*(y for _, y in lines), np.empty(0)]), log=True)
    for trial, errors in lines:
        epochs = np.arange(1, len(errors) + 1)
        complete, is_best = trial["state"] == "complete", trial["number"] == best
        line = "C1" if is_best else "C0" if complete else MUTED
        look = {"linewidth": 2.6, "zorder": 4} if is_best else {"linewidth": 1, "alpha": 0.55}
        axes.plot(epochs, errors, color=line, **look)
        if not complete:
            end = {"marker": "x", "s": 26, "linewidth": 1.4, "zorder": 3}
            axes.scatter(epochs[-1:], errors[-1:], color=MUTED, **end)
        elif len(errors) == 1:  # a line of one point is invisible
            axes.scatter(epochs, errors, 16, color=line, linewidth=0, zorder=4)
    return figure


def bars(fractions: Mapping[str, float]) -> Figure:
    """A bar for each fraction, 0 to 1, its name above it."""
    step = LINE + 22
    figure, axes = scales.rows(WIDTH, len(fractions) * step + 6, bottom=6)
    axes.set_xlim(0, max(fractions.values(), default=1) or 1)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    for index, (name, fraction) in enumerate(fractions.items()):
        below = scales.row_heading(axes, index * step + 4, [name], f"{100 * fraction:.0f} %")
        axes.barh(below + 7, fraction, 9, color="C0", linewidth=0)
    return figure


def numeric_slice(trials: Sequence[Trial], name: str, *, log: bool) -> Figure:
    """Error against a numeric setting that was searched."""
    figure, axes = scales.plane(SMALL, name.rpartition(".")[2], ERROR)
    values = array(trial["searched"][name] for trial in trials)
    _, errors, complete = _columns(trials)
    scale(axes.xaxis, values, log=log, ticks=4)
    scale(axes.yaxis, errors, log=True)
    _dots(axes, values, errors, complete)
    return figure


def option_slice(trials: Sequence[Trial], name: str) -> Figure:
    """Error of each option of a categorical setting that was searched, one row per option."""
    options = sorted({str(trial["searched"][name]) for trial in trials})
    step = LINE + STRIP + 8
    figure, axes = scales.rows(SMALL, len(options) * step + 6, bottom=46)
    scale(axes.xaxis, _columns(trials)[1], log=True, ticks=4)
    for index, option in enumerate(options):
        own = [trial for trial in trials if str(trial["searched"][name]) == option]
        _, errors, complete = _columns(own)
        best = errors[complete & ~np.isnan(errors)].min(initial=np.inf)
        # Ranges within an option have figures of their own.
        heading = option.partition("(")[0] if ".." in option else option
        value = f"best {number(finite(float(best)), 2)}"
        below = scales.row_heading(axes, index * step + 4, [heading], value)
        _, places = scales.row_strip(axes, below, len(own))
        _dots(axes, errors, places, complete)
    axes.set_xlabel(ERROR)
    return figure


def _columns(
    trials: Sequence[Trial],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers, errors and whether complete, of each trial [trials]."""
    complete = np.array([each["state"] == "complete" for each in trials], bool)
    numbers = array(each["number"] for each in trials)
    return numbers, array(each["validation_error"] for each in trials), complete


def _dots(
    axes: Any, x: NDArray[np.float64], y: NDArray[np.float64], complete: NDArray[np.bool_]
) -> None:
    """Complete trials as dots, others as rings."""
    look = {"zorder": 3, "clip_on": False}
    axes.scatter(x[complete], y[complete], 24, color="C0", alpha=0.75, linewidth=0, **look)
    ring = {"facecolor": PAPER, "edgecolor": MUTED, "linewidth": 1.2}
    axes.scatter(x[~complete], y[~complete], 22, **ring, **look)

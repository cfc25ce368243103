"""Figures of parts -> a table for the terminal, and a plot of errors and step times."""

from __future__ import annotations

import itertools
import operator
from typing import Any

from forward_forward.lab.benchmark.show import as_png, as_text, threads

Row = dict[str, Any]
COLOURS = {
    "loss": "tab:blue",
    "goodness": "tab:orange",
    "negatives": "tab:green",
    "readout": "tab:red",
    "term": "tab:purple",
}


def table(result: dict[str, Any]) -> str:
    """What `benchmark_parts` returned, as text."""
    rows = []
    for kind, parts in itertools.groupby(result["parts"], key=operator.itemgetter("kind")):
        rows += [[("part", kind)], *map(_cells, parts)]
    return "\n".join([as_text(rows, width=120), *_notes(result)])


def _cells(row: Row) -> list[tuple[str, str]]:
    error, difference = "failed" if row["failed"] else "", ""
    if row["error"] is not None:
        error = _with_half(row["error"], row["interval"])
        if not row["standard"]:
            difference = _with_half(row["difference"], row["difference_interval"], sign="+")
    return [
        ("part", f"  {_name(row)}"),
        ("step", f"{row['step_vs_standard']:.2f}"),
        ("gradients", row["gradients"] or ""),
        ("validation error, %", error),
        ("minus standard's", difference),
    ]


def _with_half(mean: float, interval: list[float], sign: str = "") -> str:
    return f"{mean:{sign}.2f} ± {interval[1] - mean:.2f}".replace("-", "−")


def _notes(result: dict[str, Any]) -> list[str]:
    machine, budget = result["machine"], result["budget"]
    hidden = " - ".join(map(str, budget["hidden"]))
    seeds = len(budget["seeds"])
    failed = [f"{row['name']}: {row['failed']}" for row in result["parts"] if row["failed"]]
    return [
        f"{result['data']}: {budget['training']:,} training and {budget['validation']:,} validation"
        f" samples; {hidden} units, {budget['epochs']} epochs, {seeds} seeds, mean and 95 % t"
        " interval; otherwise the standard recipe, whose settings were chosen for its own parts;"
        " for read-outs and terms the recipe one_pass",
        "step: time relative to the standard part's, at the fastest tenth;"
        f" {threads(machine)}, {machine['cpu_capability']}, torch {machine['torch']}",
        *failed,
    ]


def plot(result: dict[str, Any]) -> bytes:
    """Validation errors with their intervals, and step times, as a PNG."""
    from matplotlib.figure import Figure

    rows = result["parts"]
    figure = Figure(figsize=(11, 1.2 + 0.32 * len(rows)), layout="constrained")
    errors, steps = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    for place, row in enumerate(rows):
        colour = COLOURS[row["kind"]]
        marker = "D" if row["own"] else "o"
        if row["error"] is not None:
            half = row["interval"][1] - row["error"]
            errors.errorbar(row["error"], place, xerr=half, fmt=marker, color=colour, capsize=3)
        steps.barh(place, row["step_vs_standard"], color=colour, height=0.6)
    errors.set_yticks(
        range(len(rows)), [f"{row['kind']}  {_name(row)}" for row in rows], fontsize=8
    )
    errors.invert_yaxis()
    errors.set_xlim(left=0)
    errors.set_xlabel(f"validation error on {result['data']}, %, and 95 % interval", fontsize=9)
    steps.axvline(1, color="grey", linewidth=0.8)
    steps.set_xlabel("step, relative to the standard's", fontsize=9)
    return as_png(figure)


def _name(row: Row) -> str:
    mark = " (standard)" if row["standard"] else " (own)" if row["own"] else ""
    return f"{row['name']}{mark}"

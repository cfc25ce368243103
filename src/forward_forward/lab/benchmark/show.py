"""A benchmark's figures -> a table for the terminal, and a plot of step times and memory."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = {
    "engine": "this engine",
    "one_pass": "this engine, one pass",
    "autograd_ff": "FF by autograd",
    "backprop": "backprop",
    "backprop_by_hand": "backprop, no graph",
    "deep_supervision": "backprop, deep supervision",
    "sklearn": "scikit-learn",
}


def table(result: dict[str, Any]) -> str:
    """What `benchmark` returned, as text."""
    rows = [_cells(row) for row in result["networks"]]
    return "\n".join([as_text(rows, width=160), *_notes(result)])


def as_text(rows: Sequence[Sequence[tuple[str, str]]], width: int) -> str:
    """Rows of (column, cell) as a plain table, without spaces at the ends of lines.

    All columns but the first are on the right; a row of one cell, never the last, is a heading.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for place, (column, _) in enumerate(rows[-1]):
        table.add_column(column, justify="right" if place else "left")
    for row in rows:
        table.add_row(*(cell for _, cell in row))
    text = io.StringIO()
    Console(file=text, width=width, highlight=False, markup=False).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def as_png(figure: Figure) -> bytes:
    """A matplotlib figure as a PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    return content.getvalue()


def grouped_bars(axes: Any, series: Mapping[str, Sequence[float]], **label: Any) -> float:
    """Bars of some series side by side, each with its value as a label; returns a bar's width."""
    width = 0.8 / max(len(series), 1)
    for place, (name, heights) in enumerate(series.items()):
        at = [index + (place + 0.5) * width - 0.4 for index in range(len(heights))]
        bars = axes.bar(at, heights, width, label=name)
        axes.bar_label(bars, fmt="%.2f", fontsize=7, **label)
    axes.axhline(1, color="grey", linewidth=0.8)
    return width


def _cells(row: dict[str, Any]) -> list[tuple[str, str]]:
    scan = [f"{row[name]:.3f}" if name in row else "" for name in ("scan_vs_naive", "scan_bound")]
    activity = row["activity_bytes"]
    return [
        ("network", row["network"]),
        ("batch", str(row["batch"])),
        ("step ms", f"{row['step_seconds']['engine'] * 1e3:.2f}"),
        ("s / 50k", f"{row['seconds_per_50k']:.2f}"),
        ("vs backprop", f"{row['step_vs_backprop']:.2f}"),
        ("(products)", f"{row['arithmetic_ratio']:.2f}"),
        ("one pass", f"{row['one_pass_vs_backprop']:.2f}"),
        ("vs autograd", f"{row['step_vs_autograd_ff']:.2f}"),
        ("in products", f"{row['gemm_fraction']:.2f}"),
        ("scan vs naive", scan[0]),
        ("(bound)", scan[1]),
        ("activities MB", f"{activity['ff'] / 1e6:.1f}"),
        ("(backprop)", f"{activity['backprop'] / 1e6:.1f}"),
    ]


def threads(machine: Mapping[str, Any]) -> str:
    """How many threads a machine's figures were measured with, in words.

    >>> threads({"threads": 1}), threads({"threads": 2})
    ('1 thread', '2 threads')
    """
    return "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"


def _notes(result: dict[str, Any]) -> list[str]:
    machine = result["machine"]
    lines = [
        f"{result['data']}, {result['networks'][0]['precision']} matrix products,"
        f" {threads(machine)}, {machine['cpu_capability']}, torch {machine['torch']}"
    ]
    for row in result["networks"]:
        if "fewer_products" in row:
            fewer = row["fewer_products"]
            lines += [
                f"{row['network']}: in training, skipping samples with a small slope (skip"
                f" {fewer['skip']}), a step takes {fewer['step_vs_backprop']:.2f} times backprop's"
            ]
        if "one_pass_inference_vs_backprop" in row:
            lines += [
                f"{row['network']}: one pass: a step takes"
                f" {row['one_pass_vs_backprop_by_hand']:.2f} times that of backprop without a"
                f" graph, a prediction {row['one_pass_inference_vs_backprop']:.2f} times backprop's"
            ]
        if "seconds_to_98" in row:
            seconds = {
                arm: "not reached" if value is None else f"{value:.1f} s"
                for arm, value in row["seconds_to_98"].items()
            }
            two = row["two_stage"]
            lines += [
                f"{row['network']}: 98 % of the validation images: FF {seconds['ff']}, backprop"
                f" {seconds['backprop']}; two-stage inference takes {two['vs_naive']:.2f} times the"
                f" naive scan and agrees with the exact scan on {two['agreement']:.2f} % of labels"
            ]
    if "convolution" in result:
        lines += ["a converted convolutional network, relative to the same one by backprop:"]
        for name, words in (("one_pass", "in one pass"), ("two_pass", "in two passes")):
            step, inference = (
                result["convolution"][f"{name}_{what}"]
                for what in ("step_vs_backprop", "inference_vs_plain")
            )
            lines += [f"{words}, a step takes {step:.2f} times, a prediction {inference:.2f} times"]
    return lines


def plot(result: dict[str, Any]) -> bytes:
    """Step times beside each other, and memory against depth, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    times, memory = figure.subplots(1, 2, width_ratios=(3, 2))
    largest = max(row["batch"] for row in result["networks"])
    rows = [row for row in result["networks"] if row["batch"] == largest]
    _plot_times(times, [row for row in rows if len(row["hidden"]) <= 4 and row["hidden"][0] > 256])
    _plot_memory(memory, [row for row in rows if row["hidden"][0] == 256])
    times.set_title(f"time of a step, batch {largest}, relative to backprop's")
    memory.set_title("memory for a batch's activities")
    return as_png(figure)


def _plot_times(axes: Any, rows: list[dict[str, Any]]) -> None:
    seconds = [row["step_seconds"] for row in rows]
    grouped_bars(
        axes,
        {
            label: [each[name] / each["backprop"] for each in seconds]
            for name, label in ARMS.items()
            if seconds and name in seconds[0]
        },
    )
    axes.set_xticks(range(len(rows)), [row["network"] for row in rows])
    axes.set_ylabel("ratio")
    if rows:
        # Space for the legend above the bars.
        axes.set_ylim(0, 1.35 * max(axes.get_ylim()[1], 1))
        axes.legend(fontsize=8, ncols=2, loc="upper left")


def _plot_memory(axes: Any, rows: list[dict[str, Any]]) -> None:
    depths = [len(row["hidden"]) for row in rows]
    for name, label in (("ff", "this engine"), ("backprop", "backprop")):
        axes.plot(depths, [row["activity_bytes"][name] / 1e6 for row in rows], "o-", label=label)
    axes.set_xlabel("layers of 256 units")
    axes.set_ylabel("MB")
    axes.set_ylim(bottom=0)
    if rows:
        axes.legend(fontsize=8)

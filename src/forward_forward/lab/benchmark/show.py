"""A benchmark's figures -> a table for the terminal, and a plot of step times and of memory."""

from __future__ import annotations

import io
from typing import Any

ARMS = {
    "engine": "this engine",
    "engine_compiled": "this engine, compiled",
    "autograd_ff": "FF by autograd",
    "backprop": "backprop",
    "backprop_compiled": "backprop, compiled",
    "sklearn": "scikit-learn",
}
COLUMNS = (
    "network",
    "batch",
    "step ms",
    "s / 50k",
    "vs backprop",
    "(products)",
    "vs autograd",
    "in products",
    "scan vs naive",
    "(bound)",
    "activities MB",
    "(backprop)",
)


def table(result: dict[str, Any]) -> str:
    """The figures as text.

    Args:
        result: What `benchmark` returned.
    """
    from rich.console import Console
    from rich.table import Table

    lines = Table(*COLUMNS, box=None, header_style="bold")
    for column in lines.columns[1:]:
        column.justify = "right"
    for row in result["networks"]:
        lines.add_row(*_cells(row))
    text = io.StringIO()
    Console(file=text, width=140, highlight=False).print(lines)
    return text.getvalue() + "\n".join(_notes(result))


def _cells(row: dict[str, Any]) -> list[str]:
    scan = [f"{row[name]:.3f}" if name in row else "" for name in ("scan_vs_naive", "scan_bound")]
    activity = row["activity_bytes"]
    return [
        row["network"],
        str(row["batch"]),
        f"{row['seconds_per_50k'] / 50_000 * row['batch'] * 1e3:.2f}",
        f"{row['seconds_per_50k']:.2f}",
        f"{row['step_vs_backprop']:.2f}",
        f"{row['arithmetic_ratio']:.2f}",
        f"{row['step_vs_autograd_ff']:.2f}",
        f"{row['gemm_fraction']:.2f}",
        *scan,
        f"{activity['ff'] / 1e6:.1f}",
        f"{activity['backprop'] / 1e6:.1f}",
    ]


def _notes(result: dict[str, Any]) -> list[str]:
    machine = result["machine"]
    lines = [
        f"{result['data']}, {result['networks'][0]['precision']} products,"
        f" {machine['threads']} threads, {machine['cpu_capability']}, torch {machine['torch']};"
        " the faster of eager and compiled, but eager alone in networks deeper than four layers"
    ]
    for row in result["networks"]:
        if "fewer_products" in row:
            fewer = row["fewer_products"]
            lines += [
                f"{row['network']}: with samples of shallow slope left out (skip {fewer['skip']}),"
                f" in training: {fewer['step_vs_backprop']:.2f} of backprop's step"
            ]
        if "seconds_to_98" in row:
            seconds = {
                arm: "not reached" if value is None else f"{value:.1f} s"
                for arm, value in row["seconds_to_98"].items()
            }
            two = row["two_stage"]
            lines += [
                f"{row['network']}: to 98 % of the validation images: FF {seconds['ff']}, backprop"
                f" {seconds['backprop']}; two-stage inference {two['vs_naive']:.2f} of the naive"
                f" scan, {two['agreement']:.2f} % of labels as the exact scan's"
            ]
    return lines


def plot(result: dict[str, Any]) -> bytes:
    """Step times beside each other, and memory against depth, as a PNG.

    Args:
        result: What `benchmark` returned.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    times, memory = figure.subplots(1, 2, width_ratios=(3, 2))
    largest = max(row["batch"] for row in result["networks"])
    rows = [row for row in result["networks"] if row["batch"] == largest]
    _plot_times(times, [row for row in rows if len(row["hidden"]) <= 4 and row["hidden"][0] > 256])
    _plot_memory(memory, [row for row in rows if row["hidden"][0] == 256])
    times.set_title(f"a step, batch {largest}, over that of backprop")
    memory.set_title("memory that the batch takes")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    return content.getvalue()


def _plot_times(axes: Any, rows: list[dict[str, Any]]) -> None:
    shown = {
        name: label for name, label in ARMS.items() if rows and name in rows[0]["step_seconds"]
    }
    width = 0.8 / max(len(shown), 1)
    for place, (name, label) in enumerate(shown.items()):
        heights = [row["step_seconds"][name] / _backprop(row) for row in rows]
        at = [index + (place + 0.5) * width - 0.4 for index in range(len(rows))]
        bars = axes.bar(at, heights, width, label=label)
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set_xticks(range(len(rows)), [row["network"] for row in rows])
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set_ylabel("times as long")
    if shown:
        # Room for the legend above the bars.
        axes.set_ylim(0, 1.35 * max(axes.get_ylim()[1], 1))
        axes.legend(fontsize=8, ncols=2, loc="upper left")


def _backprop(row: dict[str, Any]) -> float:
    return float(min(s for name, s in row["step_seconds"].items() if name.startswith("backprop")))


def _plot_memory(axes: Any, rows: list[dict[str, Any]]) -> None:
    depths = [len(row["hidden"]) for row in rows]
    for name, label in (("ff", "this engine"), ("backprop", "backprop")):
        axes.plot(depths, [row["activity_bytes"][name] / 1e6 for row in rows], "o-", label=label)
    axes.set_xlabel("layers of 256 units")
    axes.set_ylabel("MB")
    axes.set_ylim(bottom=0)
    if rows:
        axes.legend(fontsize=8)

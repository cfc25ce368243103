"""A benchmark's figures -> a table for the terminal, and a plot of step times and memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

ARMS = {
    "engine": "this engine",
    "autograd_ff": "FF by autograd",
    "backprop": "backprop",
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
    from rich.table import Table

    rows = Table(*COLUMNS, box=None, header_style="bold")
    for column in rows.columns[1:]:
        column.justify = "right"
    for row in result["networks"]:
        rows.add_row(*_cells(row))
    return "\n".join([as_text(rows, width=140), *_notes(result)])


def as_text(rows: Table, width: int) -> str:
    """A rich table as plain text, without spaces at the ends of lines."""
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=width, highlight=False, markup=False).print(rows)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def as_png(figure: Figure) -> bytes:
    """A matplotlib figure as a PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    return content.getvalue()


def _cells(row: dict[str, Any]) -> list[str]:
    scan = [f"{row[name]:.3f}" if name in row else "" for name in ("scan_vs_naive", "scan_bound")]
    activity = row["activity_bytes"]
    return [
        row["network"],
        str(row["batch"]),
        f"{row['step_seconds']['engine'] * 1e3:.2f}",
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
        f" {machine['threads']} threads, {machine['cpu_capability']}, torch {machine['torch']}"
    ]
    for row in result["networks"]:
        if "fewer_products" in row:
            fewer = row["fewer_products"]
            lines += [
                f"{row['network']}: in training, skipping samples with a small slope (skip"
                f" {fewer['skip']}), a step takes {fewer['step_vs_backprop']:.2f} times backprop's"
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
    times.set_title(f"time of a step, batch {largest}, relative to backprop's")
    memory.set_title("memory for a batch's activities")
    return as_png(figure)


def _plot_times(axes: Any, rows: list[dict[str, Any]]) -> None:
    shown = {
        name: label for name, label in ARMS.items() if rows and name in rows[0]["step_seconds"]
    }
    width = 0.8 / max(len(shown), 1)
    for place, (name, label) in enumerate(shown.items()):
        heights = [row["step_seconds"][name] / row["step_seconds"]["backprop"] for row in rows]
        at = [index + (place + 0.5) * width - 0.4 for index in range(len(rows))]
        bars = axes.bar(at, heights, width, label=label)
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set_xticks(range(len(rows)), [row["network"] for row in rows])
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set_ylabel("ratio")
    if shown:
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

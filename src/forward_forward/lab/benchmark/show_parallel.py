"""Figures of several ranks beside one process -> a table for the terminal, and a plot."""

from __future__ import annotations

import io
from typing import Any

COLUMNS = (
    "network",
    "batch",
    "one process ms",
    "unconnected",
    "layers",
    "bound",
    "of bound",
    "simulated",
    "data",
    "backprop, data",
    "MB a step: layers",
    "data",
    "backprop",
    "weights: layers",
    "data",
)


def table(result: dict[str, Any]) -> str:
    """The figures as text.

    Args:
        result: What `benchmark_parallel` returned.
    """
    from rich.console import Console
    from rich.table import Table

    lines = Table(*COLUMNS, box=None, header_style="bold")
    for column in lines.columns[1:]:
        column.justify = "right"
    for row in result["rows"]:
        lines.add_row(*_cells(row))
    text = io.StringIO()
    Console(file=text, width=180, highlight=False).print(lines)
    return text.getvalue() + "\n".join(_notes(result))


def _cells(row: dict[str, Any]) -> list[str]:
    speed, sent = row["speed_up"], handed_on(row)
    return [
        row["network"],
        str(row["batch"]),
        f"{1e3 * row['step_seconds']['one process']:.1f}",
        f"{speed['unconnected']:.2f}",
        f"{speed['layers']:.2f}",
        f"{row['balance_bound']:.2f}",
        f"{row['of_bound']:.2f}",
        f"{row['simulated']:.2f}",
        f"{speed['data']:.2f}",
        f"{speed['backprop, data']:.2f}",
        *(f"{each / 1e6:.1f}" for each in sent),
        *(_difference(row["weights"][arm]) for arm in ("layers", "data")),
    ]


def handed_on(row: dict[str, Any]) -> list[float]:
    """Bytes of a step from rank to rank: layers spread, batches spread, backprop spread.

    The last two are those on the loopback; the first leave most in memory that both ranks see.
    """
    carried = row["bytes"]
    return [row["bytes_counted"]["layers"], carried["data"], carried["backprop, data"]]


def _difference(value: float) -> str:
    return "equal" if value == 0 else f"{value:.0e}"


def _notes(result: dict[str, Any]) -> list[str]:
    machine, link = result["machine"], result["link"]
    steps = min(row["steps_compared"] for row in result["rows"])
    return [
        f"{result['ranks']} ranks of one thread, float32, {machine['cpu_capability']}, torch"
        f" {machine['torch']}; a message takes"
        f" {1e3 * link['delay']:.2f} ms, one of {link['message'] / 2**20:.0f} MiB"
        f" {1e3 * link['wire']:.2f} ms more",
        "unconnected: as many processes as there are ranks, each with a training of its own: what"
        " the machine gives. layers, data, backprop: times as fast as one process with one thread,"
        " the median of all rounds. bound: all layers' seconds over those of the slower stage,"
        " measured in one process.",
        f"weights: difference to one process's after {steps} steps and more, of the tensor that"
        " differs most, over its length. MB: over the loopback, of all ranks, but for layers, whose"
        " activities lie in memory that both ranks see where there is such.",
    ]


def plot(result: dict[str, Any]) -> bytes:
    """Speed-ups beside each other, as a PNG.

    Args:
        result: What `benchmark_parallel` returned.
    """
    from matplotlib.figure import Figure

    rows = result["rows"]
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    axes = figure.subplots()
    names = [f"{row['network']}\nbatch {row['batch']}" for row in rows]
    arms = {
        "layers spread": [row["speed_up"]["layers"] for row in rows],
        "batches spread": [row["speed_up"]["data"] for row in rows],
        "backprop, batches spread": [row["speed_up"]["backprop, data"] for row in rows],
    }
    width = 0.8 / len(arms)
    for place, (label, heights) in enumerate(arms.items()):
        at = [index + (place + 0.5) * width - 0.4 for index in range(len(rows))]
        bars = axes.bar(at, heights, width, label=label)
        axes.bar_label(bars, fmt="%.2f", fontsize=7, label_type="center", color="white")
    for index, row in enumerate(rows):
        left = index - 0.4
        axes.plot([left, left + width], [row["balance_bound"]] * 2, color="black", linewidth=1)
    axes.plot([], [], color="black", linewidth=1, label="the most that the layers' costs allow")
    axes.set_xticks(range(len(rows)), names, fontsize=8)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set_ylim(0, 1.25 * result["ranks"])
    axes.set_ylabel("times as fast as one process")
    axes.set_title(f"{result['ranks']} ranks, one thread each")
    axes.legend(fontsize=8, ncols=2, loc="upper right")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    return content.getvalue()

"""The results of `benchmark_parallel` -> a table for the terminal, and a plot."""

from __future__ import annotations

from typing import Any

from forward_forward.lab.benchmark.show import as_png, as_text, grouped_bars


def table(result: dict[str, Any]) -> str:
    """What `benchmark_parallel` returned, as text."""
    rows = [_cells(row) for row in result["rows"]]
    return "\n".join([as_text(rows, width=180), *_notes(result)])


def _cells(row: dict[str, Any]) -> list[tuple[str, str]]:
    speed, (layers, data, backprop) = row["speed_up"], megabytes(row)
    return [
        ("network", row["network"]),
        ("batch", str(row["batch"])),
        ("one process ms", f"{1e3 * row['step_seconds']['one process']:.1f}"),
        ("unconnected", f"{speed['unconnected']:.2f}"),
        ("layers", f"{speed['layers']:.2f}"),
        ("bound", f"{row['balance_bound']:.2f}"),
        ("of bound", f"{row['of_bound']:.2f}"),
        ("simulated", f"{row['simulated']:.2f}"),
        ("data", f"{speed['data']:.2f}"),
        ("backprop, data", f"{speed['backprop, data']:.2f}"),
        ("MB a step: layers", f"{layers:.1f}"),
        ("data", f"{data:.1f}"),
        ("backprop", f"{backprop:.1f}"),
        ("weights: layers", _difference(row["weights"]["layers"])),
        ("data", _difference(row["weights"]["data"])),
    ]


def megabytes(row: dict[str, Any]) -> list[float]:
    """Megabytes of a step between ranks: distributed layers, distributed batches, backprop.

    Those of layers are the messages' own; the others are measured on the loopback, with headers.
    """
    loopback = row["bytes"]
    sent = [row["bytes_counted"]["layers"], loopback["data"], loopback["backprop, data"]]
    return [each / 1e6 for each in sent]


def _difference(value: float) -> str:
    return "equal" if value == 0 else f"{value:.0e}"


def _notes(result: dict[str, Any]) -> list[str]:
    machine, link = result["machine"], result["link"]
    steps = min(row["steps_compared"] for row in result["rows"])
    return [
        f"{result['ranks']} ranks of one thread, float32, {machine['cpu_capability']}, torch"
        f" {machine['torch']}; a small message takes"
        f" {1e3 * link['delay']:.2f} ms, one of {link['message'] / 2**20:.0f} MiB"
        f" {1e3 * link['wire']:.2f} ms more",
        "unconnected: as many separate runs as there are ranks, the most that the machine"
        " allows. layers, data, backprop: times as fast as one process with one thread, medians of"
        " all rounds. bound: all layers' seconds over those of the slowest stage, measured in one"
        " process.",
        f"weights: the largest difference of a tensor from that of one process after at least"
        f" {steps} steps, relative to its length. MB: sum over all ranks; for layers the messages"
        " alone, for the others all bytes on the loopback interface.",
    ]


def plot(result: dict[str, Any]) -> bytes:
    """The speed-ups as bars, a PNG."""
    from matplotlib.figure import Figure

    rows = result["rows"]
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    axes = figure.subplots()
    names = [f"{row['network']}\nbatch {row['batch']}" for row in rows]
    methods = {
        "distributed layers": [row["speed_up"]["layers"] for row in rows],
        "distributed batches": [row["speed_up"]["data"] for row in rows],
        "backprop, distributed batches": [row["speed_up"]["backprop, data"] for row in rows],
    }
    width = grouped_bars(axes, methods, label_type="center", color="white")
    for index, row in enumerate(rows):
        left = index - 0.4
        axes.plot([left, left + width], [row["balance_bound"]] * 2, color="black", linewidth=1)
    axes.plot([], [], color="black", linewidth=1, label="bound by the layers' costs")
    axes.set_xticks(range(len(rows)), names, fontsize=8)
    axes.set_ylim(0, 1.25 * result["ranks"])
    axes.set_ylabel("times as fast as one process")
    axes.set_title(f"{result['ranks']} ranks, one thread each")
    axes.legend(fontsize=8, ncols=2, loc="upper right")
    return as_png(figure)

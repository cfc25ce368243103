"""The results of `benchmark_convolutions` -> a table for the terminal, and a plot."""

from __future__ import annotations

from typing import Any

from forward_forward.lab.benchmark.show import as_png, as_text, threads

NAMES = {
    "backprop": "backprop",
    "per_convolution": "one layer per convolution",
    "per_group": "one layer per two convolutions",
    "convolutions": "convolutions alone",
}


def table(result: dict[str, Any]) -> str:
    """What `benchmark_convolutions` returned, as text."""
    return "\n".join([as_text(_rows(result), width=120), *_notes(result)])


def _rows(result: dict[str, Any]) -> list[list[tuple[str, str]]]:
    seconds = result["step_seconds"]
    ratios = {name: result.get(f"{name}_vs_backprop") for name in NAMES}
    return [
        [
            ("step", shown),
            ("ms", f"{1e3 * seconds[name]:.1f}"),
            ("vs backprop", "" if ratios[name] is None else f"{ratios[name]:.2f}"),
        ]
        for name, shown in NAMES.items()
    ]


def _notes(result: dict[str, Any]) -> list[str]:
    side, machine = result["side"], result["machine"]
    return [
        f"convolutions alone: forward and the gradients of the filters,"
        f" {100 * result['convolutions_share']:.0f} % of the step of one layer per convolution",
        f"{'-'.join(map(str, result['channels']))} channels, batch {result['batch']}, pictures of"
        f" {side} x {side}, {result['precision']}; {threads(machine)}, {machine['cpu_capability']},"
        f" torch {machine['torch']}; medians of one run, in alternation",
    ]


def plot(result: dict[str, Any]) -> bytes:
    """The seconds of a step as bars, a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    values = [1e3 * result["step_seconds"][name] for name in NAMES]
    bars = axes.barh(list(NAMES.values()), values)
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * max(values))
    axes.set_xlabel("milliseconds per step")
    return as_png(figure)

"""device/ours.json and device/aifes.json -> the tables of docs/on_the_device.md."""

from __future__ import annotations

import json
from typing import Any

from device_board import HERE

NAMES = {
    "local": "local, read-outs",
    "groups": "local, channel groups",
    "backprop": "backprop, the same generator",
    "aifes": "backprop, AIfES",
}


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return found


def networks() -> str:
    """Each network by each program, with the step's instructions relative to our backprop's."""
    ours, aifes = _read("ours")["networks"], _read("aifes")["networks"]
    lines = [
        "| network | learns by | test error, % | weights in RAM | RAM beyond | of it static | code"
        " | instructions a step | of backprop's | to predict |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for network, rows in ours.items():
        base = rows["backprop"]["instructions"]["training_step"]
        for arm, name in NAMES.items():
            row = aifes[network] if arm == "aifes" else rows.get(arm)
            if row is not None:
                lines.append(f"| {network} | {name} | {' | '.join(_cells(row, base))} |")
    return "\n".join(lines)


def _cells(row: dict[str, Any], base: int) -> list[str]:
    ram, step = row["ram_bytes"], row["instructions"]["training_step"]
    beyond = ram["training_beyond_parameters"]
    static = beyond - ram["stack_of_a_training_step"] - ram["input_output_and_label"]
    figures = (
        ram["training_with_parameters"] - beyond,
        beyond,
        static,
        row["flash_bytes"]["code"],
        step,
    )
    numbers = [f"{each:,}" for each in figures]
    error = f"{row['test_error_percent']:.1f}"
    return [error, *numbers, f"{step / base:.2f}", f"{row['instructions']['prediction']:,}"]


def depths() -> str:
    """RAM and instructions against the number of hidden layers of 64 units."""
    lines = [
        "| hidden layers | learns by | weights in RAM | one layer at a time | static RAM beyond"
        " | of backprop's | instructions a step | of backprop's |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for depth, rows in _read("ours")["depths"].items():
        base = rows["backprop"]
        for arm, row in rows.items():
            ram, step = row["ram_bytes"], row["instructions"]["training_step"]
            one = row.get("one_layer")
            static = ram["static_beyond_parameters"]
            of_static = static / base["ram_bytes"]["static_beyond_parameters"]
            of_step = step / base["instructions"]["training_step"]
            cells = [f"{ram['parameters']:,}", f"{one['parameters']:,}" if one else "all"]
            cells += [f"{static:,}", f"{of_static:.2f}", f"{step:,}", f"{of_step:.2f}"]
            lines.append(f"| {depth} | {NAMES[arm]} | {' | '.join(cells)} |")
    return "\n".join(lines)

"""device/ours.json, aifes.json and growth.json -> the tables of docs/on_the_device.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "device"
ARMS = {"local": "this, local", "backprop": "this, backprop"}


def kept(name: str) -> Any:
    path = HERE / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {"networks": {}}


def table() -> str:
    """Three programs for each network: RAM to learn, flash, instructions and test error."""
    lines = [
        "| network | program | RAM to learn, bytes: weights | buffers | stack | sample"
        " | flash: code | constants | instructions: a learning step | a prediction"
        " | test error, % |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    ours, theirs = kept("ours")["networks"], kept("aifes")["networks"]
    for network, found in ours.items():
        rows = [(name, found[arm]) for arm, name in ARMS.items()]
        one = {**found["local"], "ram_bytes": found["local"]["one_layer"]}
        rows.insert(1, ("of it, one layer at a time", one))
        if network in theirs:
            rows.append(("AIfES", theirs[network]))
        lines += [_row(network, name, each) for name, each in rows]
    return "\n".join(lines)


def _row(network: str, name: str, found: dict[str, Any]) -> str:
    ram, flash, steps = found["ram_bytes"], found["flash_bytes"], found["instructions"]
    weights = ram["training_with_parameters"] - ram["training_beyond_parameters"]
    stack, sample = ram["stack_of_a_training_step"], ram["input_output_and_label"]
    buffers = ram["training_beyond_parameters"] - stack - sample
    sizes = [weights, buffers, stack, sample]
    cells = [network, name, *(f"{size:,}" for size in sizes)]
    if name.startswith("of it"):  # the same program but for its RAM
        return f"| {' | '.join([*cells, '', '', '', '', ''])} |"
    cells += [f"{flash['code']:,}", f"{flash['constants'] + flash['initial_data']:,}"]
    cells += [f"{steps['training_step']:,}", f"{steps['prediction']:,}"]
    return f"| {' | '.join([*cells, format(found['test_error_percent'], '.2f')])} |"


def growth_table() -> str:
    """RAM and instructions of both rules against depth and width, and their ratios."""
    lines = [
        "| hidden layers | RAM beyond the weights, bytes: local | backprop | ratio"
        " | buffers alone: local | backprop | ratio"
        " | instructions of a learning step: local | backprop | ratio |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in kept("growth"):
        cells = [f"{row['hidden_layers']} of {row['units']} units"]
        for part, key, more in (
            ("ram_bytes", "training_beyond_parameters", True),
            ("ram_bytes", "static_beyond_parameters", True),
            ("instructions", "training_step", False),
        ):
            local, backprop = (row[arm][part][key] for arm in ARMS)
            ratio = backprop / local if more else local / backprop
            cells += [f"{local:,}", f"{backprop:,}", f"{ratio:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)

"""Digits learned from nothing in C with float32, int16 and int8 weights -> device/numbers.json.

python results/device_numbers.py    # 3 minutes on one core

Five passes over 1,437 samples, a sample a step; the rate that does best on the last 200 of them,
mean of five seeds; then training on all, and the test samples once.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from device_board import RATES, SEEDS, Part, held_out, samples

from forward_forward.examples import NoLabel
from forward_forward.export.device import Program, c
from forward_forward.export.device.sizes import BITS, Numbers
from forward_forward.forward import Layer, Network, mlp
from forward_forward.lab.statistics import t_interval
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout

KEPT = Path(__file__).parent / "device" / "numbers.json"
HIDDEN = (32,), (64, 64), (64, 64, 64, 64)
PASSES = 5


def untrained(hidden: tuple[int, ...], seed: int) -> Network:
    """Layers with a learned read-out and cross-entropy of their own."""
    layer = functools.partial(Layer, goodness=LinearReadout(10), loss=CrossEntropy())
    return mlp(64, *hidden, num_classes=10, seed=seed, examples=NoLabel(10), layer=layer)


def learned(network: Network, numbers: Numbers, rate: float, parts: tuple[Part, Part]) -> float:
    """Error in % on the second part after learning the first."""
    (x, y), (test_x, test_y) = (((torch.from_numpy(x) / 16).float(), y) for x, y in parts)
    with TemporaryDirectory() as folder:
        c(network, x[:20], Path(folder) / "device", numbers=numbers)
        program = Program(Path(folder) / "device")
    program.set_rate(rate)
    for _ in range(PASSES):
        for row in range(len(x)):
            program.learn(x[[row]], y[row])
    return 100 * mean(
        int(found != right) for found, right in zip(program.predict(test_x), test_y, strict=True)
    )


def measured(hidden: tuple[int, ...], numbers: Numbers) -> dict[str, Any]:
    """The best rate, and the errors with it."""
    parts = samples("digits")

    def errors(rate: float, parts: tuple[Part, Part]) -> list[float]:
        return [learned(untrained(hidden, seed), numbers, rate, parts) for seed in SEEDS]

    by_rate = {rate: mean(errors(rate, held_out(parts))) for rate in RATES}
    rate = min(by_rate, key=by_rate.__getitem__)
    return {
        "hidden": hidden,
        "numbers": numbers,
        "rate": rate,
        "held_out_errors": {str(each): round(error, 2) for each, error in by_rate.items()},
        "test_errors": [round(each, 2) for each in errors(rate, parts)],
    }


def kept() -> list[dict[str, Any]]:
    """The rows so far."""
    return json.loads(KEPT.read_text()) if KEPT.exists() else []


def table() -> str:
    """The table for docs/on_the_device.md."""
    lines = ["| hidden layers | weights | rate | test error, % |", "|---|---|---|---|"]
    for row in kept():
        found = t_interval(row["test_errors"])
        error = f"{found.mean:.2f} ± {found.half:.2f}"
        hidden = " - ".join(map(str, row["hidden"]))
        lines.append(f"| {hidden} | `{row['numbers']}` | {row['rate']} | {error} |")
    return "\n".join(lines)


def main() -> None:
    rows = []
    for hidden in HIDDEN:
        for numbers in BITS:
            rows.append(measured(hidden, numbers))
            print(rows[-1], flush=True)
    KEPT.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

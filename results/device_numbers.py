"""Digits learned from nothing in C with float32, int16 and int8 weights -> device/numbers.json.

    python results/device_numbers.py    # 5 minutes on one core

Five passes over 1,437 samples, a sample a step; the rate that does best on the last 200 of them,
mean of five seeds; then training on all, and the test samples once. Memory and instructions as in
device.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import device_board as board
from device_board import RATES, SEEDS

from forward_forward.export.device.sizes import BITS, Numbers
from forward_forward.lab.statistics import t_interval

KEPT = board.HERE / "numbers.json"
HIDDEN = (32,), (64, 64), (64, 64, 64, 64)


def measured(hidden: tuple[int, ...], numbers: Numbers) -> dict[str, Any]:
    """The best rate, the errors with it, and what it costs."""
    from device import Arm, cost, program_of, wrong

    part = board.samples("digits")
    with TemporaryDirectory() as folder:
        place = Path(folder)
        made = [
            program_of(place, "digits", hidden, Arm("local"), seed, part, numbers) for seed in SEEDS
        ]
        shorter = board.held_out(part)
        by_rate = {
            rate: mean(wrong(each, rate, shorter, "digits") / board.HELD_OUT for each in made)
            for rate in RATES
        }
        rate = min(by_rate, key=by_rate.__getitem__)
        tested = [wrong(each, rate, part, "digits") / len(part[1][1]) for each in made]
        costs = cost(place, "digits", hidden, Arm("local"), rate, part, numbers)
    return {
        "hidden": hidden,
        "numbers": numbers,
        "rate": rate,
        "held_out_errors": {str(each): round(100 * error, 2) for each, error in by_rate.items()},
        "test_errors": [round(100 * each, 2) for each in tested],
        "ram_bytes": costs["ram_bytes"],
        "instructions": costs["instructions"],
    }


def table() -> str:
    """The table for docs/on_the_device.md."""
    lines = [
        "| hidden layers | weights | rate | test error, % | RAM to learn | instructions a step"
        " | to predict |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in json.loads(KEPT.read_text()):
        found, steps = t_interval(row["test_errors"]), row["instructions"]
        cells = [" - ".join(map(str, row["hidden"])), f"`{row['numbers']}`", str(row["rate"])]
        cells += [f"{found.mean:.2f} ± {found.half:.2f}"]
        cells += [f"{row['ram_bytes']['training_with_parameters']:,}"]
        cells += [f"{steps['training_step']:,}", f"{steps['prediction']:,}"]
        lines.append(f"| {' | '.join(cells)} |")
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

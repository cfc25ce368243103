"""Memory and instructions of exported networks against depth and width -> device/growth.json.

    python results/device_growth.py    # 2 minutes on one core

Digits, layers of one width that normalise their inputs, local learning and backprop; measured as
in device.py.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import device
import device_board as board

KEPT = board.HERE / "growth.json"
SHAPES = [(1, 64), (2, 64), (4, 64), (8, 64), (4, 128), (4, 256)]  # hidden layers, units of each
RATE = 0.01


def main() -> None:
    part = board.samples("digits")
    rows: list[dict[str, Any]] = []
    for depth, width in SHAPES:
        row: dict[str, Any] = {"hidden_layers": depth, "units": width}
        with tempfile.TemporaryDirectory() as folder:
            for rule in device.ARMS:
                arm = device.Arm(rule, "mean_square_one")
                hidden = [width] * depth
                row[rule] = device.cost(Path(folder), "digits", hidden, arm, RATE, part)
        rows.append(row)
        KEPT.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Instructions and memory of four hidden layers against their width -> device/widths.json.

    python results/device_widths.py    # 2 minutes on one core

Digits; layers normalise their inputs. Measured as in device.py.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import device_board as board
from device_tables import NAMES

KEPT = board.HERE / "widths.json"
WIDTHS, DEPTH, RATE = (32, 64, 128, 256), 4, 0.01


def main() -> None:
    from device import ARMS, Arm, cost

    part = board.samples("digits")
    rows: dict[str, Any] = {}
    for width in WIDTHS:
        rows[str(width)] = {}
        for rule in ARMS:
            with tempfile.TemporaryDirectory() as folder:
                row = cost(Path(folder), "digits", [width] * DEPTH, Arm(rule), RATE, part)
                rows[str(width)][rule] = row
        KEPT.write_text(json.dumps(rows, indent=1) + "\n")


def table() -> str:
    """RAM beyond the weights and instructions, relative to those of backpropagation."""
    lines = [
        "| units of each layer | learns by | RAM beyond the weights | of backprop's"
        " | instructions a step | of backprop's |",
        "|---|---|---|---|---|---|",
    ]
    for width, rows in json.loads(KEPT.read_text()).items():
        base = _figures(rows["backprop"])
        for rule, row in rows.items():
            cells = [width, NAMES[rule]]
            for value, whole in zip(_figures(row), base, strict=True):
                cells += [f"{value:,}", f"{value / whole:.2f}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figures(row: dict[str, Any]) -> tuple[int, int]:
    return row["ram_bytes"]["training_beyond_parameters"], row["instructions"]["training_step"]


if __name__ == "__main__":
    main()

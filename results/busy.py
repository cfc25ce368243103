"""Steps on an idle machine and beside a busy process -> results/engine/busy.json.

python results/busy.py        # on an otherwise idle machine with two cores

Threads of OpenMP that wait for another one spin for a while by default, and so hold up the thread
they wait for if it has to share its core. ``OMP_WAIT_POLICY=PASSIVE`` lets them sleep.
The ways take turns; the figures are medians. `python results/table.py` makes the table.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from forward_forward.track.run_record import machine

KEPT = Path(__file__).parent / "engine" / "busy.json"
ROUNDS, STEPS = 5, 100
WAYS = {
    "two threads, the default": {},
    "two threads, `OMP_WAIT_POLICY=PASSIVE`": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
STEP = f"""
import time
import torch
import forward_forward as ff
trainer = ff.Trainer(ff.mlp(784, 500, 500, num_classes=10, seed=0), seed=0)
batch = torch.rand(512, 784), torch.arange(512) % 10
trainer.step(*batch)
began = time.perf_counter()
for _ in range({STEPS}):
    trainer.step(*batch)
print((time.perf_counter() - began) / {STEPS})
"""


def seconds(way: str) -> float:
    """Seconds of a step in a new process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    done = subprocess.run(
        [sys.executable, "-c", STEP],
        env={**kept, **WAYS[way]},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def measured() -> dict[str, list[float]]:
    """Each way's median seconds of a step: alone, and beside a process that never waits."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for busy in (False, True):
        neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
        try:
            rounds = [{way: seconds(way) for way in WAYS} for _ in range(ROUNDS)]
        finally:
            if neighbour is not None:
                neighbour.kill()
        for way, each in found.items():
            each.append(statistics.median(one[way] for one in rounds))
    return found


def table() -> str:
    """The table for docs/troubleshooting.md, in milliseconds."""
    kept: dict[str, Any] = json.loads(KEPT.read_text())
    lines = ["| | idle | beside a busy process |", "|---|---|---|"]
    for way, (idle, busy) in kept["seconds"].items():
        lines.append(f"| {way} | {1000 * idle:.0f} ms | {1000 * busy:.0f} ms |")
    return "\n".join(lines)


if __name__ == "__main__":
    KEPT.write_text(json.dumps({"seconds": measured(), "machine": machine()}, indent=1) + "\n")
    print(table())

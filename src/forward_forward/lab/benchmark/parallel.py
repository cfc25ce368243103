"""Networks and batches -> the speed-up of several ranks over one process, in one run.

Each rank has one thread. All methods take turns on one machine: Forward-Forward in one process,
with distributed layers and with distributed batches, and backprop in one process and in several.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from forward_forward.lab import simulate
from forward_forward.lab.benchmark.arms import CLASSES
from forward_forward.lab.benchmark.run import Say, network_name
from forward_forward.parallel.balance import balance_bound
from forward_forward.track.run_record import machine

FEATURES = 784
COMPARED = {  # each method, and the one that it is compared with
    "unconnected": ("unconnected", "one process"),
    "layers": ("layers", "one process"),
    "data": ("data", "one process"),
    "backprop, data": ("backprop, data", "backprop"),
}


@dataclasses.dataclass(frozen=True)
class ParallelSetting:
    """What to measure."""

    settings: tuple[tuple[tuple[int, ...], int], ...] = (  # units of the layers, samples a step
        ((2000,) * 5, 1024),
        ((2000,) * 5, 512),
        ((2000,) * 5, 128),
        ((1000,) * 3, 1024),
        ((500,) * 2, 1024),
        ((256,) * 8, 1024),
    )
    ranks: int = 2  # processes
    steps: int = 4  # timed ones of a round, after two that fill the pipeline, or more if small
    # Fewest and most of each method, more for a small network: speed-ups are medians over rounds.
    rounds: tuple[int, int] = (5, 25)
    round_seconds: float = 0.5  # of one process, in a round of a small network


QUICK = ParallelSetting((((500,) * 2, 1024),), rounds=(4, 4))


def benchmark_parallel(setting: ParallelSetting, say: Say = lambda _: None) -> dict[str, Any]:
    """Measure the speed-ups of all methods, and predict them with the simulator.

    Returns:
        ``machine``, ``ranks``, ``link`` and ``rows``, one for each network and batch.

    Raises:
        RuntimeError: A rank failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        job, out = Path(folder, "job.json"), Path(folder, "out.json")
        job.write_text(json.dumps({"features": FEATURES, **dataclasses.asdict(setting)}))
        _launch(setting.ranks, job, out, say)
        result: dict[str, Any] = json.loads(out.read_text())
    for row in result["rows"]:
        row |= _ratios(row, result["link"])
    return {"machine": {**machine(), "threads": 1}, "features": FEATURES, **result}


def _launch(ranks: int, job: Path, out: Path, say: Say) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(ranks), "-m", "forward_forward.lab.benchmark.ranks"]
    command += [str(job), str(out)]
    env, kept = {**os.environ, "OMP_NUM_THREADS": "1"}, []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as process:
        for line in process.stderr or ():
            kept.append(line)
            if line.startswith("["):  # the next size; torchrun's own lines are not shown
                say(line.strip())
    if process.returncode != 0:
        raise RuntimeError(f"a rank of the benchmark failed: {''.join(kept[-40:])}")


def _ratios(row: dict[str, Any], link: dict[str, float]) -> dict[str, Any]:
    costs = row["layer_seconds"]
    bound = balance_bound(costs, row["split"])
    speed_up = {name: _median(row, *pair) for name, pair in COMPARED.items()}
    spread = simulate.layers(work_of(row), row["split"], _link(link))
    return {
        "network": network_name(row["hidden"]),
        "balance_bound": bound,
        "speed_up": speed_up,
        "of_bound": speed_up["layers"] / bound,
        "simulated": spread.speed_up,
    }


def _median(row: dict[str, Any], spread: str, alone: str) -> float:
    """Median of the speed-ups within each round.

    Other load on the machine slows down all methods of a round to the same degree.
    """
    rounds = row["rounds"]
    pairs = zip(rounds[alone], rounds[spread], strict=True)
    return float(statistics.median(one / many for one, many in pairs))


def work_of(row: dict[str, Any]) -> simulate.Work:
    """The simulator's input for a row: seconds measured in one process, and bytes counted.

    A layer sends its activities, of positives and negatives, with their lengths, and each sample's
    weight.
    """
    batch, hidden = row["batch"], row["hidden"]
    sent = [4 * (2 * batch * units + 3 * batch) for units in hidden]
    inputs = [FEATURES + CLASSES, *hidden[:-1]]
    weights = [4 * (below + 1) * units for below, units in zip(inputs, hidden, strict=True)]
    return simulate.Work(tuple(row["layer_seconds"]), tuple(sent), tuple(weights))


def _link(link: dict[str, float]) -> simulate.Link:
    """The simulator's link; a rate is infinite if no time could be measured."""
    wire, copy = (
        link["message"] / link[name] if link[name] else math.inf for name in ("wire", "copy")
    )
    return simulate.Link(wire, link["delay"], copy)

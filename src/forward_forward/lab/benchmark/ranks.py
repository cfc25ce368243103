"""Two or more ranks and the sizes of networks -> seconds and bytes of a step, each way in turn.

`forward_forward.lab.benchmark.parallel` starts this on each rank; the first writes the results.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch
import torch.distributed as dist

from forward_forward import files, parallel
from forward_forward.data import Data
from forward_forward.data.batch import Batch
from forward_forward.lab.benchmark.arms import CLASSES, engine
from forward_forward.lab.benchmark.spread import (
    WARM,
    BackpropOnce,
    BackpropSpread,
    OneProcess,
    Spread,
    Unconnected,
)
from forward_forward.optimize import Trainer
from forward_forward.parallel.balance import balanced
from forward_forward.parallel.channels import Inbox, Outbox
from forward_forward.parallel.layout import Layout
from forward_forward.parallel.parcel import Fields
from forward_forward.parallel.place import Place
from forward_forward.parallel.shared import inbox, outbox
from forward_forward.parallel.timeouts import Timeout

TIMEOUT = 120.0
WORD, STREAM = 64, 16 * 2**20  # bytes of the messages by which the link is measured
MESSAGES, TRIES = 24, 3
ROUND = 0.5  # seconds of one process that a round of a small network takes
ALL_ROUNDS = 12.0  # and all rounds together
Split = tuple[int, ...]


def measure(widths: list[int], size: int, steps: int, rounds: Sequence[int]) -> dict[str, Any]:
    """A row of figures for one network and batch size; all ranks call this."""
    data, batch = _samples(widths[0], size)
    one = OneProcess(_trainer(widths, batch), batch)
    split, steps, count = _tried(OneProcess(_trainer(widths, batch), batch), steps, rounds)
    arms: dict[str, Any] = {
        "one process": one,
        "unconnected": Unconnected(_trainer(widths, batch), batch),
        "layers": Spread(_trainer(widths, batch), data, batch, _layers(split)),
        "data": Spread(_trainer(widths, batch), data, batch, _data()),
        "backprop": BackpropOnce(widths, batch),
        "backprop, data": BackpropSpread(widths, batch),
    }
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    layers: list[list[float]] = []
    carried: dict[str, list[int]] = {name: [] for name in arms}
    for each in range(count + 1):
        for name, arm in arms.items():
            dist.barrier()
            before = _loopback()
            found = arm.run(steps + WARM)
            dist.barrier()
            if each:  # the first round asks for memory
                seconds[name].append(_slowest(found))
                if arm is one and dist.get_rank() == 0:
                    layers.append(one.layer_seconds())
                carried[name].append((_loopback() - before) // (steps + WARM))
    return _row(widths, size, arms, seconds, carried, layers)


def _trainer(widths: list[int], batch: Batch) -> Trainer:
    """The engine's, the same on all ranks, its thresholds set."""
    trainer = engine(widths, torch.float32)
    trainer.network.calibrate(batch.x, batch.y)
    return trainer


def _tried(alone: OneProcess, steps: int, rounds: Sequence[int]) -> tuple[Split, int, int]:
    """Layers of each rank by their seconds in one process, steps of a round, and rounds."""
    told: list[Any] = [None]
    seconds = alone.run(WARM + 3)
    if dist.get_rank() == 0:
        split = balanced(alone.layer_seconds(), dist.get_world_size())
        steps = max(steps, round(ROUND / seconds))
        fewest, most = rounds
        told[0] = split, steps, max(fewest, min(most, round(ALL_ROUNDS / (steps * seconds))))
    dist.broadcast_object_list(told, src=0)
    found: tuple[Split, int, int] = told[0]
    return found


def _layers(split: tuple[int, ...]) -> Layout:
    return Layout(split=split, timeout=TIMEOUT)


def _data() -> Layout:
    return Layout(stages=1, replicas=None, timeout=TIMEOUT)


def _samples(features: int, size: int) -> tuple[Data, Batch]:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(size, features, generator=rng), torch.arange(size) % CLASSES
    return Data(x, y, tuple(map(str, range(CLASSES)))), Batch(x, y, None)


def _slowest(seconds: float) -> float:
    """The seconds of the slowest rank, where all have some."""
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, seconds)
    return float(max(found))


def _loopback() -> int:
    """Bytes that this machine has sent to itself so far, headers and all."""
    return int(psutil.net_io_counters(pernic=True)["lo"].bytes_sent)


def _row(
    widths: list[int],
    size: int,
    arms: dict[str, Any],
    seconds: dict[str, list[float]],
    carried: dict[str, list[int]],
    layers: list[list[float]],
) -> dict[str, Any]:
    one, spread, shared = arms["one process"], arms["layers"], arms["data"]
    sent = _slowest(spread.sent), _slowest(shared.sent)
    spread.ranks.share_weights()
    if dist.get_rank() != 0:
        return {}
    taken = one.trainer.steps, spread.ranks.trainer.steps
    weights = {
        "layers": difference(one.trainer, spread.ranks.trainer),
        "data": difference(one.trainer, shared.ranks.trainer),
    }
    return {
        "hidden": widths[1:],
        "batch": size,
        "split": list(spread.ranks.place.split),
        "layer_seconds": min(layers, key=sum),  # of the least disturbed round
        "step_seconds": {name: statistics.median(each) for name, each in seconds.items()},
        "rounds": seconds,
        "bytes": {name: statistics.median(each) for name, each in carried.items()},
        "bytes_counted": {"layers": sent[0] / taken[1], "data": sent[1] / taken[1]},
        "steps_compared": taken[0],
        "weights": weights,
        "optimizer_seconds": one.optimizer_seconds(),  # last: it moves weights
    }


def difference(first: Trainer, second: Trainer) -> float:
    """Length of the difference of a tensor of weights over its own, the largest of all tensors."""
    pairs = zip(first.network.parameters(), second.network.parameters(), strict=True)
    return max(float((a - b).norm() / a.norm()) for a, b in pairs)


def link() -> dict[str, float]:
    """Seconds from one rank to the next: of any message, and more of a large one.

    Returns:
        ``message`` [bytes] of a large one; ``delay``, seconds of a small one; ``wire``, the further
        seconds of a large one, and ``copy``, those of a rank's own processor. Where ranks see one
        memory, a large one takes no longer.
    """
    place = Place(dist.get_rank(), (1,) * dist.get_world_size())
    given = Timeout(place, TIMEOUT), torch.device("cpu")
    sends = outbox(1, *given) if place.rank == 0 else None
    takes = inbox(0, *given) if place.rank == 1 else None
    small, large = (
        [
            min(each)
            for each in zip(*(_stream(sends, takes, size) for _ in range(TRIES)), strict=True)
        ]
        for size in (WORD, STREAM)
    )
    wire, copy = (max(much - little, 0.0) for much, little in zip(large, small, strict=True))
    return {"message": STREAM, "delay": small[0], "wire": wire, "copy": copy}


def _stream(sends: Outbox | None, takes: Inbox | None, size: int) -> tuple[float, float]:
    """Seconds of a message of so many bytes in a row of them, and of the busier processor."""
    parcels: list[Fields] = [{"h": ((size,), torch.uint8)}] * MESSAGES
    dist.barrier()
    began, busy = time.perf_counter(), time.process_time()
    if sends is not None:
        for each in parcels:
            sends.send(sends.parcel(each))
        sends.drain()
    if takes is not None:
        takes.expect(iter(parcels))
        for _ in parcels:
            takes.take()
        takes.drain()
    spent, busy = time.perf_counter() - began, time.process_time() - busy
    dist.barrier()
    return _slowest(spent) / MESSAGES, _slowest(busy) / MESSAGES


def main(told: Path, found: Path) -> None:
    """Measure all that is told, on every rank; the first one writes what was found."""
    torch.set_num_threads(1)
    parallel.begin(TIMEOUT, torch.device("cpu"))
    spec = json.loads(told.read_text())
    rows = []
    about = link()
    for hidden, size in spec["settings"]:
        if dist.get_rank() == 0:
            print(f"{hidden}, batch {size}", file=sys.stderr)
        rows.append(measure([spec["features"], *hidden], size, spec["steps"], spec["rounds"]))
        if dist.get_rank() == 0:
            files.write_json(found, {"ranks": dist.get_world_size(), "link": about, "rows": rows})
    parallel.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

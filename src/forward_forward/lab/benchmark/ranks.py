"""On two or more ranks: sizes of networks -> seconds and bytes of a step, of each method in turn.

`forward_forward.lab.benchmark.parallel` starts this on each rank; the first one writes the results.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Mapping
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
    WARM_UP,
    BackpropOnce,
    BackpropSpread,
    OneProcess,
    Spread,
    Unconnected,
)
from forward_forward.optimize import Trainer
from forward_forward.parallel import Layout, Place
from forward_forward.parallel.balance import balanced
from forward_forward.parallel.channels import ReceiveChannel, SendChannel
from forward_forward.parallel.messages import TensorSpecs
from forward_forward.parallel.timeouts import Timeout

TIMEOUT = 120.0
SMALL, LARGE = 64, 16 * 2**20  # bytes of the messages by which the link is measured
MESSAGES, TRIES = 24, 3
ALL_ROUNDS = 12.0  # seconds of one process that all rounds of a small network take
Split = tuple[int, ...]


def measure(widths: list[int], size: int, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The results for one network and batch size; all ranks call this."""
    data, batch = _samples(widths[0], size)
    one = OneProcess(_trainer(widths, batch), batch)
    split, steps, count = _planned(OneProcess(_trainer(widths, batch), batch), spec)
    by_layers = Layout(split=split, timeout=TIMEOUT)
    by_data = Layout(stages=1, replicas=None, timeout=TIMEOUT)
    methods: dict[str, Any] = {
        "one process": one,
        "unconnected": Unconnected(_trainer(widths, batch), batch),
        "layers": Spread(_trainer(widths, batch), data, batch, by_layers),
        "data": Spread(_trainer(widths, batch), data, batch, by_data),
        "backprop": BackpropOnce(widths, batch),
        "backprop, data": BackpropSpread(widths, batch),
    }
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    layers: list[list[float]] = []
    loopback: dict[str, list[int]] = {name: [] for name in methods}
    for number in range(count + 1):
        for name, method in methods.items():
            dist.barrier()
            before = _loopback_bytes()
            found = method.run(steps + WARM_UP)
            dist.barrier()
            if number:  # the first round allocates memory
                seconds[name].append(_slowest(found))
                if method is one and dist.get_rank() == 0:
                    layers.append(one.layer_seconds())
                loopback[name].append((_loopback_bytes() - before) // (steps + WARM_UP))
    return _row(widths, size, methods, seconds, loopback, layers)


def _trainer(widths: list[int], batch: Batch) -> Trainer:
    """The same calibrated trainer on all ranks."""
    trainer = engine(widths, torch.float32)
    trainer.network.calibrate(batch.x, batch.y)
    return trainer


def _planned(alone: OneProcess, spec: Mapping[str, Any]) -> tuple[Split, int, int]:
    """Layers of each rank by their seconds in one process, steps of a round, number of rounds."""
    found: list[Any] = [None]
    seconds = alone.run(WARM_UP + 3)
    if dist.get_rank() == 0:
        split = balanced(alone.layer_seconds(), dist.get_world_size())
        steps = max(spec["steps"], round(spec["round_seconds"] / seconds))
        fewest, most = spec["rounds"]
        found[0] = split, steps, max(fewest, min(most, round(ALL_ROUNDS / (steps * seconds))))
    dist.broadcast_object_list(found, src=0)
    planned: tuple[Split, int, int] = found[0]
    return planned


def _samples(features: int, size: int) -> tuple[Data, Batch]:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(size, features, generator=rng), torch.arange(size) % CLASSES
    return Data(x, y, tuple(map(str, range(CLASSES)))), Batch(x, y, None)


def _slowest(seconds: float) -> float:
    """The largest value of all ranks."""
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, seconds)
    return float(max(found))


def _loopback_bytes() -> int:
    """Bytes that this machine has sent to itself so far, including headers."""
    return int(psutil.net_io_counters(pernic=True)["lo"].bytes_sent)


def _row(
    widths: list[int],
    size: int,
    methods: dict[str, Any],
    seconds: dict[str, list[float]],
    loopback: dict[str, list[int]],
    layers: list[list[float]],
) -> dict[str, Any]:
    one, by_layers, by_data = methods["one process"], methods["layers"], methods["data"]
    sent = _slowest(by_layers.sent), _slowest(by_data.sent)
    by_layers.strategy.share_weights()
    if dist.get_rank() != 0:
        return {}
    trained = by_layers.strategy.trainer
    return {
        "hidden": widths[1:],
        "batch": size,
        "split": list(by_layers.strategy.place.split),
        "layer_seconds": min(layers, key=sum),  # of the least disturbed round
        "step_seconds": {name: statistics.median(each) for name, each in seconds.items()},
        "rounds": seconds,
        "bytes": {name: statistics.median(each) for name, each in loopback.items()},
        "bytes_counted": {"layers": sent[0] / trained.steps, "data": sent[1] / trained.steps},
        "steps_compared": one.trainer.steps,
        "weights": {
            "layers": difference(one.trainer, trained),
            "data": difference(one.trainer, by_data.strategy.trainer),
        },
        "optimizer_seconds": one.optimizer_seconds(),  # last: it changes weights
    }


def difference(first: Trainer, second: Trainer) -> float:
    """The largest difference of a tensor of weights, relative to its length."""
    pairs = zip(first.network.parameters(), second.network.parameters(), strict=True)
    return max(float((a - b).norm() / a.norm()) for a, b in pairs)


def link() -> dict[str, float]:
    """The cost of a message from the first rank to the second.

    Returns:
        ``message``, bytes of a large message; ``delay``, seconds of a small one; ``wire``, the
        additional seconds of a large one; and ``copy``, those of the busier rank's processor.
    """
    place = Place(dist.get_rank(), (1,) * dist.get_world_size())
    given = Timeout(place, TIMEOUT), torch.device("cpu")
    sender = SendChannel(1, *given) if place.rank == 0 else None
    receiver = ReceiveChannel(0, *given) if place.rank == 1 else None
    tries = {
        size: [_stream(sender, receiver, size) for _ in range(TRIES)] for size in (SMALL, LARGE)
    }
    small, large = (list(map(min, zip(*each, strict=True))) for each in tries.values())
    wire, copy = (max(much - little, 0.0) for much, little in zip(large, small, strict=True))
    return {"message": LARGE, "delay": small[0], "wire": wire, "copy": copy}


def _stream(
    sender: SendChannel | None, receiver: ReceiveChannel | None, size: int
) -> tuple[float, float]:
    """Seconds of a message of a size in a row of them, and of the busier processor for it."""
    specs: list[TensorSpecs] = [{"h": ((size,), torch.uint8)}] * MESSAGES
    dist.barrier()
    began, busy = time.perf_counter(), time.process_time()
    if sender is not None:
        for each in specs:
            sender.send(sender.message(each))
        sender.drain()
    if receiver is not None:
        receiver.expect(iter(specs))
        for _ in specs:
            receiver.receive()
    spent, busy = time.perf_counter() - began, time.process_time() - busy
    dist.barrier()
    return _slowest(spent) / MESSAGES, _slowest(busy) / MESSAGES


def main(job: Path, out: Path) -> None:
    """Measure all settings of a job, on every rank; the first one writes the results."""
    torch.set_num_threads(1)
    parallel.begin(TIMEOUT, torch.device("cpu"))
    spec = json.loads(job.read_text())
    rows = []
    about = link()
    for hidden, size in spec["settings"]:
        if dist.get_rank() == 0:
            print(f"{hidden}, batch {size}", file=sys.stderr)
        rows.append(measure([spec["features"], *hidden], size, spec))
        if dist.get_rank() == 0:
            files.write_json(out, {"ranks": dist.get_world_size(), "link": about, "rows": rows})
    parallel.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

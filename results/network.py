"""A network's layers on two hosts, link by link -> measured and predicted seconds of a step, JSON.

python results/network.py --out results/parallel/network.json    # measures what the file lacks

The hosts are network namespaces of this machine (tests/parallel/two_hosts.py), which require root
and two free processors. The inputs are random numbers, since only their shape matters.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from forward_forward import files
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, Uniform
from forward_forward.forward import mlp
from forward_forward.lab import simulate
from forward_forward.optimize import Trainer
from forward_forward.optimize.fit import calibrate
from forward_forward.parallel import Layout, begin, leave
from forward_forward.parallel.balance import balanced
from forward_forward.parallel.costs import layer_seconds
from forward_forward.track.run_record import machine

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {"2x500": (500,) * 2, "3x1000": (1000,) * 3, "5x2000": (2000,) * 5}
LINKS = {"veth": None, "1000": 1000.0, "300": 300.0, "100": 100.0}  # megabits a second
FEATURES, CLASSES, BATCH = 784, 10, 1024
STEPS, FILLING = 12, 4  # the first ones fill the buffers, and do not count
COUNTED = STEPS - 1 - FILLING  # intervals
MEASURED = 3  # times that layers, and whole steps, are timed
TURNS = 2  # of the ranks; one process is measured before, between and after them
STREAM = 1.5  # seconds of the plain stream, approximately
TIMEOUT = 120.0


@dataclass(frozen=True)
class Job:
    """What the ranks measure.

    Args:
        hidden: Units of each layer.
        split: Layers of each rank.
        message: Bytes of a message in the plain stream.
        count: Messages in it.
    """

    hidden: list[int]
    split: list[int]
    message: int
    count: int


def trainer_and_data(hidden: list[int]) -> tuple[Trainer, Data]:
    """The same on all ranks."""
    examples = AppendLabel(CLASSES, negatives=Uniform())
    network = mlp(FEATURES, *hidden, num_classes=CLASSES, examples=examples)
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(BATCH * STEPS, FEATURES, generator=rng)
    y = torch.randint(CLASSES, (len(x),), generator=rng)
    trainer, source = (
        Trainer(network, precision="float32"),
        Data(x, y, tuple(map(str, range(CLASSES)))),
    )
    calibrate(trainer, source, BATCH)
    return trainer, source


def message_bytes(width: int) -> int:
    """Activities and lengths of positives and negatives, weights of the samples, a last step."""
    return 2 * BATCH * width * 4 + 2 * BATCH * 4 + BATCH * 4 + 8


# One process


def alone(hidden: list[int]) -> tuple[list[float], float]:
    """Seconds of each layer's step, and of a whole one, in this process."""
    trainer, source = trainer_and_data(hidden)
    rounds = [layer_seconds(trainer, source, BATCH) for _ in range(MEASURED)]
    layers = [statistics.median(each) for each in zip(*rounds, strict=True)]
    ended = []
    for batch in list(source.batches(BATCH))[: MEASURED + 2]:
        trainer.step(*batch)
        ended.append(time.perf_counter())
    return layers, statistics.median(intervals(ended)[1:])


def intervals(ended: list[float]) -> list[float]:
    """Seconds from each end to the next."""
    return [later - earlier for earlier, later in itertools.pairwise(ended)]


# Each rank


def rank(job: Job, out: Path) -> None:
    """Measure the link, then the steps, and write the results."""
    torch.set_num_threads(1)
    trainer, source = trainer_and_data(job.hidden)
    begin(TIMEOUT, trainer.device)
    delay = round_trip() / 2
    seconds, processor = stream(job)
    strategy = Layout(split=tuple(job.split), timeout=TIMEOUT).join(trainer, source, BATCH)
    dist.barrier()
    ended, used = [], []
    for batch in strategy.batches(source.batches(BATCH), range(STEPS), lambda _: None):
        strategy.step(*batch)
        ended.append(time.perf_counter())
        used.append(time.process_time())
    strategy.stage.drain()
    found = {"delay": delay, "stream": seconds, "processor": processor, "sent": strategy.stage.sent}
    found |= {"steps": intervals(ended), "used": intervals(used)}
    files.write_json(out / f"{dist.get_rank()}.json", found)
    dist.barrier()
    leave()


def round_trip(times: int = 20) -> float:
    """Median seconds of a round trip of a few bytes."""
    small, spans = torch.zeros(1), []
    for _ in range(times):
        began = time.perf_counter()
        for turn in range(2):
            act = dist.send if dist.get_rank() == turn else dist.recv
            act(small, 1 - dist.get_rank())
        spans.append(time.perf_counter() - began)
    return statistics.median(spans)


def stream(job: Job) -> tuple[float, float]:
    """Seconds of a message, and of this process's processor for it, with two in transit at once."""
    here = dist.get_rank()
    post: Callable[..., Any] = dist.isend if here == 0 else dist.irecv
    memory = [torch.zeros(job.message, dtype=torch.uint8) for _ in range(2)]
    ended, used = [], []
    in_transit = [post(each, 1 - here) for each in memory]
    for number in range(job.count):
        in_transit.pop(0).wait()
        ended.append(time.perf_counter())
        used.append(time.process_time())
        if number + 2 < job.count:
            in_transit.append(post(memory[number % 2], 1 - here))
    spans = job.count - 1
    return (ended[-1] - ended[0]) / spans, (used[-1] - used[0]) / spans


# One setting


def measured(network: str, link: str) -> dict[str, Any]:
    """All results of a network over a link."""
    hidden, mbit = list(NETWORKS[network]), LINKS[link]
    ones = [alone(hidden)]
    split = balanced(ones[0][0], 2)
    sent = [message_bytes(width) for width in hidden]
    crossing = sent[split[0] - 1]
    rate = 1e9 if mbit is None else mbit * 1e6 / 8
    job = Job(hidden, list(split), crossing, min(100, max(8, round(STREAM * rate / crossing))))
    both = []
    for _ in range(TURNS):
        both.append(on_two_hosts(job, mbit))
        ones.append(alone(hidden))
    # Other load on the machine slows down a turn: hence the median of all, or the mean of two.
    seconds = [
        statistics.median(each) for each in zip(*(layers for layers, _ in ones), strict=True)
    ]
    whole = statistics.median(step for _, step in ones)
    processor = statistics.median(each["processor"] for pair in both for each in pair)
    found = simulate.Link(
        crossing / statistics.median(last["stream"] for _, last in both),
        statistics.median(first["delay"] for first, _ in both),
        crossing / processor,
    )
    weights = [4 * (into + 1) * width for into, width in pairs(hidden)]
    work = simulate.Work(tuple(seconds), tuple(sent), tuple(weights))
    predicted = simulate.layers(work, split, found)
    steps = [last["steps"][FILLING:] for _, last in both]
    step = statistics.median(map(statistics.median, steps))
    return {
        "layer_seconds": seconds,
        "one_process_seconds": whole,
        "split": split,
        "bytes": crossing,
        "link": asdict(found),
        "intervals": steps,
        "processor_seconds": [
            [sum(each["used"][FILLING:]) / COUNTED for each in pair] for pair in both
        ],
        "measured": step,
        "predicted": predicted.step_seconds,
        "ratio": step / predicted.step_seconds,
        "speed_up": whole / step,
        "predicted_speed_up": predicted.speed_up,
        "limit": predicted.limit,
    }


def on_two_hosts(job: Job, mbit: float | None) -> list[dict[str, Any]]:
    """The measurements of two ranks, on hosts with a link between them."""
    from tests.parallel.two_hosts import TwoHosts

    with tempfile.TemporaryDirectory() as name, TwoHosts() as hosts:
        folder = Path(name)
        files.write_json(folder / "job.json", asdict(job))
        if mbit is not None:
            hosts.limit(mbit)
        for each in hosts.ranks(Path(__file__).resolve(), "--rank", folder, folder=folder):
            ended = each.end(600)
            if ended.code:
                raise RuntimeError(ended.output)
        found = [json.loads((folder / f"{each}.json").read_text()) for each in range(2)]
    if found[0]["sent"] != job.message * STEPS:
        raise RuntimeError(f"expected {job.message} bytes a step, got {found[0]['sent'] / STEPS}")
    return found


def pairs(hidden: list[int]) -> Iterator[tuple[int, int]]:
    """Inputs and units of each layer."""
    return zip([FEATURES + CLASSES, *hidden[:-1]], hidden, strict=True)


# All settings


def main() -> None:
    """Measure what is not in the file yet, and print all results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "parallel" / "network.json")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--links", nargs="+", choices=LINKS, default=list(LINKS))
    parser.add_argument("--rank", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rank is not None:
        rank(Job(**json.loads((options.rank / "job.json").read_text())), options.rank)
        return
    sys.path.insert(0, str(ROOT))  # for the hosts, which the tests use too
    torch.set_num_threads(1)
    settings = {"batch": BATCH, "steps": STEPS, "processors": os.cpu_count()}
    found = {"settings": settings, "found": {}}
    if options.out.exists():
        found = json.loads(options.out.read_text())
    for network in options.networks:
        for link in options.links:
            name = f"{network} {link}"
            if name in found["found"]:
                continue
            began = time.perf_counter()
            found["found"][name] = measured(network, link)
            found["machine"] = machine()
            options.out.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(options.out, found)
            print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    show(found["found"])


def show(found: dict[str, Any]) -> None:
    """Print a table: links in megabits a second, steps in milliseconds."""
    print("network    link   Mbit/s  split   alone  predicted  measured  ratio  speed-up  limit")
    for name, each in found.items():
        network, link = name.split()
        speed = each["link"]["bandwidth"] * 8 / 1e6
        times = [1000 * each[key] for key in ("one_process_seconds", "predicted", "measured")]
        split = "+".join(map(str, each["split"]))
        print(
            f"{network:<9} {link:>5} {speed:8.0f}  {split:>5} {times[0]:7.1f} {times[1]:10.1f}"
            f" {times[2]:9.1f} {each['ratio']:6.2f} {each['speed_up']:9.2f}  {each['limit']}"
        )


if __name__ == "__main__":
    main()

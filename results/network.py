"""A network's layers on two hosts, link by link: seconds of a step beside those foretold -> JSON.

python results/network.py --out results/parallel/network.json    # goes on where it was broken off

The hosts are network namespaces of this machine (tests/parallel/two_hosts.py): this needs root and
two free processors. The inputs are random numbers: only their shape matters.
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
from forward_forward.checkpoint import machine
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, Uniform
from forward_forward.forward import mlp
from forward_forward.lab import simulate
from forward_forward.optimize import Trainer
from forward_forward.optimize.calibrate import calibrate
from forward_forward.parallel import Layout, begin, leave
from forward_forward.parallel.balance import balanced
from forward_forward.parallel.costs import layer_seconds

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {"2x500": (500,) * 2, "3x1000": (1000,) * 3, "5x2000": (2000,) * 5}
LINKS = {"veth": None, "1000": 1000.0, "300": 300.0, "100": 100.0}  # megabits a second
FEATURES, CLASSES, BATCH = 784, 10, 1024
STEPS, FILLING = 12, 4  # the first ones fill the buffers and are not counted
COUNTED = STEPS - 1 - FILLING  # intervals
MEASURED = 3  # times that layers, and whole steps, are timed
TURNS = 2  # of the ranks, before, between and after which one process has its turn
STREAM = 1.5  # seconds that the plain stream takes, about
TIMEOUT = 120.0


@dataclass(frozen=True)
class Job:
    """What the ranks are asked for.

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
    """Activities and lengths of positives and negatives, shares of the samples, a last step."""
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
    """Measure the link, then the steps, and write both down."""
    torch.set_num_threads(1)
    trainer, source = trainer_and_data(job.hidden)
    begin(TIMEOUT, trainer.device)
    delay = round_trip() / 2
    seconds, processor = stream(job)
    crew = Layout(split=tuple(job.split), timeout=TIMEOUT).join(trainer, source, BATCH)
    dist.barrier()
    ended, used = [], []
    for batch in crew.batches(source.batches(BATCH), range(STEPS), lambda _: None):
        crew.step(*batch)
        ended.append(time.perf_counter())
        used.append(time.process_time())
    crew.stage.drain()
    found = {"delay": delay, "stream": seconds, "processor": processor, "sent": crew.stage.sent}
    found |= {"steps": intervals(ended), "used": intervals(used)}
    files.write_json(out / f"{dist.get_rank()}.json", found)
    dist.barrier()
    leave()


def round_trip(times: int = 20) -> float:
    """Median seconds of a few bytes there and back."""
    word, spans = torch.zeros(1), []
    for _ in range(times):
        began = time.perf_counter()
        for turn in range(2):
            act = dist.send if dist.get_rank() == turn else dist.recv
            act(word, 1 - dist.get_rank())
        spans.append(time.perf_counter() - began)
    return statistics.median(spans)


def stream(job: Job) -> tuple[float, float]:
    """Seconds of a message, and of this process's processor for it, two on the way at once."""
    here = dist.get_rank()
    post: Callable[..., Any] = dist.isend if here == 0 else dist.irecv
    memory = [torch.zeros(job.message, dtype=torch.uint8) for _ in range(2)]
    ended, used = [], []
    on_the_way = [post(each, 1 - here) for each in memory]
    for number in range(job.count):
        on_the_way.pop(0).wait()
        ended.append(time.perf_counter())
        used.append(time.process_time())
        if number + 2 < job.count:
            on_the_way.append(post(memory[number % 2], 1 - here))
    spans = job.count - 1
    return (ended[-1] - ended[0]) / spans, (used[-1] - used[0]) / spans


# One setting


def measured(network: str, link: str) -> dict[str, Any]:
    """All figures of a network over a link."""
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
    # A neighbour on the machine slows down a turn: the median, or mean of two, of all of them.
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
    foretold = simulate.layers(work, split, found)
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
        "predicted": foretold.step_seconds,
        "ratio": step / foretold.step_seconds,
        "speed_up": whole / step,
        "predicted_speed_up": foretold.speed_up,
        "limit": foretold.limit,
    }


def on_two_hosts(job: Job, mbit: float | None) -> list[dict[str, Any]]:
    """What two ranks of hosts with a link between them have measured."""
    from tests.two_hosts import TwoHosts

    with tempfile.TemporaryDirectory() as name, TwoHosts() as hosts:
        folder = Path(name)
        files.write_json(folder / "job.json", asdict(job))
        if mbit is not None:
            hosts.limit(mbit)
        for each in hosts.ranks(Path(__file__).resolve(), "--rank", folder, folder=folder):
            ended = each.end(600)
            if ended.code:
                raise RuntimeError(ended.said)
        found = [json.loads((folder / f"{each}.json").read_text()) for each in range(2)]
    if found[0]["sent"] != job.message * STEPS:
        raise RuntimeError(f"expected {job.message} bytes a step, got {found[0]['sent'] / STEPS}")
    return found


def pairs(hidden: list[int]) -> Iterator[tuple[int, int]]:
    """Inputs and units of each layer."""
    return zip([FEATURES + CLASSES, *hidden[:-1]], hidden, strict=True)


# All settings


def main() -> None:
    """Measure what is not in the file yet, and print all that is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "parallel" / "network.json")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--links", nargs="+", choices=LINKS, default=list(LINKS))
    parser.add_argument("--rank", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.rank is not None:
        rank(Job(**json.loads((asked.rank / "job.json").read_text())), asked.rank)
        return
    sys.path.insert(0, str(ROOT))  # for the hosts, which the tests have too
    torch.set_num_threads(1)
    settings = {"batch": BATCH, "steps": STEPS, "processors": os.cpu_count()}
    found = {"settings": settings, "found": {}}
    if asked.out.exists():
        found = json.loads(asked.out.read_text())
    for network in asked.networks:
        for link in asked.links:
            name = f"{network} {link}"
            if name in found["found"]:
                continue
            began = time.perf_counter()
            found["found"][name] = measured(network, link)
            found["machine"] = machine()
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(asked.out, found)
            print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    show(found["found"])


def show(found: dict[str, Any]) -> None:
    """Print a table: links in megabits a second, steps in milliseconds."""
    print("network    link   Mbit/s  split   alone  foretold  measured  ratio  faster  limit")
    for name, each in found.items():
        network, link = name.split()
        speed = each["link"]["bandwidth"] * 8 / 1e6
        times = [1000 * each[key] for key in ("one_process_seconds", "predicted", "measured")]
        split = "+".join(map(str, each["split"]))
        print(
            f"{network:<9} {link:>5} {speed:8.0f}  {split:>5} {times[0]:7.1f} {times[1]:9.1f}"
            f" {times[2]:9.1f} {each['ratio']:6.2f} {each['speed_up']:7.2f}  {each['limit']}"
        )


if __name__ == "__main__":
    main()

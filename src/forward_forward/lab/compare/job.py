"""A run of a rule in plain values -> its record: errors, seconds, operations and memory."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from forward_forward import predict
from forward_forward.data import Source
from forward_forward.datasets.run_data import sets_of
from forward_forward.datasets.splits import Sets
from forward_forward.lab.compare.rule import Rule, read_rule
from forward_forward.lab.workers import leave_interrupts
from forward_forward.optimize import Diverged
from forward_forward.recipes import Plan
from forward_forward.track.run_record import machine

# Increment it when a change makes runs differ from those in older folders.
PROTOCOL = 1
Record = dict[str, Any]
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@functools.lru_cache(maxsize=1)
def data_of(command: str, images: int | None) -> Sets:
    """The sets of a command line's data, as JSON, and of them the first training samples."""
    sets = sets_of(json.loads(command))
    if images is None or images >= len(sets.train):
        return sets
    first = getattr(sets.train, "first", None)
    if first is None:
        raise ValueError("images expects data that are held in memory: omit it for these")
    return dataclasses.replace(sets, train=first(images))


@dataclass(frozen=True)
class CompareJob:
    """One run: a rule with the settings chosen for it, and a seed.

    Args:
        rule: The rule's text.
        network: The network's text, or None.
        chosen: Settings that were tuned.
        data: The command line's data, as JSON.
        images: Training samples; None for all.
        epochs: Passes over them.
        seed: Of weights, order, negatives and dropout.
        device: Where to train; not part of the key.
    """

    rule: str
    network: str | None
    chosen: str  # as JSON
    data: str
    images: int | None
    epochs: int
    seed: int
    device: str | None = None

    @property
    def key(self) -> str:
        """A hash of all but the device."""
        about = [PROTOCOL, *(value for name, value in vars(self).items() if name != "device")]
        return hashlib.blake2b(json.dumps(about).encode(), digest_size=10).hexdigest()


def perform(job: CompareJob) -> Record:
    """Train and test once, with one thread.

    The test set is read with the weights of the last epoch. A run that diverges has the error of
    always guessing the most frequent class.
    """
    leave_interrupts()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        figures = _trained(job, read_rule(job.rule, job.network))
    finally:
        torch.set_num_threads(threads)
    return {
        "key": job.key,
        "rule": job.rule,
        "chosen": json.loads(job.chosen),
        "seed": job.seed,
        **figures,
        "machine": machine(),
    }


def _trained(job: CompareJob, rule: Rule) -> Record:
    sets = data_of(job.data, job.images)
    settings = {**json.loads(job.chosen), "epochs": job.epochs, "device": job.device}
    seed = {"seed": job.seed}
    samples = {"train": len(sets.train), "test": len(sets.test)}
    operations = petaflops(rule.plan(sets.train, {**settings, **seed}), sets.train)
    plan = rule.plan(sets.train, {**settings, **seed})
    diverged = False
    history: list[Mapping[str, Any]] = []
    began, cpu = time.perf_counter(), time.process_time()
    with peak_memory() as memory:
        try:
            plan.trainer.fit(
                sets.train,
                epochs=plan.epochs,
                batch_size=plan.batch_size,
                validation=sets.validation,
                callbacks=[history.append],
                verbose=False,
            )
        except Diverged:
            diverged = True
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    curve = [float(row["validation_error"]) for row in history]
    return {
        "test_error": guessing_error(sets.test)
        if diverged
        else predict.evaluate(plan.trainer.network.eval(), sets.test)["error"],
        "validation_error": None if diverged or not curve else curve[-1],
        "curve": curve,
        "diverged": diverged,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "petaflops": float(f"{operations:.4g}"),
        "peak_bytes": memory.get("bytes"),
        "weights": sum(each.numel() for each in plan.trainer.network.parameters()),
        "batch_size": plan.batch_size,
        "samples": samples,
    }


def petaflops(plan: Plan, train: Source) -> float:
    """Operations of matrix products and convolutions in a whole training, in units of 10^15.

    They are counted in one step, which the plan's trainer takes.
    """
    batch = next(train.batches(plan.batch_size))
    with FlopCounterMode(display=False) as counter:
        plan.trainer.step(*batch)
    a_sample: float = counter.get_total_flops() / len(batch.x)
    return a_sample * len(train) * plan.epochs / 1e15


def guessing_error(test: Source) -> float:
    """Error in % of always guessing the most frequent class."""
    counts = torch.zeros(len(test.classes), dtype=torch.long)
    for batch in test.batches(1000):
        counts += torch.bincount(batch.y.cpu(), minlength=len(counts))
    return 100 * (1 - float(counts.max() / counts.sum()))


@contextlib.contextmanager
def peak_memory() -> Iterator[dict[str, int]]:
    """How much the process's memory grows, at most: ``bytes`` at the end, on Linux only."""
    found: dict[str, int] = {}
    try:
        CLEAR.write_text("5")  # the peak so far is forgotten
        before = _status("VmRSS")
    except OSError:
        yield found
        return
    yield found
    found["bytes"] = max(0, _status("VmHWM") - before)


def _status(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])

"""Several small runs at a time -> milliseconds for a step of one of them, in three ways.

python results/many_runs.py    # into results/engine/many_runs.json

1. the engine, one run after the other, with all threads;
2. the engine, one process a run with one thread each, as many as there are threads;
3. all runs together in batched products (`Together`), with minimal code: its time is a lower bound
   for a trainer of many runs, since it omits what each run would still need separately, such as
   its order of samples and its random numbers.

A trainer of many runs is therefore only worthwhile if 3 is well below 2.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward import files
from forward_forward.lab.benchmark.arms import CLASSES, adamw, engine
from forward_forward.lab.benchmark.measure import medians
from forward_forward.track.run_record import machine

KEPT = Path(__file__).parent / "engine" / "many_runs.json"
SIZES = (([64, 100, 100], 32), ([64, 500, 500], 64), ([784, 500, 500], 100), ([784, 500, 500], 256))
RUNS = (2, 4, 8, 16)
ROUNDS = 3  # each way once per round, since the machine's speed varies
SECONDS = 2.0  # of each way in each round


class Together:
    """Runs of one network as batched products: the loss and goodness of the standard recipe."""

    def __init__(self, runs: int, widths: Sequence[int], batch: int) -> None:
        self.batch = batch
        self.weights = [
            torch.randn(runs, units, inputs) / inputs**0.5
            for inputs, units in itertools.pairwise(widths)
        ]
        self.of_labels = torch.randn(runs, CLASSES, widths[1]) / widths[0] ** 0.5
        self.biases = [torch.zeros(runs, 1, units) for units in widths[1:]]
        moved = [*self.weights, self.of_labels, *self.biases]
        self.optimizer = adamw([each.requires_grad_() for each in moved])
        self.run = torch.arange(runs)[:, None]

    @torch.no_grad()
    def step(self, x: Tensor, y: Tensor) -> None:
        """One step of every run on its own batch x [runs, batch, features], y [runs, batch]."""
        wrong = (y + torch.randint(1, CLASSES, y.shape)) % CLASSES
        label = torch.cat([y, wrong], 1)
        factor = ((x.square().sum(2) + 1) / (x.shape[2] + CLASSES)).rsqrt().repeat(1, 2)[..., None]
        shared = torch.bmm(x, self.weights[0].mT).repeat(1, 2, 1)
        z = (shared + self.of_labels[self.run, label]).mul_(factor).add_(self.biases[0])
        delta = self._delta(0, z.relu_()).mul_(factor)
        self.weights[0].grad = torch.bmm((delta[:, : self.batch] + delta[:, self.batch :]).mT, x)
        one_hot = functional.one_hot(label, CLASSES).float()
        self.of_labels.grad = torch.bmm(one_hot.mT, delta)
        h = z
        for layer in range(1, len(self.weights)):
            rows = h * (h.square().mean(2, keepdim=True).sqrt() + 1e-8).reciprocal()
            h = torch.baddbmm(self.biases[layer], rows, self.weights[layer].mT).relu_()
            self.weights[layer].grad = torch.bmm(self._delta(layer, h).mT, rows)
        self.optimizer.step()

    def _delta(self, layer: int, h: Tensor) -> Tensor:
        """Slopes with respect to the totals; the biases' gradient is set."""
        goodness = h.square().mean(2)
        wrong = -6 * (goodness[:, : self.batch] - goodness[:, self.batch :])
        sigma = wrong.sigmoid()
        slope = 6 * (sigma + wrong * sigma * (1 - sigma)) / self.batch
        delta = h * (torch.cat([-slope, slope], 1) * (2 / h.shape[2]))[..., None]
        self.biases[layer].grad = delta.sum(1, keepdim=True)
        return delta


def milliseconds(step: Callable[[], object]) -> float:
    """Median of a step."""
    return 1e3 * medians({"step": step}, budget=SECONDS)["step"]


def alone(widths: list[int], batch: int) -> float:
    """A step of the engine."""
    x, y = torch.rand(batch, widths[0]), torch.randint(0, CLASSES, (batch,))
    arm = engine(widths, torch.float32)
    return milliseconds(lambda: arm.step(x, y))


def _one_thread(widths: list[int], batch: int, start: Any, results: Any) -> None:
    torch.set_num_threads(1)
    start.wait()
    results.put(alone(widths, batch))


def side_by_side(widths: list[int], batch: int) -> float:
    """The same in as many processes as there are threads, over their number."""
    context, count = multiprocessing.get_context("spawn"), torch.get_num_threads()
    start, results = context.Barrier(count), context.Queue()
    args = widths, batch, start, results
    processes = [context.Process(target=_one_thread, args=args) for _ in range(count)]
    for process in processes:
        process.start()
    spans = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return statistics.mean(spans) / count


def together(runs: int, widths: list[int], batch: int) -> float:
    """A step of all runs together, over their number."""
    arm = Together(runs, widths, batch)
    x, y = torch.rand(runs, batch, widths[0]), torch.randint(0, CLASSES, (runs, batch))
    return milliseconds(lambda: arm.step(x, y)) / runs


def one_round(widths: list[int], batch: int) -> dict[str, float]:
    """Each way once."""
    figures = {"alone": alone(widths, batch), "side_by_side": side_by_side(widths, batch)}
    return figures | {str(runs): together(runs, widths, batch) for runs in RUNS}


def main() -> None:
    rows = []
    for widths, batch in SIZES:
        turns = [one_round(widths, batch) for _ in range(ROUNDS)]
        middle = {name: statistics.median(each[name] for each in turns) for name in turns[0]}
        rows.append({"widths": widths, "batch": batch, **middle, "turns": turns})
        print(json.dumps(rows[-1]), flush=True)
    files.write_json(KEPT, {"milliseconds_a_run_and_step": rows, "machine": machine()})


if __name__ == "__main__":
    main()

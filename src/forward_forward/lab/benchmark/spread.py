"""A network's widths and a batch -> the ways to train it on several ranks that are compared.

Each takes some steps, on every rank, and says how many seconds one takes once all are at work.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Protocol

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from forward_forward.data import Data
from forward_forward.data.batch import Batch
from forward_forward.lab.benchmark.arms import Backprop, adamw
from forward_forward.optimize import Trainer
from forward_forward.optimize.optimizers import forget_gradients, stepper, weights_of
from forward_forward.parallel.layout import Layout

WARM = 2  # steps before a round is timed


class Arm(Protocol):
    """A way to train: takes some steps, and says how long one takes once all are at work."""

    def run(self, steps: int) -> float: ...


class OneProcess:
    """Forward-Forward in the first rank, with the seconds of each layer; the others rest."""

    def __init__(self, trainer: Trainer, batch: Batch) -> None:
        self.trainer, self.batch = trainer, batch
        self.seconds: list[list[float]] = [[] for _ in trainer.network.layers]

    def run(self, steps: int) -> float:
        self.seconds = [[] for _ in self.seconds]
        if dist.get_rank() != 0:
            return 0.0
        ends = []
        for _ in range(steps):
            self._step()
            ends.append(time.perf_counter())
        return _steady(ends)

    def _step(self) -> None:
        trainer, layers = self.trainer, len(self.trainer.network.layers)
        at = time.perf_counter()
        forward = trainer.forward.begin()
        trainer.queue.add(forward, *self.batch, trainer.steps, layers)
        coming = trainer.queue.pending.popleft()
        source = trainer.preparer.source(coming)
        for index in range(layers):
            here = range(index, index + 1)
            _, source = trainer.layer_steps(
                forward, source, coming.sample_weight, coming.randomness, here
            )
            now = time.perf_counter()
            self.seconds[index].append(now - at)
            at = now
        trainer.close_step()

    def layer_seconds(self) -> list[float]:
        """Median seconds of each layer in the last round; the first one prepares the batch."""
        return [statistics.median(each[WARM:]) for each in self.seconds]

    def optimizer_seconds(self) -> list[float]:
        """Median seconds of each layer's optimiser alone."""
        return [_optimizer_seconds(each) for each in self.trainer.optimizers]


class Unconnected:
    """Forward-Forward in one process on every rank at once, which know nothing of each other.

    What they reach together is the most that the machine gives to any way.
    """

    def __init__(self, trainer: Trainer, batch: Batch) -> None:
        self.trainer, self.batch = trainer, batch

    def run(self, steps: int) -> float:
        ends = []
        for _ in range(steps):
            self.trainer.step(*self.batch)
            ends.append(time.perf_counter())
        return _steady(ends) / dist.get_world_size()


class Spread:
    """Forward-Forward over all ranks, by a layout."""

    def __init__(self, trainer: Trainer, data: Data, batch: Batch, layout: Layout) -> None:
        self.batch = batch
        self.ranks = layout.join(trainer, data, len(batch.y))

    def run(self, steps: int) -> float:
        ranks, ends = self.ranks, []
        ranks.sizes = [len(self.batch.y)] * steps
        for batch in ranks.batches([self.batch] * steps, range(steps), lambda _: None):
            ranks.step(*batch)
            ends.append(time.perf_counter())
        ranks.stage.drain()
        return _steady(ends)

    @property
    def sent(self) -> int:
        """Bytes that this rank has sent."""
        return self.ranks.stage.sent


class BackpropOnce:
    """Backprop in the first rank."""

    def __init__(self, widths: Sequence[int], batch: Batch) -> None:
        self.arm, self.batch = Backprop(widths, torch.float32), batch

    def run(self, steps: int) -> float:
        if dist.get_rank() != 0:
            return 0.0
        ends = []
        for _ in range(steps):
            self.arm.step(self.batch.x, self.batch.y)
            ends.append(time.perf_counter())
        return _steady(ends)


class BackpropSpread:
    """Backprop over all ranks by torch's DistributedDataParallel, each with a part of the batch."""

    def __init__(self, widths: Sequence[int], batch: Batch) -> None:
        linears = Backprop(widths, torch.float32).layers
        parts: list[nn.Module] = []
        for linear in linears:
            parts += [linear, nn.ReLU()]
        self.model = DistributedDataParallel(nn.Sequential(*parts[:-1]))
        self.optimizer = adamw(self.model.parameters())
        rows = torch.tensor_split(torch.arange(len(batch.y)), dist.get_world_size())[
            dist.get_rank()
        ]
        self.x, self.y = batch.x[rows], batch.y[rows]

    def run(self, steps: int) -> float:
        ends = []
        for _ in range(steps):
            self.optimizer.zero_grad()
            loss = functional.cross_entropy(self.model(self.x), self.y)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            ends.append(time.perf_counter())
        return _steady(ends)


def _steady(ends: list[float]) -> float:
    """Seconds of a step once all ranks are at work, from the ends of the steps."""
    return (ends[-1] - ends[WARM - 1]) / (len(ends) - WARM)


def _optimizer_seconds(optimizer: torch.optim.Optimizer) -> float:
    spans = []
    for _ in range(3):
        for weight in weights_of(optimizer):
            weight.grad = torch.zeros_like(weight)
        began = time.perf_counter()
        stepper(optimizer)()
        spans.append(time.perf_counter() - began)
    forget_gradients(optimizer)
    return statistics.median(spans)

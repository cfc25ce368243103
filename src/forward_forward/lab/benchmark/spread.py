"""A network's widths and a batch -> the methods of training on several ranks that are compared.

``run(steps)`` of each method takes some steps, on every rank, and returns the seconds of a step in
the steady state.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

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

WARM_UP = 2  # steps before a round is timed


class OneProcess:
    """Forward-Forward on the first rank, with the seconds of each layer; the others are idle."""

    def __init__(self, trainer: Trainer, batch: Batch) -> None:
        self.trainer, self.batch = trainer, batch
        self.seconds: list[list[float]] = [[] for _ in trainer.network.layers]

    def run(self, steps: int) -> float:
        self.seconds = [[] for _ in self.seconds]
        return _timed(self._step, steps) if dist.get_rank() == 0 else 0.0

    def _step(self) -> None:
        trainer, layers = self.trainer, len(self.trainer.network.layers)
        began = time.perf_counter()
        forward = trainer.forward.begin()
        trainer.queue.add(forward, *self.batch, trainer.steps, layers)
        prepared = trainer.queue.pending.popleft()
        source = trainer.preparer.source(prepared)
        targets, randomness = prepared.targets, prepared.randomness
        for index in range(layers):
            layer = range(index, index + 1)
            _, source = trainer.layer_steps(forward, source, targets, randomness, layer)
            now = time.perf_counter()
            self.seconds[index].append(now - began)
            began = now
        trainer.close_step()

    def layer_seconds(self) -> list[float]:
        """Median seconds of each layer in the last round; the first one's include preparation."""
        return [statistics.median(each[WARM_UP:]) for each in self.seconds]

    def optimizer_seconds(self) -> list[float]:
        """Median seconds of each layer's optimiser alone."""
        return [_optimizer_seconds(each) for each in self.trainer.optimizers]


class Unconnected:
    """Forward-Forward in a separate process on every rank at once.

    The steps of all of them together are the most that any method can reach on the machine.
    """

    def __init__(self, trainer: Trainer, batch: Batch) -> None:
        self.trainer, self.batch = trainer, batch

    def run(self, steps: int) -> float:
        return _timed(lambda: self.trainer.step(*self.batch), steps) / dist.get_world_size()


class Spread:
    """Forward-Forward over all ranks, by a layout."""

    def __init__(self, trainer: Trainer, data: Data, batch: Batch, layout: Layout) -> None:
        self.batch = batch
        self.strategy = layout.join(trainer, data, len(batch.y))

    def run(self, steps: int) -> float:
        strategy, ends = self.strategy, []
        strategy.stage.plan.sizes = [len(self.batch.y)] * steps
        for batch in strategy.batches([self.batch] * steps, range(steps), lambda _: None):
            strategy.step(*batch)
            ends.append(time.perf_counter())
        strategy.stage.drain()
        return _steady(ends)

    @property
    def sent(self) -> int:
        """Bytes that this rank has sent."""
        return self.strategy.stage.sent


class BackpropOnce:
    """Backprop on the first rank."""

    def __init__(self, widths: Sequence[int], batch: Batch) -> None:
        self.backprop, self.batch = Backprop(widths, torch.float32), batch

    def run(self, steps: int) -> float:
        step = lambda: self.backprop.step(self.batch.x, self.batch.y)  # noqa: E731
        return _timed(step, steps) if dist.get_rank() == 0 else 0.0


class BackpropSpread:
    """Backprop over all ranks by DistributedDataParallel, each with a shard of the batch."""

    def __init__(self, widths: Sequence[int], batch: Batch) -> None:
        modules: list[nn.Module] = []
        for linear in Backprop(widths, torch.float32).layers:
            modules += [linear, nn.ReLU()]
        self.model = DistributedDataParallel(nn.Sequential(*modules[:-1]))
        self.optimizer = adamw(self.model.parameters())
        self.x, self.y = (
            torch.tensor_split(each, dist.get_world_size())[dist.get_rank()]
            for each in (batch.x, batch.y)
        )

    def run(self, steps: int) -> float:
        return _timed(self._step, steps)

    def _step(self) -> None:
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.model(self.x), self.y)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def _timed(step: Callable[[], object], steps: int) -> float:
    """Seconds of a step in the steady state."""
    ends = []
    for _ in range(steps):
        step()
        ends.append(time.perf_counter())
    return _steady(ends)


def _steady(ends: list[float]) -> float:
    """Seconds of a step after the warm-up, from the ends of the steps."""
    return (ends[-1] - ends[WARM_UP - 1]) / (len(ends) - WARM_UP)


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

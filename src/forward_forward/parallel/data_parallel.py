"""Gradients of a part of a batch -> those of the whole: an all-reduce a layer, beside its work."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from forward_forward.parallel.timeouts import Timeout


class _Bucket:
    """A layer's gradients in one piece, with a number for each that says whether there is one."""

    def __init__(self, weights: list[nn.Parameter]) -> None:
        self.weights = weights
        count = sum(weight.numel() for weight in weights)
        self.flat = weights[0].new_zeros(count + len(weights) + 1)
        self.there, self.extra = self.flat[count:-1], self.flat[-1:]
        parts = torch.split(self.flat[:count], [weight.numel() for weight in weights])
        self.parts = [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]

    def place_of(self, weight: Tensor) -> Tensor | None:
        """Where a weight's gradient lies."""
        pairs = zip(self.weights, self.parts, strict=True)
        return next((part for own, part in pairs if own is weight), None)

    def fill(self, extra: float) -> None:
        """Take the gradients in; from here on they lie here."""
        there = [float(weight.grad is not None) for weight in self.weights]
        for weight, part in zip(self.weights, self.parts, strict=True):
            if weight.grad is None:
                part.zero_()  # not the last step's sum
            elif weight.grad.data_ptr() != part.data_ptr():
                part.copy_(weight.grad)
            weight.grad = part
        self.there.copy_(torch.tensor(there))
        self.extra.fill_(extra)

    def give_back(self) -> None:
        """Take gradients away that no replica has: their weights are not to be moved."""
        for weight, there in zip(self.weights, self.there.tolist(), strict=True):
            if not there:
                weight.grad = None


class Replicas:
    """The replicas of one stage, each with another part of every batch.

    Args:
        group: Their process group.
        patience: How long to wait for them.
    """

    def __init__(self, group: dist.ProcessGroup, patience: Timeout) -> None:
        self.group, self.patience = group, patience
        self.wished = False  # whether this rank wishes to stop: it tells the others on the way
        self.agreed = False  # whether any did, as all know after a step
        self.sent = 0  # bytes so far
        self._count = dist.get_world_size(group)
        self._buckets: dict[int, _Bucket] = {}
        self._on_the_way: dict[int, dist.Work] = {}

    def add(self, values: Tensor) -> Tensor:
        return self._reduce(values, dist.ReduceOp.SUM)

    def largest(self, values: Tensor) -> Tensor:
        return self._reduce(values, dist.ReduceOp.MAX)

    def place(self, index: int, weight: Tensor) -> Tensor | None:
        bucket = self._buckets.get(index)  # there is none before the first step
        return None if bucket is None else bucket.place_of(weight)

    def begin(self, index: int, weights: list[nn.Parameter]) -> None:
        bucket = self._buckets.get(index)
        if bucket is None:
            bucket = self._buckets[index] = _Bucket(weights)
        bucket.fill(float(self.wished))
        self._on_the_way[index] = self._started(bucket.flat, dist.ReduceOp.SUM)

    def end(self, index: int) -> None:
        self._wait(self._on_the_way.pop(index))
        bucket = self._buckets[index]
        bucket.give_back()
        if bucket.extra > 0:
            self.agreed = True

    def _reduce(self, values: Tensor, by: dist.ReduceOp.RedOpType) -> Tensor:
        self._wait(self._started(values, by))
        return values

    def _started(self, values: Tensor, by: dist.ReduceOp.RedOpType) -> dist.Work:
        # A ring sends each number once to be summed and once to be known.
        self.sent += 2 * (self._count - 1) * values.nbytes // self._count
        work: dist.Work = self.patience.guard(
            lambda: dist.all_reduce(values, by, group=self.group, async_op=True), None, "sums with"
        )
        return work

    def _wait(self, work: dist.Work) -> None:
        self.patience.wait(work, None, "sums with")

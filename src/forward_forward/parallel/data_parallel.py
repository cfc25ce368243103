"""Gradients of a shard of a batch -> those of the whole batch, by one all-reduce for each layer.

The all-reduce of a layer runs while the next layers compute.
"""

from __future__ import annotations

import functools

import torch
import torch.distributed as dist
from torch import Tensor, nn

from forward_forward.parallel.timeouts import Timeout


class _Bucket:
    """The gradients of a layer in one tensor, so that one all-reduce sums them.

    Behind them lie a number for each weight, which says whether it has a gradient, and one that
    says whether a rank asks to stop.
    """

    def __init__(self, weights: list[nn.Parameter]) -> None:
        self.weights = weights
        sizes = [weight.numel() for weight in weights]
        count = sum(sizes)
        self.flat = weights[0].new_zeros(count + len(weights) + 1)
        self.present, self.stop = self.flat[count:-1], self.flat[-1:]
        views = torch.split(self.flat[:count], sizes)
        self.views = [view.view_as(weight) for view, weight in zip(views, weights, strict=True)]

    def view_of(self, weight: Tensor) -> Tensor | None:
        """The memory of a weight's gradient."""
        pairs = zip(self.weights, self.views, strict=True)
        return next((view for own, view in pairs if own is weight), None)

    def fill(self, stop: float) -> None:
        """Move the gradients into the bucket, and let ``weight.grad`` be views of it."""
        present = [float(weight.grad is not None) for weight in self.weights]
        for weight, view in zip(self.weights, self.views, strict=True):
            if weight.grad is None:
                view.zero_()  # it holds the sum of the step before
            elif weight.grad.data_ptr() != view.data_ptr():
                view.copy_(weight.grad)
            weight.grad = view
        self.present.copy_(torch.tensor(present))
        self.stop.fill_(stop)

    def clear_absent(self) -> None:
        """Remove gradients that no replica has, so that their weights are not updated."""
        for weight, present in zip(self.weights, self.present.tolist(), strict=True):
            if not present:
                weight.grad = None


class AllReduceGroup:
    """The replicas of one stage, each with another shard of every batch."""

    def __init__(self, group: dist.ProcessGroup, timeout: Timeout) -> None:
        self.group, self.timeout = group, timeout
        self.stop_requested = False  # by this rank; sent with the next gradients
        self.stop_agreed = False  # whether any replica asked, as all of them know after a step
        self.sent = 0  # bytes so far
        self._count = dist.get_world_size(group)
        self._buckets: dict[int, _Bucket] = {}
        self._pending: dict[int, dist.Work] = {}

    def add(self, values: Tensor) -> Tensor:
        return self._reduce(values, dist.ReduceOp.SUM)

    def largest(self, values: Tensor) -> Tensor:
        return self._reduce(values, dist.ReduceOp.MAX)

    def place(self, index: int, weight: Tensor) -> Tensor | None:
        bucket = self._buckets.get(index)  # there is none before the first step
        return None if bucket is None else bucket.view_of(weight)

    def begin(self, index: int, weights: list[nn.Parameter]) -> None:
        bucket = self._buckets.get(index)
        if bucket is None:
            bucket = self._buckets[index] = _Bucket(weights)
        bucket.fill(float(self.stop_requested))
        self._pending[index] = self._start(bucket.flat, dist.ReduceOp.SUM)

    def end(self, index: int) -> None:
        self._wait(self._pending.pop(index))
        bucket = self._buckets[index]
        bucket.clear_absent()
        if bucket.stop > 0:
            self.stop_agreed = True

    def _reduce(self, values: Tensor, operation: dist.ReduceOp.RedOpType) -> Tensor:
        self._wait(self._start(values, operation))
        return values

    def _start(self, values: Tensor, operation: dist.ReduceOp.RedOpType) -> dist.Work:
        # In a ring each rank sends its part of every number twice: to sum it, and to spread it.
        self.sent += 2 * (self._count - 1) * values.nbytes // self._count
        reduce = functools.partial(dist.all_reduce, values, operation, self.group, async_op=True)
        work: dist.Work = self.timeout.guard(reduce, None, "sums with")
        return work

    def _wait(self, work: dist.Work) -> None:
        self.timeout.wait(work, None, "sums with")

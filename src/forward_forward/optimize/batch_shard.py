"""A batch [batch, ...] -> the rows that one of several replicas learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities


@dataclass(frozen=True)
class BatchShard:
    """The shard of each batch that a process learns from.

    Args:
        index: Index of the replica.
        count: Number of replicas.

    >>> [BatchShard(index, 2).rows(5) for index in range(2)]
    [slice(0, 3, None), slice(3, 5, None)]
    """

    index: int = 0
    count: int = 1

    def rows(self, batch: int) -> slice:
        """The rows of a batch that belong to this replica; the first replicas get the remainder."""
        each, more = divmod(batch, self.count)
        start = self.index * each + min(self.index, more)
        return slice(start, start + each + (self.index < more))

    def of(self, source: Inputs | Activities, batch: int) -> Inputs | Activities:
        """The rows of this shard in stacked variants."""
        if self.count == 1:
            return source
        rows = self.rows(batch)
        if isinstance(source, Inputs):
            return source.part(rows)
        variants = source.h.view(-1, batch, *source.h.shape[1:])
        return Activities(variants[:, rows].flatten(0, 1))

    def hard(self, batch: int, hard: int) -> int:
        """How many rows of the shard are among the first ``hard`` of the batch."""
        rows = self.rows(batch)
        return max(0, min(int(rows.stop), hard) - int(rows.start))

    def spread(self, scores: Tensor, batch: int, hard: int) -> Tensor:
        """Scores of the shard's hard rows, in their rows of the batch's [hard, classes].

        The other rows are 0: labels drawn from them are not used here.
        """
        if self.count == 1:
            return scores
        start = self.rows(batch).start
        full = scores.new_zeros(hard, scores.shape[1])
        full[start : start + len(scores)] = scores
        return full


class ReplicaGroup(Protocol):
    """The replicas that learn from the other shards of the same batch."""

    def add(self, values: Tensor) -> Tensor:
        """The sum over the replicas, in place; all wait for it."""

    def largest(self, values: Tensor) -> Tensor:
        """The largest over the replicas, in place; all wait for it."""

    def place(self, index: int, weight: Tensor) -> Tensor | None:
        """Where a layer may write its weight's gradient directly; None for anywhere."""

    def begin(self, index: int, weights: list[torch.nn.Parameter]) -> None:
        """Begin to sum a layer's gradients over the replicas."""

    def end(self, index: int) -> None:
        """Wait until the gradients of a layer are summed."""

"""A batch before its step -> the head's step, scores [rows, classes] for its hard negatives.

With a look-ahead of d, batch t + d is scored with the weights of step t.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from forward_forward.data.batch import Batch
from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.passes import ForwardPass
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.optimizers import (
    check_held,
    forget_gradients,
    lacks_gradients,
    weights_of,
)
from forward_forward.optimize.prepare import BatchPreparer, PreparedBatch
from forward_forward.optimize.scores import label_goodness, scored_layers, teach_head

HEAD = -1  # the head's index among the layers whose gradients replicas sum


def ahead(batches: Iterable[Batch], steps: int, score: Callable[..., None]) -> Iterator[Batch]:
    """Yield batches, calling ``score`` on each that number of steps before it is yielded."""
    scored: deque[Batch] = deque()
    for batch in batches:
        score(*batch)
        scored.append(batch)
        if len(scored) > steps:
            yield scored.popleft()
    yield from scored


@dataclass(eq=False)
class LookAhead:
    """A queue of batches that are prepared and scored before their own step."""

    network: Network
    preparer: BatchPreparer
    head_optimizer: torch.optim.Optimizer | None
    replicas: ReplicaGroup | None = None
    pending: deque[PreparedBatch] = field(default_factory=deque)
    restored: deque[Tensor | None] = field(default_factory=deque)  # scores of a resumed run's queue

    def clear(self) -> None:
        """Drop the batches of a training that did not finish."""
        self.pending.clear()
        self.restored.clear()

    def check_next(self, x: Tensor, y: Tensor | None, weight: Tensor | None, steps: int) -> None:
        """Reject a batch other than the next one in the queue.

        Raises:
            ValueError: The batch was not scored, or it is not its turn.
        """
        batch = self.pending[0] if self.pending else None
        if batch is None or batch.x is not x or batch.y is not y or batch.weight is not weight:
            raise ValueError(
                f"look_ahead={steps} requires the batch that `ahead` yielded last, got another:"
                " call step(*batch) once for each `batch in trainer.ahead(batches)`"
            )

    def add(
        self,
        forward: ForwardPass,
        x: Tensor,
        y: Tensor | None,
        weight: Tensor | None,
        steps: int,
        trained: int,
    ) -> None:
        """Score a batch, let the head learn from it, and queue it for its step.

        Args:
            forward: Passes with the current weights.
            x: Samples [batch, ...].
            y: Labels [batch], or None.
            weight: Weights of the samples [batch], or None.
            steps: Number of steps taken so far.
            trained: Number of layers, from the lowest, that have been trained or are in training.
        """
        batch = self.preparer.prepare(x, y, weight, steps + len(self.pending))
        positive = self.preparer.shard.of(batch.positive, batch.size)
        assert isinstance(positive, Inputs)  # a shard of inputs is inputs
        forward.share(positive)
        if self.restored:
            scores = self.restored.popleft()  # of the whole batch
            scores = None if scores is None else scores[self.preparer.shard.rows(batch.size)]
        else:
            scores = self._scores(forward, positive, batch, trained)
        self.pending.append(batch._replace(scores=scores))

    def _scores(
        self, forward: ForwardPass, positive: Inputs, batch: PreparedBatch, trained: int
    ) -> Tensor | None:
        """The scores from which hard negatives are drawn; the head learns from the same pass."""
        logits = None
        if (self.network.head is None) is not (self.head_optimizer is None):
            self.check_head()
        if self.head_optimizer is not None and batch.labels is not None:
            y = batch.labels[self.preparer.shard.rows(batch.size)]
            logits = teach_head(self.network, forward, positive, y, batch.targets.weight)
            self.move_head()
        if self.network.examples.scores == "softmax":
            return logits
        return self.label_scores(forward, positive, batch, trained)

    def label_scores(
        self, forward: ForwardPass, positive: Inputs, batch: PreparedBatch, trained: int
    ) -> Tensor | None:
        """Goodness of the labels [hard rows, classes]; None if negatives do not depend on it."""
        examples, shard = self.network.examples, self.preparer.shard
        hard = examples.hard_rows(batch.size)
        if examples.scores in ("nothing", "softmax") or not hard:
            return None
        counted = scored_layers(self.network, trained)
        candidates = examples.candidates(positive.first(shard.hard(batch.size, hard)))
        layers, variants = range(counted.stop), candidates.variants
        return label_goodness(self.network, forward, candidates, variants, layers, counted)[0]

    def check_head(self) -> None:
        """Reject a head other than the one that its optimiser updates.

        Raises:
            ValueError: A head was added, removed or replaced, or one of its weights was.
        """
        head = self.network.head
        if (head is None) is not (self.head_optimizer is None):
            now, then = ("none", "one") if head is None else ("one", "none")
            raise ValueError(
                f"the network expects the head it had when the Trainer was built, which was {then},"
                f" got {now}: build a new Trainer"
            )
        if head is not None and self.head_optimizer is not None:
            check_held(head, self.head_optimizer, "the head")

    def move_head(self) -> None:
        """Take the head's step."""
        if self.head_optimizer is None:
            return
        if lacks_gradients(self.head_optimizer):
            self.check_head()
        if self.replicas is not None:
            self.replicas.begin(HEAD, weights_of(self.head_optimizer))
            self.replicas.end(HEAD)
        self.head_optimizer.step()
        forget_gradients(self.head_optimizer)  # those of a replaced head would be used again

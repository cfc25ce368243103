"""A batch before it is shown -> a taught head, scores [rows, classes] for its hard negatives.

With a look-ahead of d, batch t + d is seen with the weights of step t.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.passes import ForwardPass
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.optimizers import weights_of
from forward_forward.optimize.prepare import BatchPreparer, PreparedBatch
from forward_forward.optimize.scores import label_goodness, scored_layers, teach_head

if TYPE_CHECKING:
    from forward_forward.data.batch import Batch

HEAD = -1  # the head's place among the layers whose gradients replicas sum


def ahead(batches: Iterable[Batch], steps: int, see: Callable[..., None]) -> Iterator[Batch]:
    """Batches, each handed to ``see`` so many steps before it comes."""
    seen: deque[Batch] = deque()
    for batch in batches:
        see(*batch)
        seen.append(batch)
        if len(seen) > steps:
            yield seen.popleft()
    yield from seen


class LookAhead:
    """Sees batches before they are shown.

    Args:
        network: The network.
        preparing: Makes batches ready.
        head_optimizer: The head's, or None where there is no head.
    """

    def __init__(
        self,
        network: Network,
        preparing: BatchPreparer,
        head_optimizer: torch.optim.Optimizer | None,
    ) -> None:
        self.network, self.preparing, self.head_optimizer = network, preparing, head_optimizer
        self.exchange: ReplicaGroup | None = None
        self.waiting: deque[PreparedBatch] = deque()  # seen and not yet shown
        self.restored: deque[Tensor | None] = deque()  # scores of such batches, of a resumed run

    def forget(self) -> None:
        """Let go of batches of a training that was broken off."""
        self.waiting.clear()
        self.restored.clear()

    def see(
        self,
        forward: ForwardPass,
        x: Tensor,
        y: Tensor | None,
        weight: Tensor | None,
        steps: int,
        trained: int,
    ) -> None:
        """Look at a batch; it waits until it is shown.

        Args:
            forward: Passes with the weights of this moment.
            x: Samples [batch, ...].
            y: Labels [batch], or None.
            weight: Weights of the samples [batch], or None.
            steps: How many steps were taken so far.
            trained: How many layers, from the lowest, have been trained or are.
        """
        coming = self.preparing.coming(x, y, weight, steps + len(self.waiting))
        positive = self.preparing.part.of(coming.positive, coming.batch)
        assert isinstance(positive, Inputs)  # a part of inputs is inputs
        forward.share(positive)
        if self.restored:
            scores = self.preparing.own_scores(self.restored.popleft(), coming.batch)
        else:
            scores = self._scores(forward, positive, coming, trained)
        self.waiting.append(coming._replace(scores=scores))

    def _scores(
        self, forward: ForwardPass, positive: Inputs, coming: PreparedBatch, trained: int
    ) -> Tensor | None:
        """What hard negatives are drawn from, before any step; the head learns on the way."""
        logits = None
        if self.head_optimizer is not None and coming.y is not None:
            y = coming.y[self.preparing.part.rows(coming.batch)]
            logits = teach_head(self.network, forward, positive, y, coming.share)
            self.move_head()
        if self.network.examples.scores == "softmax":
            return logits
        return self.label_scores(forward, positive, coming, trained)

    def label_scores(
        self, forward: ForwardPass, positive: Inputs, coming: PreparedBatch, trained: int
    ) -> Tensor | None:
        """Goodness of the labels, where negatives are drawn from it [hard rows, classes]."""
        examples, part = self.network.examples, self.preparing.part
        hard = examples.hard_rows(coming.batch)
        if examples.scores in ("nothing", "softmax") or not hard:
            return None
        counted = scored_layers(self.network, trained)
        candidates = examples.candidates(positive.first(part.hard(coming.batch, hard)))
        layers, variants = range(counted.stop), candidates.variants
        return label_goodness(self.network, forward, candidates, variants, layers, counted)[0]

    def move_head(self) -> None:
        """Take the head's step."""
        if self.head_optimizer is None:
            return
        if self.exchange is not None:
            self.exchange.begin(HEAD, weights_of(self.head_optimizer))
            self.exchange.end(HEAD)
        self.head_optimizer.step()

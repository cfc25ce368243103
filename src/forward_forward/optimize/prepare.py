"""A batch x [batch, ...], y [batch] -> the same made ready to be shown: positives and shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from forward_forward.examples import Inputs, stack
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import as_source
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.optimize.randomness import Augment, StepRandomness
from forward_forward.optimize.shares import Shares


class PreparedBatch(NamedTuple):
    """A batch that is to be shown.

    ``positive`` are its positives, augmented and dropped; ``share`` [rows] is each sample's in the
    mean loss, of the rows that are this process's; ``scores`` [hard rows, classes] are those of
    their labels, where negatives are drawn from them.
    """

    positive: Inputs
    y: Tensor | None
    share: Tensor
    chance: StepRandomness
    scores: Tensor | None = None

    @property
    def batch(self) -> int:
        """How many samples there are, in all parts together."""
        return self.positive.index.shape[1]


class BatchPreparer:
    """Makes batches ready.

    Args:
        network: The network.
        augment: Random changes of the pictures, in this order.
        seed: For all that is drawn at random.

    ``part`` says which rows of each batch are this process's.
    """

    def __init__(self, network: Network, augment: Sequence[Augment], seed: int) -> None:
        self.network, self.augment, self.seed = network, augment, seed
        self.part = BatchShard()
        self._shares = Shares()

    def chance(self, step: int, batch: int) -> StepRandomness:
        """What is drawn at random in a step."""
        device = self.network.device
        if self.part.count == 1:
            return StepRandomness(self.seed, step, device)
        return StepRandomness(self.seed, step, device, batch, self.part.rows(batch))

    def share(self, batch: int, weight: Tensor | None) -> Tensor:
        """Each sample's share in the mean over the batch [batch]."""
        return self._shares.of(batch, weight, self.network)

    def coming(
        self, x: Tensor, y: Tensor | None, weight: Tensor | None, step: int
    ) -> PreparedBatch:
        """Make a batch ready.

        Args:
            x: Samples [batch, ...].
            y: Labels [batch], or None.
            weight: Weights of the samples [batch], or None for equal ones.
            step: The number of the step at which it is shown.
        """
        network, batch = self.network, x.shape[0]
        x = network.ready(x).detach()
        y = y if y is None else y.to(network.device, non_blocking=True)
        share = self.share(batch, weight)[self.part.rows(batch)]
        chance = self.chance(step, batch)
        x = chance.augmented(x, self.augment)
        positive = network.examples.positive(x, y, chance.generator("positives"))
        positive = chance.dropped(positive, network.layers[0].dropout)
        return PreparedBatch(positive, y, share, chance)

    def own_scores(self, scores: Tensor | None, batch: int) -> Tensor | None:
        """Of scores of a whole batch those of this process's rows."""
        return None if scores is None else scores[self.part.rows(batch)]

    def source(self, coming: PreparedBatch) -> Inputs | Activities:
        """What the first layer reads: positives, then negatives drawn anew.

        Labels are drawn for the whole batch, so that they are the same in every process.
        """
        examples, scores = self.network.examples, coming.scores
        if scores is not None:
            hard = (
                coming.batch if examples.scores == "softmax" else examples.hard_rows(coming.batch)
            )
            scores = self.part.spread(scores, coming.batch, hard)
        rng = coming.chance.generator("negatives")
        negative = examples.negative(coming.positive, coming.y, rng, scores)
        return self.part.of(as_source(stack(coming.positive, negative)), coming.batch)

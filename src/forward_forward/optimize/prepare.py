"""A batch x [batch, ...], y [batch] -> positives, negatives and sample weights of one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from forward_forward.data.augment import HasEpoch
from forward_forward.examples import Inputs, stack
from forward_forward.examples.inputs import check_lengths
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import as_source
from forward_forward.forward.samples import is_finite
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.optimize.randomness import Augment, StepRandomness
from forward_forward.optimize.targets import Targets, targets_of


class PreparedBatch(NamedTuple):
    """A batch that is ready for its step.

    Args:
        x: The samples as they were passed to the trainer: with y and weight they identify the
            batch.
        y: The labels as they were passed.
        positive: Positives of the whole batch, after augmentation and dropout.
        labels: The labels on the network's device, or None.
        targets: Weights and labels of this process's rows in the mean loss.
        randomness: What is drawn at random in its step.
        weight: The weights as they were passed.
        scores: Of its labels [hard rows, classes], if negatives are drawn from them.
    """

    x: Tensor
    y: Tensor | None
    positive: Inputs
    labels: Tensor | None
    targets: Targets
    randomness: StepRandomness
    weight: Tensor | None
    scores: Tensor | None = None

    @property
    def size(self) -> int:
        """Number of samples, over all shards together."""
        return self.positive.index.shape[1]


def check_batch(x: object, y: object, weight: object) -> None:
    """Reject what is no batch, and NaN or infinity in it, which would be in all weights after it.

    Values on other devices are not checked, since that would wait for the device: `fit` has done
    so when it read the data.
    """
    for name, values in (("samples", x), ("labels", y), ("weights", weight)):
        if isinstance(values, Tensor):
            if values.device.type == "cpu" and not is_finite(values):
                fix = "leave such rows out, or fill missing values"
                raise ValueError(f"expected finite {name}, got NaN or infinity: {fix}")
        elif values is not None or name == "samples":
            fix = f"use torch.as_tensor({name})"
            raise ValueError(f"expected {name} as a tensor, got a {type(values).__name__}: {fix}")
    assert isinstance(x, Tensor)
    if x.dim() < 2:
        found = f"got {list(x.shape)}: a single one is x[None]"
        raise ValueError(f"expected samples [batch, ...], {found}")
    check_lengths(x, y, weight)  # type: ignore[arg-type]


class BatchPreparer:
    """Prepares batches for their step; ``shard`` says which of their rows this process has."""

    def __init__(
        self,
        network: Network,
        augment: Sequence[Augment],
        seed: int,
        products: torch.dtype | None = None,
    ) -> None:
        self.network, self.augment, self.seed = network, augment, seed
        self.products = products
        self.shard = BatchShard()
        self._equal = torch.empty(0)  # the equal weights of the last batch size

    def set_epoch(self, epoch: int) -> None:
        """Tell the changes of pictures that depend on it which epoch begins, counted from 0."""
        for change in self.augment:
            if isinstance(change, HasEpoch):
                change.set_epoch(epoch)

    def randomness(self, step: int, batch: int) -> StepRandomness:
        """The random draws of a step, for a batch of a size."""
        device = self.network.device
        if self.shard.count == 1:
            return StepRandomness(self.seed, step, device)
        return StepRandomness(self.seed, step, device, batch, self.shard.rows(batch))

    def sample_weight(self, batch: int, weight: Tensor | None) -> Tensor:
        """Each sample's weight in the mean over the batch [batch], sum 1, on the network's device.

        ``weight`` are relative weights [batch], or None for equal ones.
        """
        device, dtype = self.network.device, self.network.dtype
        if weight is not None:
            weight = weight.to(device, dtype)
            # If all weights are 0 there is nothing to learn: all stay 0, rather than 0 / 0.
            return weight / weight.sum().clamp(min=torch.finfo(dtype).tiny)
        kept = self._equal
        if kept.shape[0] != batch or kept.dtype != dtype or kept.device != device:
            self._equal = torch.full((batch,), 1 / batch, dtype=dtype, device=device)
        return self._equal

    def prepare(
        self, x: Tensor, y: Tensor | None, weight: Tensor | None, step: int
    ) -> PreparedBatch:
        """Prepare samples, labels and weights for the step of that number."""
        check_batch(x, y, weight)
        network, batch = self.network, x.shape[0]
        pictures = network.floats(x).detach()
        labels = y if y is None else y.to(network.device, non_blocking=True)
        rows = self.shard.rows(batch)
        needed = network.class_wise or any(layer.terms for layer in network.layers)
        own = labels[rows] if labels is not None and needed else None
        targets = targets_of(network.examples, self.sample_weight(batch, weight)[rows], own)
        randomness = self.randomness(step, batch)
        ready = network.transformed(randomness.augmented(pictures, self.augment), self.products)
        positive = network.examples.positive(ready, labels, randomness.generator("positives"))
        positive = randomness.dropped(positive, network.layers[0].dropout)
        return PreparedBatch(x, y, positive, labels, targets, randomness, weight)

    def source(self, batch: PreparedBatch) -> Inputs | Activities:
        """What the first layer reads: positives, then freshly drawn negatives.

        Labels are drawn for the whole batch, so that they are the same in every process.
        """
        examples, scores = self.network.examples, batch.scores
        if scores is not None:
            hard = batch.size if examples.scores == "softmax" else examples.hard_rows(batch.size)
            scores = self.shard.spread(scores, batch.size, hard)
        rng = batch.randomness.generator("negatives")
        negative = examples.negative(batch.positive, batch.labels, rng, scores)
        return self.shard.of(as_source(stack(batch.positive, negative)), batch.size)

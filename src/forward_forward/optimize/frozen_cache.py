"""A training set [n, ...] and frozen layers -> their activities [n, variants, *feature], kept.

In the greedy order the layers below the one in training are frozen, so their activities for each
sample and label are the same in every epoch. They are computed once; a batch then consists of rows
that are looked up: the positives, the drawn wrong labels, and all labels of the samples whose
negatives are drawn from the goodness of the layer in training. Layers that answer for every class
have a single variant of each sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from forward_forward.data import Data
from forward_forward.data.batch import Batch
from forward_forward.examples import AppendLabel, NoLabel, OverlayLabel
from forward_forward.forward import Layer, Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass, rows_at_a_time
from forward_forward.forward.workspace import ROWS, Workspace
from forward_forward.optimize.randomness import StepRandomness
from forward_forward.optimize.scores import scored_layers
from forward_forward.optimize.targets import Targets
from forward_forward.optimize.train_step import TrainStep

CACHE_BYTES = 4 * 2**30  # a larger cache is not built: the lower layers run in every step instead


@dataclass(eq=False)
class FrozenCache:
    """Activities of the frozen layers for each sample and label of a training set.

    Args:
        network: The network.
        data: The training set.
        layer: The layer in training, the one above the frozen layers.
        rows: Activities of the highest frozen layer [n, variants, *feature]: one for each label, or
            a single one without a label.
        goodness: Summed over the frozen layers that score hard negatives [n, classes], or None.
        judges: Whether the layer in training also scores hard negatives.
    """

    network: Network
    data: Data
    layer: int
    rows: Tensor
    goodness: Tensor | None
    judges: bool

    def __post_init__(self) -> None:
        self.examples: Any = self.network.examples
        self._workspace = Workspace()

    def batches(
        self, batch_size: int, *, shuffle: torch.Generator, skip: int = 0
    ) -> Iterator[Batch]:
        """The batches of `Data.batches`, with indices [batch] instead of samples."""
        data = self.data
        # Drawn as `Data` draws it: both orders must be equal.
        order = torch.randperm(len(data), generator=shuffle).to(data.labels.device)
        for numbers in torch.split(order, batch_size)[skip:]:
            weight = None if data.weights is None else data.weights[numbers]
            yield Batch(numbers, data.labels[numbers], weight)

    def source(
        self, forward: ForwardPass, numbers: Tensor, y: Tensor, rng: torch.Generator
    ) -> Activities:
        """The input of the layer in training: positives, then freshly drawn negatives.

        Args:
            forward: Passes with the current weights.
            numbers: Indices of the samples [batch].
            y: Their labels [batch].
            rng: For the negatives.

        Returns:
            Activities [variants * batch, *feature], valid until the next call.
        """
        scores = self._scores(forward, numbers[: self.examples.hard_rows(len(y))])
        if self.network.class_wise:
            return self._rows(numbers, numbers.new_zeros(1, 1))
        labels, rows = self.examples.drawn(y, rng, scores)
        images = numbers if rows is None else torch.cat([numbers[None], numbers[rows]])
        return self._rows(images, torch.cat([y[None], labels]))

    def _scores(self, forward: ForwardPass, numbers: Tensor) -> Tensor | None:
        """Scores from which some samples' hard negatives are drawn [rows, classes], or None."""
        if not len(numbers) or self.examples.scores == "nothing":
            return None
        lower = None if self.goodness is None else self.goodness[numbers]
        if not self.judges:
            return lower
        every = torch.arange(self.examples.num_classes, device=numbers.device)[:, None]
        candidates = self._rows(numbers, every)
        activities = next(forward.activities(candidates, self.layer))
        own = self.network.layers[self.layer].rate(activities).view(len(every), -1).t()
        return own if lower is None else lower + own

    def _rows(self, numbers: Tensor, labels: Tensor) -> Activities:
        """Rows of samples [batch] or [variants, batch], labels [variants, batch or 1]."""
        rows = self.rows.flatten(0, 1)
        index = (numbers * self.rows.shape[1] + labels).flatten()
        shape = len(index), *rows.shape[1:]
        out = self._workspace.take(ROWS, shape, rows.dtype, rows.device)
        torch.index_select(rows, 0, index, out=out)
        return Activities(out.to(self.network.dtype))


def step_cached(
    trainer: TrainStep, cache: FrozenCache, numbers: Tensor, y: Tensor, weight: Tensor | None = None
) -> dict[str, Tensor]:
    """Take the step of `TrainStep.step` on samples, by their numbers [batch], from the cache."""
    randomness = StepRandomness(trainer.seed, trainer.steps, trainer.device)
    forward = trainer.forward.begin()
    source = cache.source(forward, numbers, y, randomness.generator("negatives"))
    targets = Targets(trainer.preparer.sample_weight(len(y), weight), y.to(trainer.device))
    return trainer.learn(source, targets, randomness, cache.layer)


@torch.no_grad()
def cached(trainer: TrainStep, source: object, layer: int) -> FrozenCache | None:
    """Run the layers below ``layer`` over a training set, once for all epochs of that layer.

    Returns:
        The cache, at most `CACHE_BYTES` large. None if it would be larger, if the samples are not
        in memory, or if the activities depend on more than a sample and its label: with examples
        of other kinds, a head, augmentation, collaboration, or dropout in a frozen layer.
    """
    if not (isinstance(source, Data) and _is_fixed(trainer, source, layer)):
        return None
    network = trainer.network
    variants = 1 if network.class_wise else network.examples.num_classes
    scored = scored_layers(network, layer + 1)
    lower = range(scored.start, min(scored.stop, layer))
    counting = lower if network.examples.scores != "nothing" else range(0)
    one = next(iter(source.batches(1))).x
    shape = _run(trainer, one, layer, counting)[0].shape[1:]
    above = network.layers[layer]
    # Rounded where the layer rounds its input anyway.
    rounds = trainer.products == torch.bfloat16 and above.linear is not None
    dtype = torch.bfloat16 if rounds and not above.adversarial else network.dtype
    if len(source) * variants * shape.numel() * dtype.itemsize > CACHE_BYTES:
        return None
    rows = torch.empty(len(source), variants, *shape, dtype=dtype, device=trainer.device)
    goodness = torch.zeros(len(source), variants, dtype=network.dtype, device=trainer.device)
    workspace, start = Workspace(), 0
    for x, _, _ in source.batches(rows_at_a_time(variants)):
        span = slice(start, start + len(x))
        h, rated = _run(trainer, x, layer, counting, workspace)
        rows[span] = h.reshape(variants, -1, *shape).transpose(0, 1)
        if rated:
            goodness[span] = torch.stack(rated).sum(0).view(variants, -1).t()
        start += len(x)
    judges = scored.stop > layer
    return FrozenCache(network, source, layer, rows, goodness if counting else None, judges)


def _run(
    trainer: TrainStep, x: Tensor, layer: int, counting: range, workspace: Workspace | None = None
) -> tuple[Tensor, list[Tensor]]:
    """Activities below a layer [variants * batch, *feature], and goodness of counted layers."""
    network, rated = trainer.network, []
    forward = ForwardPass(network.layers[:layer], trainer.products, workspace)
    candidates = network.examples.candidates(network.ready(x))
    for index, each in enumerate(forward.activities(candidates)):
        if index in counting:
            rated.append(forward.layers[index].rate(each))
    return each.onward.h, rated


def _is_fixed(trainer: TrainStep, data: Data, layer: int) -> bool:
    """Whether the activities below a layer are a function of the sample and its label alone."""
    frozen = trainer.network.layers[:layer]
    return (
        layer > 0
        # Subclasses may define for themselves what a batch or a label is.
        and type(data) is Data
        and type(trainer.network.examples) in (AppendLabel, NoLabel, OverlayLabel)
        and trainer.head_optimizer is None
        and trainer.layer_steps.collaboration is None  # it needs the goodness of frozen layers too
        and not trainer.preparer.augment
        and not any(each.dropout for each in frozen)
        and all(_row_by_row(each) for each in frozen)
    )


def _row_by_row(layer: Layer) -> bool:
    """Whether a layer in evaluation mode treats each row independently, as far as is known."""
    norms = [part for part in layer.modules() if isinstance(part, _BatchNorm)]
    # A normalisation that is a module stays in training mode if the block is linear.
    steady = not isinstance(layer.normalize, nn.Module)
    return steady and all(part.track_running_stats for part in norms)

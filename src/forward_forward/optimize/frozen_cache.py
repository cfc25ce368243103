"""Layers below the one in training and data [n, ...] -> their activities [n, classes, *feature].

In the greedy order the lower layers stand still while a layer learns, so what they make of each
sample with each label is the same in every epoch. It is computed once, and a batch is then rows
that are looked up: the positives, the wrong labels that were drawn, and all labels of the samples
whose negatives are drawn from the goodness of the layer in training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from forward_forward.data import Data
from forward_forward.data.batch import Batch
from forward_forward.examples import AppendLabel, OverlayLabel
from forward_forward.forward import Layer
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass, rows_at_a_time
from forward_forward.forward.workspace import ROWS, Workspace
from forward_forward.optimize.scores import scored_layers

if TYPE_CHECKING:
    from forward_forward.optimize.trainer import Trainer

CACHE_BYTES = 4 * 2**30  # larger caches are not made: the lower layers run in every step instead


class FrozenCache:
    """What the frozen layers make of a training set: rows for each sample and label.

    Args:
        trainer: Trains the layer above them.
        data: The training set.
        layer: The layer above them.
        rows: Their highest activities [n, classes, *feature].
        goodness: Of those that count for hard negatives, summed [n, classes]; None if none does.
        judges: Whether the layer in training counts for hard negatives.
    """

    def __init__(
        self,
        trainer: Trainer,
        data: Data,
        layer: int,
        rows: Tensor,
        goodness: Tensor | None,
        judges: bool,
    ) -> None:
        self.network = trainer.network
        self.data, self.layer = data, layer
        self.rows, self.goodness, self.judges = rows, goodness, judges
        self.examples: Any = trainer.network.examples
        self._room = Workspace()

    def batches(
        self, batch_size: int, *, shuffle: torch.Generator, skip: int = 0
    ) -> Iterator[Batch]:
        """The batches of `Data.batches`, with the samples' numbers [batch] in place of the samples.

        Args:
            batch_size: Samples a batch.
            shuffle: A CPU generator that draws the order.
            skip: Batches left out at the start.
        """
        data = self.data
        # As `Data` draws it: both orders must be one.
        order = torch.randperm(len(data), generator=shuffle).to(data.labels.device)
        for numbers in torch.split(order, batch_size)[skip:]:
            weight = None if data.weights is None else data.weights[numbers]
            yield Batch(numbers, data.labels[numbers], weight)

    def source(
        self, forward: ForwardPass, numbers: Tensor, y: Tensor, rng: torch.Generator
    ) -> Activities:
        """The input of the layer in training, positives first, then negatives drawn anew.

        Args:
            forward: Passes with the weights of this moment.
            numbers: Which samples [batch].
            y: Their labels [batch].
            rng: For the negatives.

        Returns:
            Activities [variants * batch, *feature]; they stand until the next call.
        """
        scores = self._scores(forward, numbers[: self.examples.hard_rows(len(y))])
        wrong = self.examples.negatives(y, self.examples.num_classes, rng, scores)
        return self._rows(numbers, torch.cat([y[None], wrong]))

    def _scores(self, forward: ForwardPass, numbers: Tensor) -> Tensor | None:
        """What hard negatives of some samples are drawn from [rows, classes]."""
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
        """Rows of samples [batch] with labels [variants, batch] or [variants, 1]."""
        rows = self.rows.flatten(0, 1)
        index = (numbers * self.rows.shape[1] + labels).flatten()
        shape = len(index), *rows.shape[1:]
        out = self._room.take(ROWS, shape, rows.dtype, rows.device)
        torch.index_select(rows, 0, index, out=out)
        return Activities(out.to(self.network.dtype))


@torch.no_grad()
def below(trainer: Trainer, source: object, layer: int) -> FrozenCache | None:
    """Run the layers below one over a training set, once for all of that layer's epochs.

    Args:
        trainer: The trainer; its layers below ``layer`` are to stand still.
        source: The training set.
        layer: The layer to be trained.

    Returns:
        The cache, at most `CACHE_BYTES` large; None where it would be larger, or where the layers'
        activities are not a function of the sample and its label alone, or are needed otherwise:
        without a label in the input, with a head, with augmentation, with dropout below, or where
        the samples are not in memory.
    """
    if not (isinstance(source, Data) and _steady(trainer, source, layer)):
        return None
    network, classes = trainer.network, trainer.network.examples.num_classes
    scored = scored_layers(network, layer + 1)
    lower = range(scored.start, min(scored.stop, layer))
    counting = lower if network.examples.scores != "nothing" else range(0)
    one = next(iter(source.batches(1))).x
    shape = _run(trainer, one, layer, counting)[0].shape[1:]
    dtype = torch.bfloat16 if trainer.products == torch.bfloat16 else network.dtype
    if len(source) * classes * shape.numel() * dtype.itemsize > CACHE_BYTES:
        return None
    rows = torch.empty(len(source), classes, *shape, dtype=dtype, device=trainer.device)
    goodness = torch.zeros(len(source), classes, dtype=network.dtype, device=trainer.device)
    room, start = Workspace(), 0
    for x, _, _ in source.batches(rows_at_a_time(classes)):
        part = slice(start, start + len(x))
        h, rated = _run(trainer, x, layer, counting, room)
        rows[part] = h.reshape(classes, -1, *shape).transpose(0, 1)
        if rated:
            goodness[part] = torch.stack(rated).sum(0).view(classes, -1).t()
        start += len(x)
    return FrozenCache(
        trainer, source, layer, rows, goodness if counting else None, scored.stop > layer
    )


def _run(
    trainer: Trainer, x: Tensor, layer: int, counting: range, room: Workspace | None = None
) -> tuple[Tensor, list[Tensor]]:
    """Activities below a layer [classes * batch, *feature], and goodness of those that count."""
    network, rated = trainer.network, []
    forward = ForwardPass(network.layers[:layer], trainer.products, room)
    candidates = network.examples.candidates(network.ready(x))
    for index, each in enumerate(forward.activities(candidates)):
        if index in counting:
            rated.append(forward.layers[index].rate(each))
    return each.h, rated


def _steady(trainer: Trainer, data: Data, layer: int) -> bool:
    """Whether the activities below a layer are a function of the sample and its label alone."""
    frozen = trainer.network.layers[:layer]
    return (
        layer > 0
        # Others may say for themselves what a batch or a label is.
        and type(data) is Data
        and type(trainer.network.examples) in (AppendLabel, OverlayLabel)
        and trainer.head_optimizer is None
        and not trainer.preparing.augment
        and not any(each.dropout for each in frozen)
        and all(_row_by_row(each) for each in frozen)
    )


def _row_by_row(layer: Layer) -> bool:
    """Whether a layer in evaluation mode sees each row by itself, as far as can be known."""
    norms = [part for part in layer.modules() if isinstance(part, _BatchNorm)]
    # A normalisation that is a module stays in training mode where the block is linear.
    steady = not isinstance(layer.normalize, nn.Module)
    return steady and all(part.track_running_stats for part in norms)

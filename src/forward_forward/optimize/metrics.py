"""Losses and goodness of one batch -> figures of each layer, on the device.

Nothing is read from the device here. Each layer's figures are computed as the layer runs, in one
product: keeping what they are computed from would take memory that grows with depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

NAMES = "loss", "goodness_positive", "goodness_negative", "separation"


class Figures(NamedTuple):
    """A layer's figures.

    Args:
        means: Over the batch, in the order of `NAMES`; the last two only with negatives.
        silent: Fraction of units that are 0 for every positive, a scalar.
    """

    means: Tensor
    silent: Tensor


def figures_of(
    loss: Tensor, positive: Tensor, negative: Tensor, silent: Tensor, sample_weight: Tensor
) -> Figures:
    """The figures of one layer, from losses [batch], and goodness [batch], [negatives, batch].

    ``silent`` is the fraction of silent units, a scalar, ``sample_weight`` each sample's weight in
    the mean over the batch [batch].
    """
    rows = [loss, positive]
    if negative.shape[0]:
        higher = (positive > negative).to(positive.dtype)
        rows += [_mean(negative), _mean(higher)]
    return Figures(torch.stack(rows) @ sample_weight, silent)


def class_figures_of(
    loss: Tensor, table: Tensor, labels: Tensor, silent: Tensor, sample_weight: Tensor
) -> Figures:
    """The same from the goodness of every class [batch, classes], whose positive is the label's."""
    columns, others = table.t(), table.shape[1] - 1
    true = columns.gather(0, labels[None])
    positive = true[0]
    negative = (columns.sum(0) - positive) / others
    higher = (true > columns).sum(0) / others
    rows = torch.stack([loss, positive, negative, higher.to(loss.dtype)])
    return Figures(rows @ sample_weight, silent)


def by_name(layers: Sequence[Figures]) -> dict[str, Tensor]:
    """The figures of all layers by name, each [layers]."""
    means, silent = zip(*layers, strict=True)
    named = dict(zip(NAMES, torch.stack(means, 1), strict=False))
    return {**named, "silent_units": torch.stack(silent)}


def _mean(values: Tensor) -> Tensor:
    """Mean over the negatives of values [negatives, batch]."""
    return values[0] if values.shape[0] == 1 else values.mean(0)

"""What the layers made of one batch -> figures of each layer, on the device.

Nothing is read from the device here. Each layer's figures are found at once and in one product,
since to keep what they are found from would take memory that grows with depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

NAMES = "loss", "goodness_positive", "goodness_negative", "separation"


class Figures(NamedTuple):
    """A layer's: ``means`` over the batch, as many of `NAMES` as there are, and ``silent``.

    The last is the share of units at 0 for every positive, a scalar.
    """

    means: Tensor
    silent: Tensor


def figures_of(
    loss: Tensor, positive: Tensor, negative: Tensor, silent: Tensor, share: Tensor
) -> Figures:
    """The figures of one layer.

    Args:
        loss: Of each sample [batch].
        positive: Goodness of the positives [batch].
        negative: Goodness of the negatives [negatives, batch].
        silent: Share of silent units, a scalar.
        share: Each sample's share in the mean over the batch [batch].
    """
    rows = [loss, positive]
    if negative.shape[0]:
        higher = (positive > negative).to(positive.dtype)
        rows += [_mean(negative), _mean(higher)]
    return Figures(torch.stack(rows) @ share, silent)


def by_name(layers: Sequence[Figures]) -> dict[str, Tensor]:
    """The figures of all layers by name, each [layers]."""
    means, silent = zip(*layers, strict=True)
    named = dict(zip(NAMES, torch.stack(means, 1), strict=False))
    return {**named, "silent_units": torch.stack(silent)}


def _mean(values: Tensor) -> Tensor:
    """Mean over the negatives of values [negatives, batch]."""
    return values[0] if values.shape[0] == 1 else values.mean(0)

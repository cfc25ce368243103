"""What the layers made of one batch -> figures of each layer, on the device.

Nothing is read from the device here. Each layer's figures are found at once and in one product,
since to keep what they are found from would take memory that grows with depth.
"""

from __future__ import annotations

import torch
from torch import Tensor

FIGURES = "loss", "goodness_positive", "goodness_negative", "separation"


class Statistics:
    """Gathers a step's figures layer by layer.

    Args:
        share: Each sample's share in the mean over the batch [batch].
    """

    def __init__(self, share: Tensor) -> None:
        self.share = share
        self.means: list[Tensor] = []
        self.silent: list[Tensor] = []

    def add(self, loss: Tensor, positive: Tensor, negative: Tensor, silent: Tensor) -> None:
        """Take note of a layer.

        Args:
            loss: Of each sample [batch].
            positive: Goodness of the positives [batch].
            negative: Goodness of the negatives [negatives, batch].
            silent: Share of silent units, a scalar.
        """
        rows = [loss, positive]
        if len(negative):
            higher = (positive > negative).to(positive.dtype)
            rows += [_mean(negative), _mean(higher)]
        self.means.append(torch.stack(rows) @ self.share)
        self.silent.append(silent)

    def figures(self) -> dict[str, Tensor]:
        """The figures by name, each [layers]."""
        by_figure = torch.stack(self.means, 1)
        figures = dict(zip(FIGURES, by_figure, strict=False))
        return {**figures, "silent_units": torch.stack(self.silent)}


def _mean(values: Tensor) -> Tensor:
    """Mean over the negatives of values [negatives, batch]."""
    return values[0] if len(values) == 1 else values.mean(0)

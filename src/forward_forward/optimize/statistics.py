"""What the layers made of one batch -> figures of each layer, on the device.

Nothing is read from the device here; all layers' figures are found together, since each call of a
small kernel costs as much as the kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Statistics:
    """Gathers a step's figures layer by layer.

    Args:
        share: Each sample's share in the mean over the batch [batch].
    """

    def __init__(self, share: Tensor) -> None:
        self.share = share
        self.loss: list[Tensor] = []
        self.positive: list[Tensor] = []
        self.negative: list[Tensor] = []
        self.silent: list[Tensor] = []

    def add(self, loss: Tensor, positive: Tensor, negative: Tensor, silent: Tensor) -> None:
        """Take note of a layer.

        Args:
            loss: Of each sample [batch].
            positive: Goodness of the positives [batch].
            negative: Goodness of the negatives [negatives, batch].
            silent: Share of silent units, a scalar.
        """
        self.loss.append(loss)
        self.positive.append(positive)
        self.negative.append(negative)
        self.silent.append(silent)

    def figures(self) -> dict[str, Tensor]:
        """The figures by name, each [layers]."""
        positive, negative = torch.stack(self.positive), torch.stack(self.negative)
        figures = {
            "loss": torch.stack(self.loss) @ self.share,
            "goodness_positive": positive @ self.share,
            "silent_units": torch.stack(self.silent),
        }
        if negative.shape[1]:
            higher = (positive[:, None] > negative).to(positive.dtype)
            figures["goodness_negative"] = _mean(negative) @ self.share
            figures["separation"] = _mean(higher) @ self.share
        return figures


def _mean(values: Tensor) -> Tensor:
    """Mean over the negatives of values [layers, negatives, batch]."""
    return values[:, 0] if values.shape[1] == 1 else values.mean(1)

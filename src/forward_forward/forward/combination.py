"""Goodness [layers, batch, classes] -> scores [batch, classes], by numbers fitted to other data.

Each starts as the plain sum of the layers; `predict.fit_readout` fits it to validation data.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from forward_forward.examples import Examples, MultiLabel, NextSymbol, OrdinalBins
from forward_forward.forward.layer_range import FITTED, ReadoutSetting


class WeightedLayers(nn.Module):
    """The sum of the layers' goodness, each times a weight of its own.

    Args:
        layers: Number of layers.

    >>> WeightedLayers(2)(torch.tensor([[[1.0, 2.0]], [[3.0, 5.0]]]))
    tensor([[4., 7.]])
    """

    setting: ClassVar[Literal["weighted"]] = "weighted"
    weights: Tensor

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.ones(layers))

    def reset(self) -> None:
        """Return to the plain sum."""
        self.weights.fill_(1)

    def forward(self, goodness: Tensor, first: int = 0) -> Tensor:
        """Scores [batch, classes] from the goodness of the layers from ``first`` on."""
        weights = self.weights[first : first + len(goodness)].to(goodness)
        return (goodness * weights.view(-1, *[1] * (goodness.dim() - 1))).sum(0)


class LayerRegression(nn.Module):
    """A linear map of every layer's goodness of every class, as of a logistic regression.

    Args:
        layers: Number of layers.
        classes: Number of classes.

    >>> LayerRegression(2, 2)(torch.tensor([[[1.0, 2.0]], [[3.0, 5.0]]]))
    tensor([[4., 7.]])
    """

    setting: ClassVar[Literal["logistic"]] = "logistic"
    coefficients: Tensor  # [layers, classes, classes]: of a class's goodness for another's score
    offsets: Tensor  # [classes]

    def __init__(self, layers: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("coefficients", torch.eye(classes).repeat(layers, 1, 1))
        self.register_buffer("offsets", torch.zeros(classes))

    def reset(self) -> None:
        """Return to the plain sum."""
        self.coefficients.copy_(torch.eye(len(self.offsets)))
        self.offsets.zero_()

    def forward(self, goodness: Tensor, first: int = 0) -> Tensor:
        """Scores [batch, classes] from the goodness of the layers from ``first`` on."""
        coefficients = self.coefficients[first : first + len(goodness)].to(goodness)
        return (goodness @ coefficients).sum(0) + self.offsets.to(goodness)


def combination_of(
    readout: ReadoutSetting, layers: int, examples: Examples
) -> WeightedLayers | LayerRegression | None:
    """The combination of layers that a setting of ``readout`` names; None for a sum of a range.

    Raises:
        ValueError: The examples do not suit it.
    """
    if readout in ("auto", *FITTED) and isinstance(examples, OrdinalBins):
        raise ValueError(
            f"readout={readout!r} is chosen by labels, and ordered bins predict numbers: use None"
            " for all layers, or a range (first, stop)"
        )
    if readout not in FITTED:
        return None
    if not examples.labelled or isinstance(examples, MultiLabel | NextSymbol):
        raise ValueError(
            f"readout={readout!r} is fitted to one label per sample, got {examples!r}: use"
            ' "auto", None for all layers, or a range (first, stop)'
        )
    if readout == "weighted":
        return WeightedLayers(layers)
    return LayerRegression(layers, examples.num_classes)


def is_of_readout(name: str) -> bool:
    """Whether an entry of a network's state says how layers are read, not what they compute."""
    return name == "chosen" or name.startswith("combination.")

"""Rows [batch, *feature] -> rows of fixed length: the next layer cannot read the goodness off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn import functional

from forward_forward.goodness import length_of

__all__ = ["ClassGroupNorm", "MeanSquareOne", "UnitLength"]

Normalize = Callable[[Tensor], Tensor]


class LengthNormalize(Protocol):
    """A normalisation that divides a row by a number computed from its length.

    The engine then needs only the divisor, so inputs that differ only in their label can share the
    first layer's product.
    """

    def divisor(self, length: Tensor, width: int) -> Tensor: ...

    def __call__(self, x: Tensor) -> Tensor: ...


def _divide(normalize: LengthNormalize, x: Tensor) -> Tensor:
    rows = x.flatten(1)
    divisor = normalize.divisor(length_of(rows), rows.shape[1])
    return (rows / divisor[:, None]).view_as(x)


@dataclass(frozen=True)
class MeanSquareOne:
    """Scale each row to mean square 1, ``x / (eps + sqrt(mean(x^2)))``; no mean is subtracted.

    Args:
        eps: Added to the root, so that a row of zeros stays zero.

    Returns:
        Called on rows [batch, *feature]: the same shape.

    References:
        Hinton (2022), arXiv 2212.13345, section 2, and his program ``ffnormrows.m``.

    >>> import torch
    >>> MeanSquareOne()(torch.tensor([[3.0, 4.0, 0.0, 0.0]]))
    tensor([[1.2000, 1.6000, 0.0000, 0.0000]])
    """

    eps: float = 1e-8

    def divisor(self, length: Tensor, width: int) -> Tensor:
        return length / math.sqrt(width) + self.eps

    def __call__(self, x: Tensor) -> Tensor:
        return _divide(self, x)


@dataclass(frozen=True)
class UnitLength:
    """Scale each row to length 1, ``x / (eps + sqrt(sum(x^2)))``.

    Args:
        eps: Added to the root, so that a row of zeros stays zero.

    Returns:
        Called on rows [batch, *feature]: the same shape.

    >>> import torch
    >>> UnitLength()(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """

    eps: float = 1e-8

    def divisor(self, length: Tensor, width: int) -> Tensor:
        return length + self.eps

    def __call__(self, x: Tensor) -> Tensor:
        return _divide(self, x)


@dataclass(frozen=True)
class ClassGroupNorm:
    """Normalise each class's group of channels to mean 0 and variance 1, over its positions too.

    The goodness of `readouts.ChannelGroups`, a mean over a group, is then no longer in the
    activities that the next layer reads. The first layer, whose input has no such groups, needs
    another normalisation.

    Args:
        num_classes: Number of groups; it divides the number of channels.
        eps: Added to the variance, so that a group of zeros stays zero.

    Returns:
        Called on rows [batch, channels, *positions]: the same shape.

    Raises:
        ValueError: Called on rows that do not divide into groups of at least two numbers.

    References:
        DeeperForward (ICLR 2025) and HCL-FF, arXiv 2605.24797.

    >>> import torch
    >>> ClassGroupNorm(num_classes=2)(torch.tensor([[1.0, 3.0, 5.0, 5.0]]))
    tensor([[-1.0000,  1.0000,  0.0000,  0.0000]])
    """

    num_classes: int
    eps: float = 1e-5

    def __call__(self, x: Tensor) -> Tensor:
        channels, width = x.shape[1], x.shape[1:].numel()
        if channels % self.num_classes or width < 2 * self.num_classes:
            raise ValueError(
                f"ClassGroupNorm expects {self.num_classes} groups of equally many channels, and at"
                f" least two numbers in each, got rows of {list(x.shape[1:])}: use a multiple of"
                f" {self.num_classes} channels, or normalize=None in the first layer"
            )
        normed: Tensor = functional.group_norm(x, self.num_classes, eps=self.eps)
        return normed

"""Rows [batch, *feature] -> rows of fixed length: the next layer cannot read the goodness off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from forward_forward.goodness import length_of

__all__ = ["MeanSquareOne", "UnitLength"]

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

"""Lengths of activities [batch] -> goodness [batch], if it is found from the lengths alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from forward_forward.fast_paths import fast_path


class Radial(Protocol):
    """A goodness that is a function of the activities' length, so that its slope is ``gain h``.

    The engine then needs no matrix of slopes, and one length serves goodness and normalisation.
    """

    def of_length(self, length: Tensor, width: int) -> Tensor:
        """Goodness [batch] of activities of these L2 norms [batch] over ``width`` units."""

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        """What the activities are multiplied by [batch] to give the slope."""


class Euclidean:
    """The length itself: the L2 norm as a radial goodness."""

    def of_length(self, length: Tensor, width: int) -> Tensor:
        return length

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        return upstream / length.masked_fill(length == 0, 1)


@dataclass(frozen=True)
class Negated:
    """A radial goodness with its sign reversed."""

    radial: Radial

    def of_length(self, length: Tensor, width: int) -> Tensor:
        return -self.radial.of_length(length, width)

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        return self.radial.gain(length, width, -upstream)


def radial_of(goodness: Callable[[Tensor], Tensor]) -> Radial | None:
    """The same goodness as a function of the length alone, or None if it is not one.

    >>> import torch
    >>> from forward_forward.goodness import PNorm
    >>> radial_of(PNorm(2)).of_length(torch.tensor([5.0]), width=2)
    tensor([5.])
    """
    return fast_path(goodness, Radial)

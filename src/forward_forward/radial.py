"""Lengths of activities [batch] -> goodness [batch], where it is found from them alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from forward_forward.goodness import Goodness, Minimised, PNorm
from forward_forward.protocols import supports


@runtime_checkable
class Radial(Protocol):
    """A goodness found from the length of the activities alone, so that its slope is ``gain h``.

    The engine then needs no matrix of slopes, and one length serves goodness and normalisation.
    """

    def of_length(self, length: Tensor, width: int) -> Tensor:
        """Goodness [batch] of activities of these L2 norms [batch] over ``width`` units."""
        ...

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        """What the activities are multiplied by [batch] to give `slope_of`."""
        ...


class _Length:
    """What makes `PNorm(2)` radial."""

    def of_length(self, length: Tensor, width: int) -> Tensor:
        return length

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        return upstream / length.masked_fill(length == 0, 1)


@dataclass(frozen=True)
class _Negated:
    """What makes a `Minimised` radial goodness radial."""

    radial: Radial

    def of_length(self, length: Tensor, width: int) -> Tensor:
        return -self.radial.of_length(length, width)

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        return self.radial.gain(length, width, -upstream)


def radial_of(goodness: Goodness) -> Radial | None:
    """The same goodness as a function of the length alone, or None where it is not one.

    >>> import torch
    >>> radial_of(PNorm(2)).of_length(torch.tensor([5.0]), width=2)
    tensor([5.])
    """
    if supports(goodness, Radial):
        return goodness
    if type(goodness) is PNorm and goodness.p == 2:
        return _Length()
    if type(goodness) is Minimised:
        inner = radial_of(goodness.goodness)
        return None if inner is None else _Negated(inner)
    return None

"""What terms share: activities [batch, *feature], labels [batch] -> a number a sample [batch]."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

LocalTerm = Callable[[Tensor, Tensor], Tensor]


@runtime_checkable
class HasProgress(Protocol):
    """A term that changes in the course of a training, such as by a falling temperature."""

    def __call__(self, h: Tensor, labels: Tensor) -> Tensor: ...

    def set_progress(self, fraction: float) -> None:
        """Adapt to the fraction of the training that is done, 0 to 1."""


class Term(nn.Module, ABC):
    """A loss of a batch's activities and labels, times a weight.

    Each sample has a loss of its own, which its sample weight multiplies; as a partner of other
    samples it counts in full.

    Args:
        weight: Multiplies the term, beside the layer's loss; above 0.
        units: Values of one sample's activities, or their channels; None for those of the layer it
            is given to.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, weight: float = 1.0, units: int | None = None) -> None:
        super().__init__()
        if not 0 < weight < float("inf") or (units is not None and units < 1):
            raise ValueError(
                f"{type(self).__name__} expects a weight above 0 and at least 1 unit, got"
                f" weight={weight} and units={units}: leave the term out for a weight of 0"
            )
        self.weight, self.units = weight, units

    @abstractmethod
    def sized(self, units: int) -> Self:
        """A new term with the same settings for layers of so many units."""

    @abstractmethod
    def losses(self, h: Tensor, labels: Tensor) -> Tensor:
        """The loss of each sample [batch], before the weight."""

    def forward(self, h: Tensor, labels: Tensor) -> Tensor:
        """The loss of each sample [batch].

        Args:
            h: Activities [batch, *feature].
            labels: True labels [batch].
        """
        if labels.shape != h.shape[:1]:
            raise ValueError(
                f"{type(self).__name__} expects one label a sample [{len(h)}], got labels"
                f" {list(labels.shape)}"
            )
        return self.weight * self.losses(h, labels)

    def extra_repr(self) -> str:
        return f"weight={self.weight}, units={self.units}"


def same_label(labels: Tensor) -> Tensor:
    """Which pairs of samples have one label [batch, batch].

    >>> same_label(torch.tensor([0, 1, 0])).int()
    tensor([[1, 0, 1],
            [0, 1, 0],
            [1, 0, 1]], dtype=torch.int32)
    """
    return labels[:, None] == labels


def each_sample(term: LocalTerm, h: Tensor, labels: Tensor | None) -> Tensor:
    """A term's value for each sample [batch]; its mean over the batch is the same for all.

    Args:
        term: Any term.
        h: Activities [batch, *feature].
        labels: True labels [batch].

    Raises:
        ValueError: There are no labels, or it returns another shape.

    >>> each_sample(lambda h, y: h.mean(), torch.ones(2, 3), torch.tensor([0, 1]))
    tensor([1., 1.])
    """
    if labels is None:
        raise ValueError("the terms of a layer learn from labels, got none: pass y")
    value = term(h, labels)
    shape = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
    if shape not in ([], [len(h)]):
        raise ValueError(
            f"a term expects to return its mean over the batch or a number for each of the"
            f" {len(h)} samples, got {shape} from {term!r}"
        )
    return torch.broadcast_to(value, (len(h),))

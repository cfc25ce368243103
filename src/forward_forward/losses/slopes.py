"""A loss, margins [batch] and [negatives, batch] -> value and slopes, closed-form or autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from forward_forward.fast_paths import fast_path

LocalLoss = Callable[[Tensor, Tensor], Tensor]


class HasSlopes(Protocol):
    """A loss with slopes of its own."""

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor: ...

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]: ...


class HasValueAndSlopes(HasSlopes, Protocol):
    """A loss whose value and slopes are cheaper to compute together."""

    def judged(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...


class HasTable(HasSlopes, Protocol):
    """A loss that is cheaper to compute from the margins of all classes than from ordered ones."""

    def judged_table(self, margins: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss [batch] and its slopes [batch, classes], of margins [batch, classes]."""


class HasSoftTargets(Protocol):
    """A loss of the goodness of every class [batch, classes] for probabilities of that shape."""

    def soft(self, margins: Tensor, target: Tensor) -> Tensor:
        """The loss [batch]."""

    def soft_judged(self, margins: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss [batch], and its slope with respect to each sample's margins."""


def judged(loss: LocalLoss, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each sample's loss, and its slopes with respect to the sample's own margins.

    Args:
        loss: Any local loss; its own slopes are used if it has some, autograd otherwise.
        pos: Margins of the positives [batch].
        neg: Margins of the negatives [negatives, batch].

    Returns:
        The loss [batch], ``dloss/dpos`` [batch] and ``dloss/dneg`` [negatives, batch].
    """
    together = fast_path(loss, HasValueAndSlopes)
    if together is not None:
        return together.judged(pos, neg)
    by_hand = fast_path(loss, HasSlopes)
    if by_hand is not None:
        return loss(pos, neg), *by_hand.slope(pos, neg)
    with torch.enable_grad():
        leaves = pos.detach().requires_grad_(), neg.detach().requires_grad_()
        value = loss(*leaves)
        d_pos, d_neg = torch.autograd.grad(
            value.sum(), leaves, allow_unused=True, materialize_grads=True
        )
    return value.detach(), d_pos, d_neg


def mean_of(values: Tensor) -> Tensor:
    """Mean over the negatives; 0 if there are none."""
    return values[0] if values.shape[0] == 1 else values.sum(0) / max(values.shape[0], 1)


def averaged(slope: Tensor) -> Tensor:
    """Slope of `mean_of` with respect to each negative."""
    return slope if slope.shape[0] == 1 else slope / max(slope.shape[0], 1)


def total_of(slope: Tensor) -> Tensor:
    """Sum over the negatives."""
    return slope[0] if slope.shape[0] == 1 else slope.sum(0)

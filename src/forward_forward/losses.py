"""Margins of positives [batch] and negatives [negatives, batch] -> the layer's own loss [batch].

A margin is goodness minus threshold, divided by the layer's temperature, so no loss contains a
threshold. Several negatives of a sample are averaged. Every loss is finite for margins of +-1e6.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward.protocols import ModuleConstant, fast_path

__all__ = ["SiluPair", "SymBa", "log_sigmoid", "log_sigmoid_literal", "sigmoid"]

LocalLoss = Callable[[Tensor, Tensor], Tensor]


class HasSlopes(Protocol):
    """A loss with slopes of its own."""

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor: ...

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]: ...


class HasValueAndSlopes(HasSlopes, Protocol):
    """A loss whose value and slopes are cheaper to compute together."""

    def judged(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...


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


def _mean(values: Tensor) -> Tensor:
    """Mean over the negatives; 0 if there are none."""
    return values[0] if values.shape[0] == 1 else values.sum(0) / max(values.shape[0], 1)


def _averaged(slope: Tensor) -> Tensor:
    """Slope of `_mean` with respect to each negative."""
    return slope if slope.shape[0] == 1 else slope / max(slope.shape[0], 1)


def _total(slope: Tensor) -> Tensor:
    """Sum over the negatives."""
    return slope[0] if slope.shape[0] == 1 else slope.sum(0)


class _Sigmoid(ModuleConstant):
    """The poster's loss, ``sigma(neg) - sigma(pos)``.

    Its slope vanishes if the goodness is far from the threshold: calibrate the threshold.

    Margins [batch] and [negatives, batch], perhaps of no negatives -> [batch], between -1 and 1.

    References:
        The poster, "Method".

    >>> sigmoid(torch.zeros(1), torch.zeros(1, 1))
    tensor([0.])
    """

    name = "sigmoid"

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return _mean(neg.sigmoid()) - pos.sigmoid()

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        p, n = pos.sigmoid(), neg.sigmoid()
        return -p * (1 - p), _averaged(n * (1 - n))


class _LogSigmoid(ModuleConstant):
    """Log-sigmoid loss, ``-log sigma(pos) - log sigma(-neg)``; Hinton's softplus form.

    ``softplus(-pos) + softplus(neg)`` is the same function: minus the log probability that the
    positive is classified as positive and the negative is not.

    Margins [batch] and [negatives, batch], perhaps of no negatives -> [batch], in nats, >= 0.

    References:
        The poster's Figure 8, right; Hinton (2022), arXiv 2212.13345, section 2, equation 1.

    >>> log_sigmoid(torch.zeros(1), torch.zeros(1, 1))
    tensor([1.3863])
    """

    name = "log_sigmoid"

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return -functional.logsigmoid(pos) - _mean(functional.logsigmoid(-neg))

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return -(-pos).sigmoid(), _averaged(neg.sigmoid())


class _LogSigmoidLiteral(ModuleConstant):
    """The poster's log-sigmoid read literally, ``log sigma(neg) - log sigma(pos)``.

    Its slope ``sigma(-neg)`` vanishes for the hard negatives, those of high goodness.

    Margins [batch] and [negatives, batch], perhaps of no negatives -> [batch], unbounded below.

    References:
        The poster's Figure 8, right, in its literal reading.

    >>> log_sigmoid_literal(torch.zeros(1), torch.zeros(1, 1))
    tensor([0.])
    """

    name = "log_sigmoid_literal"

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return _mean(functional.logsigmoid(neg)) - functional.logsigmoid(pos)

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return -(-pos).sigmoid(), _averaged((-neg).sigmoid())


@dataclass(frozen=True)
class _Pairwise(ABC):
    """A loss of ``alpha (neg - pos)``, by which a pair is on the wrong side."""

    alpha: float

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise ValueError(
                f"alpha expects a number above 0, got {self.alpha}: the layer would learn the"
                " opposite; use a positive alpha, such as 4"
            )

    @abstractmethod
    def _value(self, wrong: Tensor) -> Tensor:
        """The loss of pairs [negatives, batch]."""

    @abstractmethod
    def _slope(self, wrong: Tensor) -> Tensor:
        """``alpha`` times its slope [negatives, batch]."""

    def _wrong(self, pos: Tensor, neg: Tensor) -> Tensor:
        if neg.shape[0] == 0:
            raise ValueError(
                f"{type(self).__name__} compares positives with negatives: expected at least"
                " one negative, got none; use a separable loss such as log_sigmoid"
            )
        return (neg - pos).mul_(self.alpha)

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return _mean(self._value(self._wrong(pos, neg)))

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return self.judged(pos, neg)[1:]

    def judged(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss and slopes together: both use the same difference."""
        wrong = self._wrong(pos, neg)
        slope = _averaged(self._slope(wrong))
        return _mean(self._value(wrong)), -_total(slope), slope


@dataclass(frozen=True)
class SymBa(_Pairwise):
    """Balanced pairwise loss, ``softplus(-alpha (pos - neg))``; the threshold cancels out.

    Args:
        alpha: Steepness, in units of one over goodness.

    Returns:
        Called on margins [batch] and [negatives, batch]: loss [batch], in nats.

    Raises:
        ValueError: Called without negatives.

    References:
        Lee and Song (2023), arXiv 2303.08418.

    >>> SymBa(alpha=4.0)(torch.zeros(1), torch.zeros(1, 1))
    tensor([0.6931])
    """

    alpha: float = 4.0

    def _value(self, wrong: Tensor) -> Tensor:
        return -functional.logsigmoid(-wrong)

    def _slope(self, wrong: Tensor) -> Tensor:
        return self.alpha * wrong.sigmoid()


@dataclass(frozen=True)
class SiluPair(_Pairwise):
    """Pairwise silu loss, ``silu(-alpha (pos - neg))`` with ``silu(u) = u sigma(u)``.

    Like `SymBa` for pairs on the wrong side; pairs far on the right side have no effect.

    Args:
        alpha: Steepness, in units of one over goodness.

    Returns:
        Called on margins [batch] and [negatives, batch]: loss [batch], at least -0.2785.

    Raises:
        ValueError: Called without negatives.

    References:
        dah33/explore_forward_forward (repository, 2023): the "Swish" variant of `SymBa`.

    >>> SiluPair(alpha=1.0)(torch.zeros(1), torch.ones(1, 1))
    tensor([0.7311])
    """

    alpha: float = 6.0

    def _value(self, wrong: Tensor) -> Tensor:
        return functional.silu(wrong)

    def _slope(self, wrong: Tensor) -> Tensor:
        steepness = wrong.new_full((), self.alpha).expand_as(wrong)
        slope: Tensor = torch.ops.aten.silu_backward(steepness, wrong)
        return slope


sigmoid = _Sigmoid()
log_sigmoid = _LogSigmoid()
log_sigmoid_literal = _LogSigmoidLiteral()

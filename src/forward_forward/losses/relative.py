"""Margins of positives [batch] and of negatives [negatives, batch] -> losses that compare the two.

Only differences of goodness matter, so thresholds cancel out.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward.losses.slopes import averaged, mean_of, total_of


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
        _expect_negatives(self, neg)
        return (neg - pos).mul_(self.alpha)

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return mean_of(self._value(self._wrong(pos, neg)))

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return self.judged(pos, neg)[1:]

    def judged(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss and slopes together: both use the same difference."""
        wrong = self._wrong(pos, neg)
        slope = averaged(self._slope(wrong))
        return mean_of(self._value(wrong)), -total_of(slope), slope


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


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of the positive among the positive and its negatives.

    ``-(1 - s) log p_pos - s mean(log p)`` with p the softmax over the positive, less ``margin``,
    and the negatives, and s the label smoothing. A layer that answers for every class learns by it
    as a classifier; with negatives drawn by a two-pass layer it is the InfoNCE loss. Thresholds
    cancel out. Of soft targets q, such as those of `examples.OrdinalBins`, it is
    ``-sum(q log p)``, with the slope ``p - q``; the margin is then not used.

    Args:
        label_smoothing: Fraction of the target that is spread over all of them, 0 to below 1.
        margin: By how much more the positive must exceed the negatives, as in HFF; 0 or more.

    Returns:
        Called on margins [batch] and [negatives, batch]: loss [batch], in nats.

    Raises:
        ValueError: An argument is out of range, or called without negatives.

    References:
        Mono-Forward, arXiv 2501.09238; Szegedy et al. (2016), arXiv 1512.00567, section 7, for
        label smoothing.

    >>> CrossEntropy()(torch.zeros(1), torch.zeros(1, 1))
    tensor([0.6931])
    """

    label_smoothing: float = 0.0
    margin: float = 0.0

    joint: ClassVar[bool] = True  # over all negatives at once, not the mean of single losses

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1 or not 0 <= self.margin < math.inf:
            raise ValueError(
                "CrossEntropy expects label_smoothing from 0 to below 1 and a margin of 0 or more,"
                f" got {self.label_smoothing} and {self.margin}: use 0.1 and 0"
            )

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return self._value(self._log_probabilities(pos, neg))

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return self.judged(pos, neg)[1:]

    def judged(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss and slopes together: both use the same softmax."""
        log_p = self._log_probabilities(pos, neg)
        slope = log_p.exp().sub_(self.label_smoothing / len(log_p))
        slope[0] -= 1 - self.label_smoothing
        return self._value(log_p), slope[0], slope[1:]

    def judged_table(self, margins: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The same for margins of every class [batch, classes], whose positive is the label's."""
        # By columns: over the few numbers of a row, torch's softmax takes ten times as long.
        columns, true = margins.t(), labels[None]
        if self.margin:
            needed = columns.new_full((1, 1), -self.margin).expand_as(true)
            columns = columns.scatter_add(0, true, needed)
        log_p = columns.log_softmax(0)
        s, classes = self.label_smoothing, len(log_p)
        value = log_p.gather(0, true)[0].mul_(s - 1)
        if s:
            value.sub_(log_p.mean(0), alpha=s)
        slope = log_p.exp_()
        if s:
            slope.sub_(s / classes)
        return value, slope.scatter_add_(0, true, slope.new_full((1, 1), s - 1).expand_as(true)).t()

    def soft(self, margins: Tensor, target: Tensor) -> Tensor:
        """See `HasSoftTargets`."""
        return -(self._smoothed(target) * margins.log_softmax(1)).sum(1)

    def soft_judged(self, margins: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """See `HasSoftTargets`."""
        log_p, smoothed = margins.log_softmax(1), self._smoothed(target)
        return -(smoothed * log_p).sum(1), log_p.exp().sub_(smoothed)

    def _smoothed(self, target: Tensor) -> Tensor:
        if not self.label_smoothing:
            return target
        return (1 - self.label_smoothing) * target + self.label_smoothing / target.shape[1]

    def _value(self, log_p: Tensor) -> Tensor:
        if not self.label_smoothing:
            return -log_p[0]
        s = self.label_smoothing
        return (s - 1) * log_p[0] - s * log_p.mean(0)

    def _log_probabilities(self, pos: Tensor, neg: Tensor) -> Tensor:
        """Of the positive, then of each negative [1 + negatives, batch]."""
        _expect_negatives(self, neg)
        needed = pos - self.margin if self.margin else pos
        return torch.cat([needed[None], neg]).log_softmax(0)


@dataclass(frozen=True)
class NPairMargin:
    """Hinge of the hardest negative, ``[max_j (neg_j - pos) + margin]_+``.

    Equally hard negatives share the slope. Thresholds cancel out.

    Args:
        margin: The difference that suffices, in units of goodness; above 0.

    Returns:
        Called on margins [batch] and [negatives, batch]: loss [batch], at least 0.

    Raises:
        ValueError: ``margin`` is out of range, or called without negatives.

    References:
        Distance-Forward, arXiv 2408.14925, which applies it to distances: see
        `readouts.Centroids`.

    >>> NPairMargin(margin=1.0)(torch.zeros(1), torch.tensor([[-3.0], [0.5]]))
    tensor([1.5000])
    """

    margin: float = 1.0

    joint: ClassVar[bool] = True  # the hardest negative alone counts, not the mean

    def __post_init__(self) -> None:
        if not 0 < self.margin < math.inf:
            raise ValueError(
                f"NPairMargin expects a margin above 0, got {self.margin}: use 1 over goodness of"
                " about 1"
            )

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return self._value(self._wrong(pos, neg))

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return self.judged(pos, neg)[1:]

    def judged(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss and slopes together: both use the same differences."""
        wrong = self._wrong(pos, neg)
        value = self._value(wrong)
        hardest = (wrong == wrong.amax(0)).to(wrong.dtype)
        slope = hardest * ((value > 0) / hardest.sum(0))
        return value, -total_of(slope), slope

    def _wrong(self, pos: Tensor, neg: Tensor) -> Tensor:
        _expect_negatives(self, neg)
        return neg - pos

    def _value(self, wrong: Tensor) -> Tensor:
        return (wrong.amax(0) + self.margin).relu()


def _expect_negatives(loss: object, neg: Tensor) -> None:
    if neg.shape[0] == 0:
        raise ValueError(
            f"{type(loss).__name__} compares positives with negatives: expected at least one"
            " negative, got none; use a separable loss such as log_sigmoid"
        )

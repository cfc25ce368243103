"""Contracts of a loss of margins [batch], [negatives, batch]: each passes or raises `Broken`.

Each function is one contract; its first line states it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from forward_forward.contracts.broken import (
    Broken,
    expect,
    expect_close,
    expect_slopes_of_small_changes,
    expect_tensor,
    expect_unchanged,
)
from forward_forward.contracts.samples import margins
from forward_forward.fast_paths import fast_path
from forward_forward.losses import HasSlopes, LocalLoss, judged

__all__ = [
    "falls_with_positives_and_rises_with_negatives",
    "is_finite_at_extreme_margins",
    "is_one_number_a_sample",
    "is_the_positive_part_without_negatives_or_refuses",
    "is_the_same_in_any_order_of_negatives",
    "leaves_margins_alone",
    "slopes_are_autograds",
    "slopes_are_those_of_small_changes",
    "takes_the_mean_of_negatives",
]


def is_pairwise(loss: LocalLoss) -> bool:
    """Whether a loss raises an error if there are only positives.

    >>> is_pairwise(lambda pos, neg: -pos)
    False
    """
    try:
        loss(torch.zeros(1), torch.zeros(0, 1))
    except ValueError:
        return True
    return False


def is_one_number_a_sample(loss: LocalLoss) -> None:
    """It returns one number per sample, in the margins' dtype, independent of the other samples.

    Raises:
        Broken: It returns another shape or type, or depends on other samples.

    >>> is_one_number_a_sample(lambda pos, neg: neg.mean(0) - pos)
    """
    for negatives in (1, 3):
        for dtype in (torch.float32, torch.float64):
            pos, neg = (each.to(dtype) for each in margins(negatives))
            value = loss(pos, neg)
            what = f"the loss of {list(pos.shape)} and {list(neg.shape)}"
            expect_tensor(value, pos.shape, dtype, what)
            alone = loss(pos[1:2], neg[:, 1:2])
            expect_close(alone, value[1:2], "the loss of a sample on its own")


def slopes_are_autograds(loss: LocalLoss) -> None:
    """Its slopes equal those autograd computes.

    Args:
        loss: Any loss; one with a ``slope`` or ``judged`` is compared with its values.

    Raises:
        Broken: They differ by more than 1e-12 in float64.

    >>> slopes_are_autograds(lambda pos, neg: neg.mean(0) - pos)
    """
    for negatives in (1, 3):
        pos, neg = _with_zeros(negatives)
        leaves = pos.clone().requires_grad_(), neg.clone().requires_grad_()
        expected = torch.autograd.grad(
            loss(*leaves).sum(), leaves, allow_unused=True, materialize_grads=True
        )
        value, *slopes = judged(loss, pos, neg)
        expect_close(value, loss(pos, neg), "the value beside the slopes", rtol=0, atol=1e-12)
        for of, slope, right in zip(("positives", "negatives"), slopes, expected, strict=True):
            expect_close(slope, right, f"the slope of {of}", rtol=0, atol=1e-12)


def slopes_are_those_of_small_changes(loss: LocalLoss) -> None:
    """Its slopes agree with finite differences of the margins.

    Raises:
        Broken: They do not, for example because a value is detached on the way.

    >>> slopes_are_those_of_small_changes(lambda pos, neg: neg.mean(0) - pos)
    """
    # The hardest of several negatives changes at ties, where such a loss has no single slope.
    drawn = margins if getattr(loss, "joint", False) else _with_zeros
    for negatives in (1, 3):
        expect_slopes_of_small_changes(loss, *drawn(negatives))


def falls_with_positives_and_rises_with_negatives(loss: LocalLoss) -> None:
    """At zero margins it decreases in the positive's goodness and increases in each negative's.

    Raises:
        Broken: A slope is 0 or has the other sign: the layer would learn nothing, or the reverse.

    >>> falls_with_positives_and_rises_with_negatives(lambda pos, neg: neg.mean(0) - pos)
    """
    _, d_pos, d_neg = judged(loss, torch.zeros(2), torch.zeros(3, 2))
    expect((d_pos < 0).all(), f"expected a slope below 0 for positives, got {float(d_pos.max()):g}")
    expect((d_neg > 0).all(), f"expected a slope above 0 for negatives, got {float(d_neg.min()):g}")


def is_finite_at_extreme_margins(loss: LocalLoss) -> None:
    """It and its slopes are finite at margins up to 1e6 of either sign, in float32.

    Raises:
        Broken: They are not, for example in ``log(1 + exp(margin))`` written out.

    >>> is_finite_at_extreme_margins(lambda pos, neg: neg.mean(0) - pos)
    """
    ends = torch.tensor([-1e6, -100.0, 0.0, 100.0, 1e6])
    pos, neg = torch.cartesian_prod(ends, ends).unbind(1)
    names = "loss", "slope of positives", "slope of negatives"
    for name, value in zip(names, judged(loss, pos, neg[None]), strict=True):
        expect(value.dtype == torch.float32, f"expected a {name} in float32, got {value.dtype}")
        wrong = ~value.reshape(-1, len(pos)).isfinite().all(0)
        if wrong.any():
            at = int(wrong.nonzero()[0])
            raise Broken(
                f"expected a finite {name} at margins {float(pos[at]):g} and {float(neg[at]):g},"
                f" got {float(value.reshape(-1, len(pos))[0, at]):g}"
            )


def takes_the_mean_of_negatives(loss: LocalLoss) -> None:
    """The loss of several negatives is the mean of their single losses.

    Raises:
        Broken: It is not: the step would grow with the number of negatives.

    >>> takes_the_mean_of_negatives(lambda pos, neg: neg.mean(0) - pos)
    """
    pos, neg = margins(3)
    alone = torch.stack([loss(pos, each[None]) for each in neg])
    expect_close(loss(pos, neg), alone.mean(0), "the loss of three negatives", rtol=0, atol=1e-12)


def is_the_same_in_any_order_of_negatives(loss: LocalLoss) -> None:
    """The order of the negatives does not matter.

    Raises:
        Broken: It does.

    >>> is_the_same_in_any_order_of_negatives(lambda pos, neg: neg.mean(0) - pos)
    """
    pos, neg = margins(3)
    expect_close(
        loss(pos, neg.flip(0)),
        loss(pos, neg),
        "the loss of reordered negatives",
        rtol=0,
        atol=1e-12,
    )


def is_the_positive_part_without_negatives_or_refuses(loss: LocalLoss) -> None:
    """Without negatives it returns the positives' term alone, or raises a ValueError and says why.

    Raises:
        Broken: It is something else, often the NaN of an empty mean.

    >>> is_the_positive_part_without_negatives_or_refuses(lambda pos, neg: neg.sum(0) - pos)
    """
    pos, neg = margins(1)
    if is_pairwise(loss):
        by_hand = fast_path(loss, HasSlopes)
        for call in (loss,) if by_hand is None else (loss, by_hand.slope):
            _refuses(call, pos, neg[:0])
        return
    value, d_pos, d_neg = judged(loss, pos, neg[:0])
    expect(
        value.isfinite().all(),
        f"expected the positives' part of no negatives [0, 5], got {float(value[0]):g}: divide"
        " neg.sum(0) by max(len(neg), 1), or raise a ValueError",
    )
    # The positive part: the loss less what a negative adds, which no positive changes.
    added, moved = (loss(at, neg) - loss(at, neg[:0]) for at in (pos, pos + 1))
    expect_close(added, moved, "what negatives add, whatever the positive,")
    expect_close(d_pos, judged(loss, pos, neg)[1], "the slope of positives alone", rtol=0)
    expect_tensor(d_neg, torch.Size([0, 5]), pos.dtype, "the slope of no negatives")


def leaves_margins_alone(loss: LocalLoss) -> None:
    """It leaves the margins unchanged.

    Raises:
        Broken: They are changed: the layer's metrics would be wrong.

    >>> leaves_margins_alone(lambda pos, neg: neg.mean(0) - pos)
    """
    pos, neg = margins(3)
    before = pos.clone(), neg.clone()
    loss(pos, neg)
    judged(loss, pos, neg)
    expect_unchanged(
        (pos, neg),
        before,
        "the margins as they were, but they were modified: avoid in-place operations (x.op_())",
    )


def _refuses(call: Callable[[Tensor, Tensor], object], pos: Tensor, none: Tensor) -> None:
    try:
        call(pos, none)
    except ValueError as error:
        expect(str(error), "expected a ValueError with a message, got one without")
        return
    raise Broken("expected its slopes to reject empty negatives as its value does, got slopes")


def _with_zeros(negatives: int) -> tuple[Tensor, Tensor]:
    pos, neg = margins(negatives)
    pos[0], neg[:, 0] = 0, 0
    return pos, neg

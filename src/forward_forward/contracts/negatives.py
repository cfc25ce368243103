"""Contracts of a strategy for wrong labels: each passes or raises `Broken`.

Each function is one contract; its first line states it.
"""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor

from forward_forward.contracts.broken import expect, expect_tensor, expect_unchanged
from forward_forward.contracts.samples import KINDS, scores_of, seeded
from forward_forward.examples.inputs import ScoreSource
from forward_forward.examples.negatives import WrongLabels, hard_rows

__all__ = [
    "draws_from_its_generator_alone",
    "leaves_labels_alone",
    "needs_scores_of_its_share_alone",
    "never_gives_the_true_label",
    "says_what_it_draws_from",
]
SOURCES = get_args(ScoreSource)


def says_what_it_draws_from(negatives: WrongLabels) -> None:
    """It has ``scores`` (nothing, softmax, goodness or first layer) and ``fraction``, 0 to 1.

    Raises:
        Broken: One is missing or invalid; a plain function has neither.

    >>> from forward_forward.examples import Uniform
    >>> says_what_it_draws_from(Uniform())
    """
    scores = getattr(negatives, "scores", None)
    expect(scores in SOURCES, f"expected scores to be one of {', '.join(SOURCES)}, got {scores!r}")
    fraction = getattr(negatives, "fraction", None)
    number = isinstance(fraction, int | float) and 0 <= fraction <= 1
    expect(number, f"expected a fraction from 0 to 1, got {fraction!r}")
    drawn = fraction == 0 or scores != "nothing"
    expect(drawn, f"expected fraction 0 where scores is 'nothing', got {fraction}")


def never_gives_the_true_label(negatives: WrongLabels) -> None:
    """It returns labels [count, batch], 0 to classes - 1, never the true one, whatever the scores.

    Raises:
        Broken: A label is true or out of range, or the shape or type is wrong.

    >>> from forward_forward.examples import Uniform
    >>> never_gives_the_true_label(Uniform(count=2))
    """
    for classes, batch in ((2, 64), (3, 1), (10, 400), (1000, 40)):
        for seed, kind in enumerate(KINDS):
            y = _labels(batch, classes, seed)
            wrong = negatives(y, classes, seeded(seed + 1), scores_of(kind, y, classes, seed))
            check_wrong(wrong, y, classes)


def check_wrong(wrong: Tensor, y: Tensor, classes: int) -> None:
    """Raise `Broken` unless labels [count, batch] are wrong ones for the true labels [batch].

    >>> check_wrong(torch.tensor([[1, 0]]), torch.tensor([0, 1]), 2)
    """
    count = wrong.shape[0] if isinstance(wrong, Tensor) and wrong.dim() == 2 else 1
    shape = torch.Size([count, len(y)])
    expect_tensor(wrong, shape, torch.int64, f"wrong labels [count, {len(y)}]")
    expect(count >= 1, "expected at least one wrong label a sample, got none")
    true = int((wrong == y).sum())
    expect(
        true == 0, f"expected wrong labels alone, got the true one {true} times in {wrong.numel()}"
    )
    least, most = (int(each) for each in wrong.aminmax())
    inside = least >= 0 and most < classes
    expect(inside, f"expected labels 0 to {classes - 1}, got {least} to {most}")


def needs_scores_of_its_share_alone(negatives: WrongLabels) -> None:
    """It needs scores of the first ``fraction`` of the batch only, and none if that is 0.

    Raises:
        Broken: Without the remaining scores it returns labels that are not wrong ones.

    >>> from forward_forward.examples import FromGoodness
    >>> needs_scores_of_its_share_alone(FromGoodness(fraction=0.3))
    """
    for batch in (1, 20):
        y = _labels(batch, 5, batch)
        rows = hard_rows(negatives, batch)
        scores = scores_of("random", y[:rows], 5) if rows else None
        check_wrong(negatives(y, 5, seeded(0), scores), y, 5)


def draws_from_its_generator_alone(negatives: WrongLabels) -> None:
    """The same generator gives the same labels; torch's own random numbers are not used.

    Raises:
        Broken: Two draws differ, or the global state changed: a resumed run would diverge.

    >>> from forward_forward.examples import Uniform
    >>> draws_from_its_generator_alone(Uniform())
    """
    y = _labels(200, 10, 0)
    scores = scores_of("random", y, 10)
    before = torch.get_rng_state()
    first, second = (negatives(y, 10, seeded(3), scores) for _ in range(2))
    untouched = torch.equal(before, torch.get_rng_state())
    expect(
        untouched,
        "expected draws from the given generator only, but torch's global generator was used:"
        " pass generator=rng",
    )
    expect(
        torch.equal(first, second),
        "expected the same labels from the same seed, got different ones",
    )


def leaves_labels_alone(negatives: WrongLabels) -> None:
    """It leaves the true labels and the scores unchanged.

    Raises:
        Broken: They are changed: the positives would get wrong labels.

    >>> from forward_forward.examples import Uniform
    >>> leaves_labels_alone(Uniform())
    """
    y = _labels(50, 10, 0)
    scores = scores_of("random", y, 10)
    before = y.clone(), scores.clone()
    wrong = negatives(y, 10, seeded(0), scores)
    wrong.add_(1)
    expect_unchanged(
        (y, scores),
        before,
        "labels and scores as they were, but they were modified: avoid in-place operations"
        " (x.op_()), and do not return a view",
    )


def _labels(batch: int, classes: int, seed: int) -> Tensor:
    return torch.randint(0, classes, (batch,), generator=seeded(seed))

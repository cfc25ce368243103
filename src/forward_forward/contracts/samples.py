"""Seeds -> the inputs of contracts: activities [batch, *feature], margins, scores of labels."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

ScoreKind = Literal["random", "huge", "sure of the truth", "-inf", "inf", "nan"]
KINDS: tuple[ScoreKind, ...] = get_args(ScoreKind)


def seeded(seed: int) -> torch.Generator:
    """A generator for this seed."""
    return torch.Generator().manual_seed(seed)


def activities(*feature: int, batch: int = 5, seed: int = 0) -> Tensor:
    """Activities of either sign in float64, none of them near a kink at 0 or a tie.

    Args:
        feature: Shape of a row.
        batch: Number of rows.
        seed: Seed of the random numbers.

    >>> activities(2, 3).shape
    torch.Size([5, 2, 3])
    """
    rng = seeded(seed)
    count = batch * math.prod(feature)
    size = 0.1 + torch.randperm(count, generator=rng).double() / count
    sign = torch.randint(0, 2, (count,), generator=rng).double() * 2 - 1
    return (size * sign).view(batch, *feature)


def special(*feature: int) -> Tensor:
    """Activities with a silent row, one of ties, one of two opposite ties and one of one unit."""
    h = activities(*feature)
    flat = h.flatten(1)
    flat[0] = 0
    flat[1] = 0.5
    flat[2, :2] = torch.tensor([2.0, -2.0])
    flat[3, 1:] = 0
    return h


def margins(negatives: int = 3, batch: int = 5) -> tuple[Tensor, Tensor]:
    """Margins of positives [batch] and negatives [negatives, batch], in float64.

    >>> [each.shape for each in margins(2)]
    [torch.Size([5]), torch.Size([2, 5])]
    """
    rng = seeded(1)
    pos = torch.randn(batch, generator=rng, dtype=torch.float64)
    return pos, torch.randn(negatives, batch, generator=rng, dtype=torch.float64)


def scores_of(kind: ScoreKind, y: Tensor, classes: int, seed: int = 0) -> Tensor:
    """Scores of every label [batch, classes], from which hard negatives are drawn.

    Args:
        kind: What they are like; a network that diverges gives huge ones and NaN.
        y: True labels [batch].
        classes: Number of labels.
        seed: Seed of the random ones.

    >>> scores_of("sure of the truth", torch.tensor([1]), 2).argmax(1)
    tensor([1])
    """
    if kind in ("random", "huge"):
        size = 1e38 if kind == "huge" else 1.0
        return torch.randn(len(y), classes, generator=seeded(seed)) * size
    if kind == "sure of the truth":
        return 1e30 * torch.nn.functional.one_hot(y, classes).float()
    return torch.full((len(y), classes), float(kind))

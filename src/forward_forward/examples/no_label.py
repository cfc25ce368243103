"""Samples [batch, *shape] as they are, for layers whose goodness answers for every class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from forward_forward.examples.inputs import (
    Inputs,
    Samples,
    ScoreSource,
    check_classes,
    floating,
    unlabelled,
)
from forward_forward.examples.labels import checked_labels


class SinglePass:
    """Samples as they are: what examples without a label in the input share."""

    labelled = True
    scores: ClassVar[ScoreSource] = "nothing"

    def hard_rows(self, batch: int) -> int:
        return 0

    def width(self, features: int) -> int:
        return features

    def negative(
        self, x: Samples, y: Tensor | None, rng: torch.Generator, scores: Tensor | None = None
    ) -> Inputs:
        """No further inputs: the negatives are other columns of the positives' goodness."""
        inputs = self.neutral(x)
        return replace(inputs, index=inputs.index[:0])

    def neutral(self, x: Samples) -> Inputs:
        return x if isinstance(x, Inputs) else unlabelled(floating(x))

    def candidates(self, x: Samples) -> Inputs:
        return self.neutral(x)


@dataclass(frozen=True)
class NoLabel(SinglePass):
    """No label in the input: one pass, in which each layer answers for every class.

    The layers' goodness must be one of `forward_forward.readouts`. The goodness of the true class
    is the positive, that of the other classes are the negatives.

    Args:
        num_classes: Number of labels, at least 2.

    Raises:
        ValueError: Fewer than 2 classes, or labels that are not integers below that number.

    >>> NoLabel(2).positive(torch.rand(3, 5), torch.tensor([0, 1, 0])).dense().shape
    torch.Size([1, 3, 5])
    """

    num_classes: int

    def __post_init__(self) -> None:
        check_classes(self)
        if self.num_classes < 2:
            raise ValueError(f"NoLabel expects at least 2 classes, got {self.num_classes}")

    def positive(self, x: Samples, y: Tensor | None, rng: torch.Generator | None = None) -> Inputs:
        checked_labels(self, y)
        return self.neutral(x)

    def decide(self, scores: Tensor) -> Tensor:
        return scores.argmax(-1)

"""Samples [batch, ...] and labels [batch] -> inputs that carry the label, appended or overlaid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward.examples.inputs import Inputs, Samples, floating
from forward_forward.examples.negatives import Uniform, WrongLabels, hard_rows


@dataclass(frozen=True)
class _Label(ABC):
    """The label as a one-hot pattern in the input; where it goes is the subclass's affair."""

    num_classes: int
    strength: float = 1.0
    negatives: WrongLabels = field(default_factory=Uniform)

    def __post_init__(self) -> None:
        if self.num_classes < 2 or self.strength == 0:
            raise ValueError(
                f"{type(self).__name__} expects at least 2 classes and a strength other than 0,"
                f" got num_classes={self.num_classes} and strength={self.strength}"
            )

    @property
    def labelled(self) -> bool:
        return True

    @property
    def scores(self) -> str:
        return self.negatives.scores

    def hard_rows(self, batch: int) -> int:
        return hard_rows(self.negatives, batch)

    @abstractmethod
    def width(self, features: int) -> int: ...

    @abstractmethod
    def _place(self, flat: Tensor) -> tuple[Tensor, int]:
        """The rest [batch, width] of flattened samples, and the label's first column."""

    def positive(self, x: Samples, y: Tensor | None) -> Inputs:
        return self._with(x, self._pattern(self._labels(y)[None]))

    def negative(
        self, x: Samples, y: Tensor | None, rng: torch.Generator, scores: Tensor | None = None
    ) -> Inputs:
        wrong = self.negatives(self._labels(y), self.num_classes, rng, scores)
        return self._with(x, self._pattern(wrong))

    def neutral(self, x: Samples) -> Inputs:
        return self._with(
            x,
            self._every_sample(
                x, torch.full((1, self.num_classes), 1 / self.num_classes, dtype=torch.float64)
            ),
        )

    def candidates(self, x: Samples) -> Inputs:
        return self._with(x, self._every_sample(x, torch.eye(self.num_classes)))

    def _labels(self, y: Tensor | None) -> Tensor:
        if y is None or y.dtype != torch.int64:
            got = "none" if y is None else str(y.dtype)
            raise ValueError(
                f"{type(self).__name__} expects integer labels (torch.int64) [batch], got {got}:"
                " convert them with y.long(), or use HybridImages to train without labels"
            )
        return y

    def _pattern(self, labels: Tensor) -> Tensor:
        return self.strength * functional.one_hot(labels, self.num_classes).float()

    def _every_sample(self, x: Samples, rows: Tensor) -> Tensor:
        """The same patterns [variants, classes] for each sample: [variants, batch, classes]."""
        samples = x.rest if isinstance(x, Inputs) else x
        pattern = (self.strength * rows).to(samples).unsqueeze(1)
        return pattern.expand(-1, len(samples), self.num_classes)

    def _with(self, x: Samples, label: Tensor) -> Inputs:
        if isinstance(x, Inputs):
            return Inputs(x.rest, label.to(x.rest), x.start)
        rest, start = self._place(floating(x).flatten(1))
        return Inputs(rest, label.to(rest), start)


@dataclass(frozen=True)
class AppendLabel(_Label):
    """The label as extra inputs after the sample's own: [batch, features + classes].

    Args:
        num_classes: How many labels there are, at least 2.
        strength: Value of the label's unit; the neutral label is ``strength / num_classes`` in
            every unit.
        negatives: How wrong labels are chosen.

    Raises:
        ValueError: Fewer than 2 classes, a strength of 0, or labels that are no integers.

    >>> AppendLabel(2).positive(torch.tensor([[5.0, 6.0]]), torch.tensor([1])).dense()
    tensor([[[5., 6., 0., 1.]]])
    """

    def width(self, features: int) -> int:
        return features + self.num_classes

    def _place(self, flat: Tensor) -> tuple[Tensor, int]:
        return functional.pad(flat, (0, self.num_classes)), flat.shape[1]


@dataclass(frozen=True)
class OverlayLabel(_Label):
    """The label over the sample's first values, which are lost: MNIST's border has room for it.

    Args:
        num_classes: How many labels there are, 2 to the number of features.
        strength: Value of the label's unit; the neutral label is ``strength / num_classes`` in
            every unit.
        negatives: How wrong labels are chosen.

    Raises:
        ValueError: Fewer than 2 classes, more classes than features, or labels that are not
            integers.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.3.

    >>> OverlayLabel(2).positive(torch.tensor([[5.0, 6.0, 7.0]]), torch.tensor([1])).dense()
    tensor([[[0., 1., 7.]]])
    """

    def width(self, features: int) -> int:
        if self.num_classes > features:
            raise ValueError(
                f"OverlayLabel expects at most as many classes as inputs, got {self.num_classes}"
                f" classes over {features} inputs: use AppendLabel(num_classes={self.num_classes})"
            )
        return features

    def _place(self, flat: Tensor) -> tuple[Tensor, int]:
        self.width(flat.shape[1])
        rest = flat.clone()
        rest[:, : self.num_classes] = 0
        return rest, 0

"""Samples [batch, ...] and labels [batch] -> inputs that carry the label, appended or overlaid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from forward_forward.examples.inputs import (
    Examples,
    Inputs,
    Samples,
    ScoreSource,
    check_classes,
    floating,
)
from forward_forward.examples.negatives import (
    Uniform,
    WrongLabels,
    check_negatives,
    hard_rows,
    mixed_with_others,
)


def integer_labels(examples: Examples, y: Tensor | None) -> Tensor:
    """The labels [batch]; raises a ValueError if they are not one integer per sample."""
    if y is None or y.dtype != torch.int64:
        got = "none" if y is None else str(y.dtype)
        raise ValueError(
            f"{type(examples).__name__} expects integer labels (torch.int64) [batch], got {got}:"
            " convert them with y.long(), or use HybridImages to train without labels"
        )
    if y.dim() != 1:
        raise ValueError(
            f"{type(examples).__name__} expects labels [batch], got {list(y.shape)}: use"
            " y.argmax(1) on one-hot rows, or MultiLabel for several labels per sample"
        )
    return y


def checked_labels(examples: Examples, y: Tensor | None) -> Tensor:
    """The same, from 0 to below the number of classes."""
    y = integer_labels(examples, y)
    # On other devices the check would wait for the device; `Data` has checked them before.
    if y.device.type == "cpu" and y.numel():
        least, most = (int(value) for value in y.aminmax())
        if least < 0 or most >= examples.num_classes:
            raise ValueError(
                f"{type(examples).__name__} expects labels 0 to {examples.num_classes - 1}, got"
                f" {least} to {most}: number the labels from 0, or set num_classes"
            )
    return y


@dataclass(frozen=True)
class _Label(ABC):
    """The label as a one-hot pattern in the input; the subclass defines its columns."""

    num_classes: int
    strength: float = 1.0
    negatives: WrongLabels = field(default_factory=Uniform)
    other_images: float = 0.0

    def __post_init__(self) -> None:
        check_classes(self)
        check_negatives(self.negatives)
        if not 0 <= self.other_images <= 1:
            raise ValueError(
                f"{type(self).__name__} expects a fraction other_images from 0 to 1, got"
                f" {self.other_images}"
            )
        if self.num_classes < 2 or self.strength == 0:
            raise ValueError(
                f"{type(self).__name__} expects at least 2 classes and a strength other than 0,"
                f" got num_classes={self.num_classes} and strength={self.strength}"
            )

    labelled = True

    @property
    def scores(self) -> ScoreSource:
        return self.negatives.scores

    def hard_rows(self, batch: int) -> int:
        return hard_rows(self.negatives, batch)

    @abstractmethod
    def width(self, features: int) -> int: ...

    @abstractmethod
    def _place(self, flat: Tensor) -> tuple[Tensor, int]:
        """The rest [batch, features] of flattened samples, and the label's first column."""

    def positive(self, x: Samples, y: Tensor | None, rng: torch.Generator | None = None) -> Inputs:
        return self._one_hot(x, checked_labels(self, y)[None])

    def negative(
        self, x: Samples, y: Tensor | None, rng: torch.Generator, scores: Tensor | None = None
    ) -> Inputs:
        # `positive` has checked the labels' range; here they only exclude the true ones.
        labels, rows = self.drawn(integer_labels(self, y), rng, scores)
        return replace(self._one_hot(x, labels), rows=rows)

    def drawn(
        self, y: Tensor, rng: torch.Generator, scores: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Of each negative its label and its image's row in the batch, both [negatives, batch].

        Without other images there are no rows: every negative has the sample's own image.
        """
        wrong = self.negatives(y, self.num_classes, rng, scores)
        if not self.other_images:
            return wrong, None
        return mixed_with_others(y, wrong, self.other_images, rng)

    def neutral(self, x: Samples) -> Inputs:
        rest, start = self._rest(x)
        patterns = rest.new_full((1, self.num_classes), self.strength / self.num_classes)
        return Inputs(rest, patterns, _every_row(patterns, rest), start)

    def candidates(self, x: Samples) -> Inputs:
        return self._one_hot(x)

    def decide(self, scores: Tensor) -> Tensor:
        return scores.argmax(-1)

    def _rest(self, x: Samples) -> tuple[Tensor, int]:
        return (x.rest, x.start) if isinstance(x, Inputs) else self._place(floating(x).flatten(1))

    def _one_hot(self, x: Samples, labels: Tensor | None = None) -> Inputs:
        """Inputs with labels [variants, batch]; None is every label, for each sample."""
        rest, start = self._rest(x)
        if isinstance(x, Inputs) and len(x.patterns) == self.num_classes:
            patterns = x.patterns  # the same table: variants that share it stack faster
        else:
            patterns = torch.eye(self.num_classes, dtype=rest.dtype, device=rest.device)
            patterns *= self.strength
        index = _every_row(patterns, rest) if labels is None else labels
        return Inputs(rest, patterns, index, start)


def _every_row(patterns: Tensor, rest: Tensor) -> Tensor:
    """Every pattern for each sample [patterns, batch], stored once."""
    rows = torch.arange(len(patterns), device=rest.device)
    # Not len(rest): it would fix the batch size of an exported graph.
    return rows[:, None].expand(-1, rest.shape[0])


@dataclass(frozen=True)
class AppendLabel(_Label):
    """The label as extra inputs after the sample's own: [batch, features + classes].

    Args:
        num_classes: Number of labels, at least 2.
        strength: Value of the label's unit; the neutral label is ``strength / num_classes`` in
            every unit.
        negatives: Strategy that chooses wrong labels.
        other_images: Fraction of the negatives, drawn at random, that are another image of the
            batch with this sample's label, instead of this image with a wrong one. The image is of
            another class; if the batch has none, the wrong label stays.

    Raises:
        ValueError: Fewer than 2 classes, a strength of 0, a fraction out of range, or labels that
            are not integers.

    >>> AppendLabel(2).positive(torch.tensor([[5.0, 6.0]]), torch.tensor([1])).dense()
    tensor([[[5., 6., 0., 1.]]])
    """

    def width(self, features: int) -> int:
        return features + self.num_classes

    def _place(self, flat: Tensor) -> tuple[Tensor, int]:
        return flat, flat.shape[1]


@dataclass(frozen=True)
class OverlayLabel(_Label):
    """The label in place of the sample's first values, which are lost, such as MNIST's border.

    Args:
        num_classes: Number of labels, 2 to the number of features.
        strength: Value of the label's unit; the neutral label is ``strength / num_classes`` in
            every unit.
        negatives: Strategy that chooses wrong labels.
        other_images: Fraction of the negatives, drawn at random, that are another image of the
            batch with this sample's label, instead of this image with a wrong one. The image is of
            another class; if the batch has none, the wrong label stays.

    Raises:
        ValueError: Fewer than 2 classes, more classes than features, a fraction out of range, or
            labels that are not integers.

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

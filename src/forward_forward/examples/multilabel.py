"""Samples [batch, ...], labels [batch, labels] -> inputs with two units per label, on and off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from forward_forward.examples.inputs import Inputs, Samples, ScoreSource, check_classes, floating


@dataclass(frozen=True)
class MultiLabel:
    """Any number of labels per sample: each has two units after the sample's values, on and off.

    An unknown label has half its strength in both units, so the length of the input does not
    reveal the number of labels. A label is decided by comparing the goodness with it on and with
    it off, all other labels unknown; in training, too, most are unknown. In a negative, one of the
    known labels is wrong.

    Args:
        num_classes: Number of labels.
        strength: Value of the unit of a known label.
        known: Fraction of the labels that are known in training, chosen at random; at least one.
        count: Negatives per sample.

    Raises:
        ValueError: A number is out of range, or labels are not 0 and 1 [batch, labels].

    >>> MultiLabel(2).positive(torch.tensor([[5.0]]), torch.tensor([[1, 0]])).dense()
    tensor([[[5., 1., 0., 0., 1.]]])
    """

    num_classes: int
    strength: float = 1.0
    known: float = 0.3
    count: int = 1

    def __post_init__(self) -> None:
        check_classes(self)
        good = self.num_classes >= 1 and self.count >= 1 and 0 <= self.known <= 1
        if not good or self.strength == 0:
            raise ValueError(
                "MultiLabel expects num_classes and count of at least 1, known within 0 to 1 and a"
                f" strength other than 0, got {self}"
            )

    labelled = True
    scores: ClassVar[ScoreSource] = "nothing"

    def hard_rows(self, batch: int) -> int:
        return 0

    def width(self, features: int) -> int:
        return features + 2 * self.num_classes

    def positive(self, x: Samples, y: Tensor | None, rng: torch.Generator | None = None) -> Inputs:
        """The true labels; with a generator, a random part of them, the rest unknown."""
        labels = self._labels(y)
        known = torch.ones_like(labels)
        if rng is not None:
            draw = _draw(labels.shape, rng, labels.device)
            known = (draw < self.known) | _least(draw)
        return self._inputs(x, _units(labels, known)[None])

    def negative(
        self, x: Samples, y: Tensor | None, rng: torch.Generator, scores: Tensor | None = None
    ) -> Inputs:
        """One known label wrong; known are those of the positives, if ``x`` are positives."""
        labels = self._labels(y)
        known = torch.ones_like(labels)
        if isinstance(x, Inputs):
            on, off = x.label[0].chunk(2, 1)
            known = on != off
        draw = _draw((self.count, *labels.shape), rng, labels.device)
        wrong = _least(draw.masked_fill(~known, 2.0))
        return self._inputs(x, _units(labels ^ wrong, known))

    def neutral(self, x: Samples) -> Inputs:
        rest = self._rest(x)
        return self._inputs(x, rest.new_full((1, len(rest), 2 * self.num_classes), 0.5))

    def candidates(self, x: Samples) -> Inputs:
        """Each label on, then each label off, the rest unknown: variants [2 labels, batch]."""
        rest = self._rest(x)
        patterns = rest.new_full((2 * self.num_classes, 2 * self.num_classes), 0.5)
        on, off = patterns.view(2, self.num_classes, 2, self.num_classes)
        each = torch.arange(self.num_classes, device=rest.device)
        on[each, 0, each], on[each, 1, each] = 1, 0
        off[each, 0, each], off[each, 1, each] = 0, 1
        index = torch.arange(len(patterns), device=rest.device)[:, None].expand(-1, rest.shape[0])
        return Inputs(rest, patterns * self.strength, index, rest.shape[1])

    def decide(self, scores: Tensor) -> Tensor:
        """Labels 0 and 1 [..., labels] from the goodness of the candidates [..., 2 labels]."""
        on, off = scores.chunk(2, -1)
        return (on > off).long()

    def _inputs(self, x: Samples, units: Tensor) -> Inputs:
        """Variants with label units [variants, batch, 2 labels], one pattern for each."""
        rest = self._rest(x)
        patterns = units.flatten(0, 1).to(rest) * self.strength
        index = torch.arange(len(patterns), device=rest.device).view(units.shape[:2])
        return Inputs(rest, patterns, index, rest.shape[1])

    def _rest(self, x: Samples) -> Tensor:
        return x.rest if isinstance(x, Inputs) else floating(x).flatten(1)

    def _labels(self, y: Tensor | None) -> Tensor:
        if y is None or y.dim() != 2 or y.shape[1] != self.num_classes:
            got = "none" if y is None else list(y.shape)
            raise ValueError(
                f"MultiLabel expects labels 0 and 1 [batch, {self.num_classes}], got {got}: pass"
                " one column for each label"
            )
        return y.bool()


def _draw(shape: Sequence[int], rng: torch.Generator, device: torch.device) -> Tensor:
    return torch.rand(shape, generator=rng, device=rng.device).to(device)


def _least(draw: Tensor) -> Tensor:
    """True at the smallest number of each row [..., labels], once per row."""
    places = torch.arange(draw.shape[-1], device=draw.device)
    return draw.argmin(-1, keepdim=True) == places


def _units(labels: Tensor, known: Tensor) -> Tensor:
    """Units [..., 2 labels] of labels [..., labels]; both are a half if a label is unknown."""
    units = torch.cat([labels, ~labels], -1).float()
    return units.masked_fill(~torch.cat([known, known], -1).expand_as(units), 0.5)

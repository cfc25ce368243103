"""Samples and label patterns -> inputs [variants, batch, *shape] that share what they can.

Positive, negative, neutral and candidate inputs of a sample differ only in their label part, so the
rest is stored once, and the first layer's product with it serves every variant. There are few label
patterns, so they are stored once too, in a table that variants index: the first layer's product
with a label is then a row that is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor


@dataclass(frozen=True)
class Inputs:
    """Variants of a batch that differ only in their label part.

    Args:
        rest: Inputs [batch, *shape]; flat [batch, features] if there is a label part: without it
            if it follows the features, with zeros in its columns if it overlays them.
        patterns: Label patterns [patterns, classes]; ``classes`` is 0 if there is no label part.
        index: Each variant's row of ``patterns`` [variants, batch].
        start: First column of the label part: the number of features if it is appended, or less.
        rows: Each variant's row of ``rest`` [variants, batch]; None if variant k of sample i has
            row i.

    Raises:
        ValueError: The shapes do not match.

    >>> rest, patterns = torch.tensor([[0.0, 0.0, 7.0]]), torch.eye(2)
    >>> Inputs(rest, patterns, torch.tensor([[0], [1]])).dense()
    tensor([[[1., 0., 7.]],
    <BLANKLINE>
            [[0., 1., 7.]]])
    """

    rest: Tensor
    patterns: Tensor
    index: Tensor
    start: int = 0
    rows: Tensor | None = None

    def __post_init__(self) -> None:
        flat = self.rest.dim() == 2 or self.patterns.shape[-1] == 0
        samples = self.rest if self.rows is None else self.rows.t()
        fits = self.patterns.dim() == 2 and self.index.shape[1:] == samples.shape[:1]
        if not (flat and fits):
            raise ValueError(
                "Inputs expects rest [batch, width], patterns [patterns, classes] and index"
                f" [variants, batch], got {tuple(self.rest.shape)}, {tuple(self.patterns.shape)}"
                f" and {tuple(self.index.shape)}: flatten the rest and give the index a leading"
                " axis of variants"
            )

    @property
    def variants(self) -> int:
        return self.index.shape[0]

    @property
    def unlabelled(self) -> bool:
        """Whether these are the samples themselves: one variant without a label part."""
        return self.variants == 1 and self.rows is None and not self.patterns.shape[1]

    @property
    def columns(self) -> slice:
        """The columns of the label part."""
        return slice(self.start, self.start + self.patterns.shape[1])

    @property
    def appended(self) -> bool:
        """Whether the label part comes after the rest, not over it."""
        return self.start == self.rest.shape[1]

    @property
    def label(self) -> Tensor:
        """Every variant's label pattern, written out [variants, batch, classes]."""
        return self.patterns[self.index]

    def dense(self) -> Tensor:
        """Every variant written out: [variants, batch, *shape]."""
        if self.rows is None:
            rest = self.rest.expand(self.variants, *self.rest.shape)
        else:
            rest = self.rest[self.rows]
        if not self.patterns.shape[1]:
            return rest.clone()
        if self.appended:
            return torch.cat([rest, self.label], 2)
        full = rest.clone()
        full[:, :, self.columns] = self.label
        return full

    def masked(self, mask: Tensor) -> Inputs:
        """The same variants with the rest multiplied by ``mask`` [batch, *shape]."""
        return replace(self, rest=self.rest * mask)

    def first(self, rows: int) -> Inputs:
        """The variants of the first ``rows`` samples."""
        return self.part(slice(rows))

    def part(self, rows: slice) -> Inputs:
        """The variants of some samples, the rest in the same memory."""
        if self.rows is None:
            return replace(self, rest=self.rest[rows], index=self.index[:, rows])
        return replace(self, index=self.index[:, rows], rows=self.rows[:, rows])


def unlabelled(samples: Tensor) -> Inputs:
    """Samples [batch, *shape] as one variant without a label part."""
    # Not len(samples): it would fix the batch size of an exported graph.
    index = torch.zeros(1, samples.shape[0], dtype=torch.long, device=samples.device)
    return Inputs(samples, samples.new_zeros(1, 0), index)


Samples = Tensor | Inputs  # raw samples, or inputs made from them, whose rest is then shared


def floating(x: Tensor) -> Tensor:
    """The samples, unchanged; raises a ValueError if they are not floating-point numbers."""
    if not x.is_floating_point():
        raise ValueError(
            f"samples are expected as floating-point numbers, got {x.dtype}: scale them as the"
            " training data were scaled, for example x.float() / 255 for images"
        )
    return x


def check_lengths(x: Tensor, y: Tensor | None, weight: Tensor | None = None) -> None:
    """Reject labels [batch, ...] or weights [batch] that are not one for each sample."""
    for name, values in (("label", y), ("weight", weight)):
        if values is not None and values.shape[:1] != x.shape[:1]:
            raise ValueError(
                f"expected a {name} for each of the {len(x)} samples, got {name}s of shape"
                f" {list(values.shape)}: pass as many {name}s as samples"
            )


def check_classes(examples: Examples) -> None:
    """Reject a number of classes that is no whole number."""
    if not isinstance(count := examples.num_classes, Integral):
        raise ValueError(
            f"{type(examples).__name__} expects a whole number of classes, got {count!r}: such as"
            " num_classes=10"
        )


ScoreSource = Literal["nothing", "softmax", "goodness", "first layer"]


def check_scores(examples: Examples) -> None:
    """Reject examples whose ``scores`` are not one of `ScoreSource`.

    Raises:
        ValueError: Another name, which would otherwise train as if it were "goodness".
    """
    if examples.scores not in get_args(ScoreSource):
        raise ValueError(
            f"{examples!r} expects scores to be one of {', '.join(get_args(ScoreSource))}, got"
            f" {examples.scores!r}: correct the name in the class of its negatives"
        )


class Examples(Protocol):
    """How a batch becomes positive and negative data.

    ``labelled`` says whether goodness can be read as a label: because the label is in the input, or
    because the layers answer for every class;
    ``scores`` names what the negatives are drawn from: see `WrongLabels`.
    """

    @property
    def labelled(self) -> bool: ...

    @property
    def num_classes(self) -> int: ...

    @property
    def scores(self) -> ScoreSource: ...

    def hard_rows(self, batch: int) -> int:
        """Number of a batch's first rows that need scores."""

    def width(self, features: int) -> int:
        """Width of the network's input for samples with ``features`` values."""

    def positive(self, x: Samples, y: Tensor | None, rng: torch.Generator | None = None) -> Inputs:
        """The samples with their true labels; a generator is passed in training."""

    def negative(
        self, x: Samples, y: Tensor | None, rng: torch.Generator, scores: Tensor | None = None
    ) -> Inputs: ...

    def neutral(self, x: Samples) -> Inputs: ...

    def candidates(self, x: Samples) -> Inputs: ...

    def decide(self, scores: Tensor) -> Tensor:
        """Labels [...] from the scores of the candidates, or of a head [..., candidates]."""


def stack(positive: Inputs, negative: Inputs) -> Inputs | Tensor:
    """Positives and negatives as one batch of variants, positives first.

    Args:
        positive: One variant.
        negative: One or more variants of the same samples.

    Returns:
        `Inputs` if both have the same rest, so that the first layer can share its product; else
        the dense tensor [variants * batch, *shape].
    """
    if positive.rest is not negative.rest:
        return torch.cat([positive.dense(), negative.dense()]).flatten(0, 1)
    rows = None
    if negative.rows is not None:
        own = torch.arange(len(positive.rest), device=positive.rest.device)
        rows = torch.cat([own[None], negative.rows])
    if positive.patterns is negative.patterns:
        return replace(positive, index=torch.cat([positive.index, negative.index]), rows=rows)
    patterns = torch.cat([positive.patterns, negative.patterns])
    index = torch.cat([positive.index, negative.index + len(positive.patterns)])
    return replace(positive, patterns=patterns, index=index, rows=rows)

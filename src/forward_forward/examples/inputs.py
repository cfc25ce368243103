"""What example makers return: a shared part [batch, *shape], labels [variants, batch, classes].

Positive, negative, neutral and candidate inputs of a sample differ in the label part alone, so the
rest is kept once: the first layer's product with it serves every variant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Inputs:
    """Variants of a batch that differ only in their label part.

    Args:
        rest: Inputs [batch, *shape], the label part zeroed; flat [batch, width] where there is one.
        label: Label patterns [variants, batch, classes]; ``classes`` is 0 where there is none.
        start: Column at which the label part begins.

    Raises:
        ValueError: The shapes do not fit each other.

    >>> one = Inputs(torch.tensor([[0.0, 0.0, 7.0]]), torch.tensor([[[1.0, 0.0]]]), start=0)
    >>> one.dense()
    tensor([[[1., 0., 7.]]])
    """

    rest: Tensor
    label: Tensor
    start: int = 0

    def __post_init__(self) -> None:
        flat = self.rest.dim() == 2 or self.label.shape[-1] == 0
        if self.label.dim() != 3 or self.label.shape[1] != len(self.rest) or not flat:
            raise ValueError(
                "Inputs expects rest [batch, width] and label [variants, batch, classes], got "
                f"{tuple(self.rest.shape)} and {tuple(self.label.shape)}: flatten the rest and "
                "give the label a leading axis of variants"
            )

    @property
    def variants(self) -> int:
        return self.label.shape[0]

    @property
    def columns(self) -> slice:
        """The columns of the label part."""
        return slice(self.start, self.start + self.label.shape[2])

    def dense(self) -> Tensor:
        """Every variant written out: [variants, batch, *shape]."""
        full = self.rest.repeat(self.variants, *(1,) * self.rest.dim())
        if self.label.shape[2]:
            full[:, :, self.columns] = self.label
        return full

    def masked(self, mask: Tensor) -> Inputs:
        """The same variants with the rest multiplied by ``mask`` [batch, *shape]."""
        return replace(self, rest=self.rest * mask)

    def first(self, rows: int) -> Inputs:
        """The variants of the first ``rows`` samples."""
        return replace(self, rest=self.rest[:rows], label=self.label[:, :rows])


Samples = Tensor | Inputs  # raw samples, or inputs made of them before: their rest is then shared


def floating(x: Tensor) -> Tensor:
    """The samples themselves, refused where they are no floating-point numbers."""
    if not x.is_floating_point():
        raise ValueError(
            f"samples are expected as floating-point numbers, got {x.dtype}: scale them as the"
            " training data were, for example x.float() / 255 for pictures"
        )
    return x


class Examples(Protocol):
    """How a batch becomes positive and negative data.

    ``labelled`` says whether the label is in the input, so that goodness can be read as a label;
    ``scores`` names what the negatives are drawn from ("nothing", "softmax" or "goodness").
    """

    @property
    def labelled(self) -> bool: ...

    @property
    def num_classes(self) -> int: ...

    @property
    def scores(self) -> str: ...

    def hard_rows(self, batch: int) -> int:
        """How many of a batch's first rows need scores."""
        ...

    def width(self, features: int) -> int:
        """Width of the network's input for samples of ``features`` values."""
        ...

    def positive(self, x: Samples, y: Tensor | None) -> Inputs: ...

    def negative(
        self, x: Samples, y: Tensor | None, rng: torch.Generator, scores: Tensor | None = None
    ) -> Inputs: ...

    def neutral(self, x: Samples) -> Inputs: ...

    def candidates(self, x: Samples) -> Inputs: ...


def stack(positive: Inputs, negative: Inputs) -> Inputs | Tensor:
    """Positives and negatives as one batch of variants, positives first.

    Args:
        positive: One variant.
        negative: One or more variants of the same samples.

    Returns:
        `Inputs` where both share one rest, so that the first layer can; else the dense tensor
        [variants * batch, *shape].
    """
    if positive.rest is negative.rest:
        return replace(positive, label=torch.cat([positive.label, negative.label]))
    return torch.cat([positive.dense(), negative.dense()]).flatten(0, 1)

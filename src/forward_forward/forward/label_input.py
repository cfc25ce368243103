"""Flat samples with an appended label [batch, features + classes] -> the input of a block."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Way = Literal["appended", "channels", "embedding"]


class LabelInput(nn.Module):
    """Separates a sample from its label and combines them in a form that suits a block.

    Args:
        shape: Shape of one sample.
        classes: Number of labels.
        way: "appended" to the values of a flat sample; as constant "channels" of an image, one per
            label; or as a learned "embedding" that is added to the sample.
        before: Applied to the sample before the label is added; None leaves it unchanged.
        embedded: Shape of the embedding, that of the prepared sample; only for "embedding".

    Raises:
        ValueError: "embedding" without ``embedded``, or ``embedded`` without "embedding".

    >>> label_input = LabelInput((1, 2, 2), classes=3, way="channels")
    >>> label_input(torch.tensor([[1.0, 2.0, 3.0, 4.0, 0.0, 9.0, 0.0]]))[0, :3]
    tensor([[[1., 2.],
             [3., 4.]],
    <BLANKLINE>
            [[0., 0.],
             [0., 0.]],
    <BLANKLINE>
            [[9., 9.],
             [9., 9.]]])
    """

    embedding: nn.Parameter | None

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        way: Way,
        before: nn.Module | None = None,
        embedded: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        if (way == "embedding") != (embedded is not None):
            raise ValueError(
                'LabelInput expects embedded=(...) with way="embedding", and only then, got'
                f" embedded={embedded} with way={way!r}"
            )
        self.shape = shape
        self.classes = classes
        self.way = way
        self.before = before
        self.embedded = embedded
        empty = None if embedded is None else nn.Parameter(torch.zeros(classes, *embedded))
        self.register_parameter("embedding", empty)

    @torch.no_grad()
    def draw(self, rng: torch.Generator) -> None:
        """Draw the embeddings of the labels [classes, *embedded], if there are any."""
        if self.embedding is not None:
            self.embedding.normal_(0, 1 / math.sqrt(self.classes), generator=rng)

    def extra_repr(self) -> str:
        return f"{self.shape}, classes={self.classes}, way={self.way!r}, embedded={self.embedded}"

    def forward(self, x: Tensor) -> Tensor:
        features = math.prod(self.shape)
        sample, label = x[:, :features].view(-1, *self.shape), x[:, features:]
        if self.before is not None:
            sample = self.before(sample)
        if self.way == "appended":
            return torch.cat([sample.flatten(1), label], 1)
        if self.way == "channels":
            planes = label.view(*label.shape, *(1,) * (sample.dim() - 2))
            return torch.cat([sample, planes.expand(*label.shape, *sample.shape[2:])], 1)
        assert self.embedding is not None  # by the constructor
        return sample + (label @ self.embedding.flatten(1)).view_as(sample)

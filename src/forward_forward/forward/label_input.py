"""Flat samples with a label behind them [batch, features + classes] -> what a block reads."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

Way = Literal["appended", "channels", "embedding"]


class LabelInput(nn.Module):
    """Takes a sample and its label apart, and lets the label enter in a way that suits a block.

    Args:
        shape: One sample's shape.
        classes: How many labels there are.
        way: "appended" to the values of a flat sample; as constant "channels", one a label, of a
            picture; or as a learned "embedding", added to the sample.
        before: What prepares the sample before the label enters; None leaves it as it is.
        embedded: Shape of what is embedded: the prepared sample's, where the way is "embedding".

    Raises:
        ValueError: An embedding has no shape, or there is a shape and no embedding.

    >>> entrance = LabelInput((1, 2, 2), classes=3, way="channels")
    >>> entrance(torch.tensor([[1.0, 2.0, 3.0, 4.0, 0.0, 9.0, 0.0]]))[0, :3]
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
                'an entrance expects embedded=(...), and only by "embedding", got'
                f" embedded={embedded} by {way!r}"
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

    def arguments(self) -> dict[str, Any]:
        """What it is made with, to be written down."""
        names = ("shape", "classes", "way", "before", "embedded")
        return {name: getattr(self, name) for name in names}

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

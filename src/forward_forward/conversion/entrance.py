"""Flat samples with a label behind them [batch, features + classes] -> what a block reads."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Way = Literal["appended", "channels", "embedding"]


class Entrance(nn.Module):
    """Takes a sample and its label apart, and lets the label enter in a way that suits a block.

    Args:
        shape: One sample's shape.
        classes: How many labels there are.
        way: "appended" to the values of a flat sample; as constant "channels", one a label, of a
            picture; or as a learned "embedding", added to the sample.
        before: What prepares the sample before the label enters; None leaves it as it is.

    >>> entrance = Entrance((1, 2, 2), classes=3, way="channels")
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
        self, shape: tuple[int, ...], classes: int, way: Way, before: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.shape = shape
        self.classes = classes
        self.way = way
        self.before = before
        self.register_parameter("embedding", None)

    def embed(self, shape: tuple[int, ...], rng: torch.Generator) -> None:
        """Draw embeddings of a shape, one a label: [classes, *shape]."""
        drawn = torch.randn(self.classes, *shape, generator=rng) / math.sqrt(self.classes)
        self.embedding = nn.Parameter(drawn)

    def extra_repr(self) -> str:
        return f"{self.shape}, classes={self.classes}, way={self.way!r}"

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
        if self.embedding is None:
            raise ValueError(
                'an entrance by "embedding" expects embeddings: draw them with embed()'
            )
        return sample + (label @ self.embedding.flatten(1)).view_as(sample)

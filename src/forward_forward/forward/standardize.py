"""Samples [batch, *shape] -> values with mean 0 and deviation 1 over the training data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from forward_forward.data import Source


class Standardize(nn.Module):
    """Subtract each input's mean and divide by its deviation; both are saved with the weights.

    For data whose columns have different units: a layer normalises whole rows, so the column with
    the largest numbers would outweigh all others.

    Args:
        features: Values per sample.

    >>> standardize = Standardize(2)
    >>> standardize.measure([torch.tensor([[1.0, 5.0], [3.0, 5.0]])])
    >>> standardize(torch.tensor([[3.0, 6.0]]))
    tensor([[1., 1.]])
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def extra_repr(self) -> str:
        return str(self.features)

    @classmethod
    def of(cls, train: Source) -> Standardize:
        """A standardisation measured in one pass over training data.

        Args:
            train: The data.
        """
        made = cls(math.prod(train.shape))
        made.measure(batch.x for batch in train.batches(train.batch_size))
        return made

    @torch.no_grad()
    def measure(self, batches: Iterable[Tensor]) -> None:
        """Compute means and deviations of samples; a constant value keeps its scale.

        Args:
            batches: Batches of samples, each [batch, *shape].

        References:
            Chan, Golub and LeVeque (1979), for the sums of several batches.
        """
        count = 0
        mean = squares = torch.zeros(self.features, dtype=torch.float64)
        for x in batches:
            rows = x.flatten(1).cpu().double()
            count += len(rows)
            step = rows.mean(0) - mean
            mean = mean + step * len(rows) / count
            squares = squares + (rows - rows.mean(0)).square().sum(0)
            squares = squares + step.square() * len(rows) * (count - len(rows)) / count
        deviation = (squares / count).sqrt()
        self.mean.copy_(mean)
        # Values that differ only by rounding are constant too.
        self.deviation.copy_(torch.where(deviation > 1e-7 * mean.abs(), deviation, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        rows: Tensor = (x.flatten(1) - self.mean) / self.deviation
        return rows.view_as(x)

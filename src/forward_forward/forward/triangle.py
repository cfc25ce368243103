"""Totals [rows, channels, ...] -> activities: what exceeds the mean over the channels."""

from __future__ import annotations

from torch import Tensor, nn


class Triangle(nn.Module):
    """``relu(z - mean over the channels)``: a unit is active if it exceeds the mean unit.

    The mean is over the units of a row [rows, units], or over the channels at each position of a
    map [rows, channels, ...].

    References:
        Coates, Ng and Lee (AISTATS 2011); Chen et al. (2025), arXiv 2409.11593, who measure the
        goodness before it and pass its output on: here it is measured on its output.

    >>> import torch
    >>> Triangle()(torch.tensor([[0.0, 1.0, 5.0]]))
    tensor([[0., 0., 3.]])
    """

    def forward(self, z: Tensor) -> Tensor:
        return (z - z.mean(1, keepdim=True)).relu()

"""Modules of published methods that torch lacks: inputs [batch, *feature] -> [batch, *feature]."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["BinaryLinear", "BinarySign", "RootMeanSquarePool"]


def _binary(values: Tensor, scale: Tensor) -> Tensor:
    """Signs times a scale; the gradient passes as if the values were unchanged, up to the scale."""
    signs = torch.where(values >= 0, scale, -scale)
    return values + (signs - values).detach()


class BinaryLinear(nn.Module):
    """A linear layer that multiplies by the signs of its weights, times their mean absolute value.

    The weights learn by the straight-through gradient: that of the signs. In this way small steps
    add up until a sign changes.

    Args:
        in_features: Width of its input.
        out_features: Units.

    References:
        Rastegari et al. (2016), arXiv 1603.05279; TinyFoA (AAAI 2025).

    >>> layer = BinaryLinear(2, 1)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -1.5]]))
    >>> layer(torch.tensor([[2.0, 1.0]])).tolist()
    [[1.0]]
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.zeros(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))

    @torch.no_grad()
    def draw(self, rng: torch.Generator) -> None:
        """Draw normal weights of variance 1 / inputs; biases are 0."""
        self.weight.normal_(0, 1 / math.sqrt(self.in_features), generator=rng)
        self.bias.zero_()

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"

    def forward(self, x: Tensor) -> Tensor:
        weight = _binary(self.weight, self.weight.detach().abs().mean())
        return functional.linear(x.flatten(1), weight, self.bias)


class BinarySign(nn.Module):
    """The sign of each value; its gradient is that of a clamp to -1 and 1.

    References:
        Hubara et al. (2016), arXiv 1602.02830.

    >>> BinarySign()(torch.tensor([0.3, -2.0])).tolist()
    [1.0, -1.0]
    """

    def forward(self, z: Tensor) -> Tensor:
        return _binary(z.clamp(-1, 1), torch.ones((), dtype=z.dtype, device=z.device))


class RootMeanSquarePool(nn.Module):
    """The root of the mean square of each window: pooling that keeps energy.

    Args:
        kernel_size: Side of the windows.
        eps: Added to the mean square, since the root's slope at 0 is infinite.

    References:
        ASGE, arXiv 2509.12394.

    >>> RootMeanSquarePool(2, eps=0)(torch.tensor([[[[1.0, 7.0], [5.0, 5.0]]]])).item()
    5.0
    """

    def __init__(self, kernel_size: int, eps: float = 1e-8) -> None:
        super().__init__()
        self.kernel_size, self.eps = kernel_size, eps

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, eps={self.eps}"

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = functional.avg_pool2d(x.square(), self.kernel_size)
        return (pooled + self.eps).sqrt()

"""Activities [batch, *feature] -> goodness [batch]: how strongly a layer responds to each sample.

A goodness is any callable. One with a hand-written ``slope`` spares the engine an autograd call;
the slope of any other is computed by autograd (`slope_of`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from forward_forward.fast_paths import ModuleConstant, fast_path
from forward_forward.radial import Euclidean, Negated, radial_of

__all__ = ["Minimised", "PNorm", "l2_norm", "max_norm", "mean_square", "sum_of_squares"]

Goodness = Callable[[Tensor], Tensor]


class HasSlope(Protocol):
    """A goodness with a vector-Jacobian product of its own."""

    def __call__(self, h: Tensor) -> Tensor: ...

    def slope(self, h: Tensor, upstream: Tensor) -> Tensor: ...


def slope_of(goodness: Goodness, h: Tensor, upstream: Tensor) -> Tensor:
    """Gradient of ``(upstream * goodness(h)).sum()`` with respect to the activities.

    Args:
        goodness: Any goodness; its own ``slope`` is used if it has one, autograd otherwise.
        h: Activities [batch, *feature].
        upstream: Slope of the loss with respect to the goodness [batch].

    Returns:
        Tensor of the shape of ``h``.
    """
    by_hand = fast_path(goodness, HasSlope)
    if by_hand is not None:
        return by_hand.slope(h, upstream)
    with torch.enable_grad():
        leaf = h.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(goodness(leaf), leaf, upstream)
    return gradient


@torch.no_grad()
def at_unit_activity(goodness: Goodness, h: Tensor) -> float:
    """Goodness of a layer whose units are all at 1: the threshold ``"width"``.

    For the sum of squares it is the number of units (Hinton's threshold), for the L2 norm the root
    of that number, and for the mean square 1.

    Args:
        goodness: The goodness.
        h: Any activities of the layer [batch, *feature]; only their shape and type are used.
    """
    return float(goodness(torch.ones_like(h[:1])).mean())


def _spread(upstream: Tensor, h: Tensor) -> Tensor:
    """Give ``upstream`` [batch] the trailing axes of ``h``."""
    return upstream.reshape(-1, *(1,) * (h.dim() - 1))


def length_of(h: Tensor) -> Tensor:
    """L2 norm of each row's activities [batch], in one pass over them."""
    length: Tensor = torch.linalg.vector_norm(h.flatten(1), dim=1)
    return length


def _power(base: Tensor, exponent: float) -> Tensor:
    """``base ** exponent``, for small whole exponents by products, which are far faster."""
    if exponent > 8 or exponent != int(exponent):
        return base.pow(exponent)
    result, square, left = None, base, int(exponent)
    while left:
        if left % 2:
            result = square if result is None else result * square
        left //= 2
        square = square * square if left else square
    return torch.ones_like(base) if result is None else result


class _SumOfSquares(ModuleConstant):
    """Sum of squared activities, ``g = sum_j h_j^2``: Hinton's goodness.

    Activities [batch, *feature] -> goodness [batch], in squared units of activity.

    References:
        Hinton (2022), arXiv 2212.13345, section 2, equation 1.

    >>> sum_of_squares(torch.tensor([[3.0, 4.0]]))
    tensor([25.])
    """

    name = "sum_of_squares"

    def __call__(self, h: Tensor) -> Tensor:
        return length_of(h).square()

    def slope(self, h: Tensor, upstream: Tensor) -> Tensor:
        return h * _spread(2 * upstream, h)

    def of_length(self, length: Tensor, width: int) -> Tensor:
        return length.square()

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        return 2 * upstream


class _MeanSquare(ModuleConstant):
    """Mean squared activity, ``g = mean_j h_j^2``: the sum of squares, independent of the width.

    Activities [batch, *feature] -> goodness [batch], in squared units of activity.

    References:
        Hinton (2022), arXiv 2212.13345, section 2, equation 1, divided by the number of units.

    >>> mean_square(torch.tensor([[3.0, 4.0]]))
    tensor([12.5000])
    """

    name = "mean_square"

    def __call__(self, h: Tensor) -> Tensor:
        return self.of_length(length_of(h), h.shape[1:].numel())

    def slope(self, h: Tensor, upstream: Tensor) -> Tensor:
        return h * _spread(2 / h[0].numel() * upstream, h)

    def of_length(self, length: Tensor, width: int) -> Tensor:
        return length.square() / width

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        return 2 / width * upstream


@dataclass(frozen=True)
class PNorm:
    """The p-norm, ``g = (sum_j |h_j|^p)^(1/p)``, or ``max_j |h_j|`` at infinity.

    Each row is first scaled by its largest activity, so that no power overflows or underflows. The
    slope is 0 if all activities are 0; at p = infinity it is split equally between tied units.

    Args:
        p: The power, at least 1; ``math.inf`` for the largest activity.

    Returns:
        Called on activities [batch, *feature]: goodness [batch], in units of activity.

    Raises:
        ValueError: ``p`` is below 1.

    References:
        The poster's Figure 9 (higher power L-norms); p = 2 is its method.

    >>> PNorm(p=1)(torch.tensor([[3.0, -4.0]]))
    tensor([7.])
    """

    p: float = 2.0

    def __post_init__(self) -> None:
        if not self.p >= 1:
            raise ValueError(f"PNorm expects p >= 1 (or math.inf), got p={self.p}: use p=1 or more")

    def __call__(self, h: Tensor) -> Tensor:
        size = h.flatten(1).abs()
        if math.isinf(self.p):
            return size.amax(1)
        largest = size.detach().amax(1)
        silent = largest == 0
        total = _power(size / largest.masked_fill(silent, 1)[:, None], self.p).sum(1)
        # A root has an infinite slope at 0: silent rows get a constant, and so the slope 0.
        return largest * total.masked_fill(silent, 1).pow(1 / self.p)

    def slope(self, h: Tensor, upstream: Tensor) -> Tensor:
        if math.isinf(self.p):
            return self._slope_of_largest(h, upstream)
        goodness = self(h)
        # Divided before the slope comes in: one over a tiny goodness would overflow.
        relative = h / _spread(goodness.masked_fill(goodness == 0, 1), h)
        if self.p == 2:
            return relative * _spread(upstream, h)
        return h.sign() * _power(relative.abs(), self.p - 1) * _spread(upstream, h)

    def fast_paths(self) -> Euclidean | None:
        return Euclidean() if self.p == 2 else None

    def _slope_of_largest(self, h: Tensor, upstream: Tensor) -> Tensor:
        size = h.abs()
        ties = size == _spread(size.flatten(1).amax(1), h)
        each = upstream / ties.flatten(1).sum(1)
        return h.sign() * ties * _spread(each, h)


sum_of_squares = _SumOfSquares()
mean_square = _MeanSquare()


@dataclass(frozen=True)
class Minimised:
    """A goodness with its sign reversed, ``-g``: the layer is then quiet for positive data.

    Training, inference and the threshold all use the negated value, so "minimise on positives"
    needs no other change.

    Args:
        goodness: The goodness to minimise on positive data.

    Returns:
        Called on activities [batch, *feature]: ``-goodness(h)`` [batch].

    References:
        Hinton (2022), arXiv 2212.13345, section on CIFAR-10 ("FF min ssq").

    >>> Minimised(sum_of_squares)(torch.tensor([[3.0, 4.0]]))
    tensor([-25.])
    """

    goodness: Goodness = mean_square

    def __call__(self, h: Tensor) -> Tensor:
        return -self.goodness(h)

    def slope(self, h: Tensor, upstream: Tensor) -> Tensor:
        return slope_of(self.goodness, h, -upstream)

    def fast_paths(self) -> Negated | None:
        radial = radial_of(self.goodness)
        return None if radial is None else Negated(radial)


l2_norm = PNorm(2.0)
max_norm = PNorm(math.inf)

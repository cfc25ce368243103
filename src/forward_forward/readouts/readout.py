"""What read-outs share: activities [batch, *feature] -> values [batch, units] -> all classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from forward_forward.fast_paths import fast_path


class HasReadoutSlopes(Protocol):
    """A read-out whose slopes have a closed form."""

    def __call__(self, h: Tensor) -> Tensor: ...

    def slope(self, h: Tensor, upstream: Tensor, out: Tensor | None = None) -> Tensor:
        """Gradient of ``(upstream * goodness(h)).sum()`` with respect to the activities.

        ``out`` is memory of the shape of ``h`` for the result.
        """

    def weight_gradients(self, h: Tensor, upstream: Tensor) -> list[Tensor]:
        """The same with respect to each of its own parameters, in their order."""


class Readout(nn.Module, ABC):
    """A goodness that answers for every class.

    The activities of maps and of tokens are averaged over the positions first: ``units`` is then
    the number of channels, on the axis after the batch or on the last one.

    Args:
        num_classes: Number of classes.
        units: Values of one sample's activities, or their channels; None for those of the layer it
            is given to.
        grid: Side of the grid of averages that maps [batch, channels, height, width] are pooled to.

    Raises:
        ValueError: Fewer than two classes, no units, or no grid.
    """

    weight: Tensor | None  # [classes, units * grid^2]; None in a template

    def __init__(self, num_classes: int, units: int | None = None, grid: int = 1) -> None:
        super().__init__()
        if num_classes < 2 or (units is not None and units < 1) or grid < 1:
            raise ValueError(
                f"{type(self).__name__} expects at least 2 classes, 1 unit and a grid of 1, got"
                f" num_classes={num_classes}, units={units} and grid={grid}"
            )
        self.num_classes, self.units, self.grid = num_classes, units, grid

    @abstractmethod
    def sized(self, units: int, *, maps: bool = True) -> Self:
        """A new read-out with the same settings for layers of so many units or channels.

        Of activities that are no ``maps`` the grid is 1.
        """

    def forward(self, h: Tensor) -> Tensor:
        """Goodness [batch, classes] of activities [batch, *feature]."""
        values = self._values(h)
        assert self.weight is not None  # it has units
        # Few rows times many are faster than the reverse, and a loss of all classes reads the
        # result class by class.
        return (self.weight @ values.t()).t()

    def slope(self, h: Tensor, upstream: Tensor, out: Tensor | None = None) -> Tensor:
        """See `HasReadoutSlopes`."""
        assert self.weight is not None
        if h.dim() == 2:
            by_values = torch.mm(upstream, self.weight.detach(), out=out)
            return self._through_values(by_values, h)
        with torch.enable_grad():
            leaf = h.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self(leaf), leaf, upstream)
        return gradient

    def weight_gradients(self, h: Tensor, upstream: Tensor) -> list[Tensor]:
        """See `HasReadoutSlopes`."""
        return []

    def extra_repr(self) -> str:
        grid = f", grid={self.grid}" if self.grid > 1 else ""
        return f"num_classes={self.num_classes}, units={self.units}{grid}"

    def _through_values(self, slope: Tensor, h: Tensor) -> Tensor:
        """The slope at activities [batch, units], from that to what the weights multiply."""
        return slope

    def _values(self, h: Tensor) -> Tensor:
        """What the weights multiply [batch, units * grid^2]."""
        values = _pooled(h, self.units, self.grid)
        if self.weight is None or values.shape[1] != self.weight.shape[1]:
            name, got = type(self).__name__, list(h.shape[1:])
            if self.units is None:
                raise ValueError(
                    f"{name} has no units yet, got activities of {got} per sample: give it to a"
                    f" Layer, or create it with units={h.shape[1]}"
                )
            raise ValueError(
                f"{name} expects {self.units} units or channels, pooled to a grid of {self.grid},"
                f" got activities of {got} per sample: create it with units={h.shape[1]} (and"
                " grid=1 unless they are maps)"
            )
        return values


def _pooled(h: Tensor, units: int | None, grid: int) -> Tensor:
    """Activities [batch, *feature] averaged over positions, one row for each sample."""
    if h.dim() == 2 or h.shape[1:].numel() == units:
        return h.flatten(1)
    if h.shape[1] == units and h.dim() == 4:
        averages: Tensor = nn.functional.adaptive_avg_pool2d(h, grid)
        return averages.flatten(1)
    if h.shape[1] != units and h.shape[-1] == units:
        h = h.movedim(-1, 1)
    return h.flatten(2).mean(2)


def slopes_of(goodness: object) -> HasReadoutSlopes | None:
    """A read-out with the closed form of its slopes; None for any other goodness."""
    return fast_path(goodness, HasReadoutSlopes)


def fitted(goodness: Any, block: nn.Module) -> Any:
    """A goodness for a layer: of a template, a read-out of the width of the layer's block.

    The template itself if the width cannot be read from the block.
    """
    if not isinstance(goodness, Readout) or goodness.units is not None:
        return goodness
    channels, features = (getattr(block, f"out_{name}", None) for name in ("channels", "features"))
    width = channels or features
    return goodness if width is None else goodness.sized(width, maps=channels is not None)

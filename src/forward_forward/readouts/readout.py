"""What read-outs share: activities [batch, *feature] -> values [batch, units] -> all classes."""

from __future__ import annotations

import copy
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
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
        squared: Whether to read the squares of the activities; the averages are then mean squares.

    Raises:
        ValueError: Fewer than two classes, no units, or no grid.
    """

    weight: Tensor | None  # [classes, units * grid^2]; None in a template

    def __init__(
        self, num_classes: int, units: int | None = None, grid: int = 1, squared: bool = False
    ) -> None:
        super().__init__()
        if num_classes < 2 or (units is not None and units < 1) or grid < 1:
            raise ValueError(
                f"{type(self).__name__} expects at least 2 classes, 1 unit and a grid of 1, got"
                f" num_classes={num_classes}, units={units} and grid={grid}"
            )
        self.num_classes, self.units, self.grid, self.squared = num_classes, units, grid, squared

    @abstractmethod
    def sized(self, units: int) -> Self:
        """A new read-out with the same settings for layers of so many units."""

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
            return by_values.mul_(h).mul_(2) if self.squared else by_values
        with torch.enable_grad():
            leaf = h.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self(leaf), leaf, upstream)
        return gradient

    def weight_gradients(self, h: Tensor, upstream: Tensor) -> list[Tensor]:
        """See `HasReadoutSlopes`."""
        return []

    def extra_repr(self) -> str:
        grid = f", grid={self.grid}" if self.grid > 1 else ""
        squared = ", squared=True" if self.squared else ""
        return f"num_classes={self.num_classes}, units={self.units}{grid}{squared}"

    def follow(
        self,
        h: Tensor,
        labels: Tensor,
        sample_weight: Tensor,
        add: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Update what is not learned by gradients, after a step: here nothing.

        Args:
            h: Activities of the step [batch, *feature].
            labels: True labels [batch].
            sample_weight: Each sample's weight in the mean loss [batch].
            add: Sums values over the other shards of the batch, if this is one.
        """

    def _values(self, h: Tensor) -> Tensor:
        """What the weights multiply [batch, units * grid^2]."""
        values = pooled(h.square() if self.squared else h, self.units, self.grid)
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
        return values.to(self.weight.dtype)  # maps may come in bfloat16


def pooled(h: Tensor, units: int | None, grid: int = 1) -> Tensor:
    """Activities [batch, *feature] averaged over positions, one row for each sample.

    >>> pooled(torch.ones(2, 3, 4, 4), units=3, grid=2).shape
    torch.Size([2, 12])
    """
    if h.dim() == 4 and h.shape[1] == units and h.shape[1:].numel() != units:
        return averages(h, grid).flatten(1)
    return h if h.dim() == 2 else by_channel(h, units).mean(2)


def averages(h: Tensor, grid: int) -> Tensor:
    """Maps [batch, channels, height, width] averaged in the cells of a grid, ``grid`` a side."""
    height, width = h.shape[2:]
    if height % grid or width % grid:
        return nn.functional.adaptive_avg_pool2d(h, grid)
    # The same averages, and on a CPU several times as fast in the backward direction.
    if h.requires_grad and h.device.type == "cpu":
        found: Tensor = _Averages.apply(h, grid)  # type: ignore[no-untyped-call]
        return found
    return nn.functional.avg_pool2d(h, (height // grid, width // grid))


class _Averages(torch.autograd.Function):
    """Averages of maps in the cells of a grid; the slope is a copy, in the layout of the maps."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, grid: int) -> Tensor:
        cell = ctx.cell = h.shape[2] // grid, h.shape[3] // grid
        ctx.last = h.is_contiguous(memory_format=torch.channels_last)
        return nn.functional.avg_pool2d(h, cell)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        height, width = ctx.cell
        slope = slopes[0] / (height * width)
        if ctx.last:
            slope = slope.movedim(1, 3)
        rows = 1 if ctx.last else 2
        for axis, count in ((rows, height), (rows + 2, width)):
            slope = slope.unsqueeze(axis + 1)
            slope = slope.expand(*slope.shape[: axis + 1], count, *slope.shape[axis + 2 :])
        slope = slope.flatten(rows, rows + 1).flatten(rows + 1, rows + 2)
        # Also where a cell is one pixel: kernels that read two layouts are many times slower.
        return slope.contiguous().movedim(3, 1) if ctx.last else slope, None


def by_channel(h: Tensor, units: int | None) -> Tensor:
    """Activities [batch, *feature] as [batch, channels, positions]; vectors have one position.

    Channels are on the axis after the batch or, if only that one has so many units, on the last.
    """
    if h.dim() == 2 or h.shape[1:].numel() == units:
        return h.flatten(1)[:, :, None]
    if h.shape[1] != units and h.shape[-1] == units:
        h = h.movedim(-1, 1)
    return h.flatten(2)


def unit_rows(rows: Tensor) -> Tensor:
    """Rows [n, width] of length 1; a row of zeros stays one, and its slope is finite."""
    length: Tensor = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    return rows / length.masked_fill(length == 0, 1)


def is_readout(part: object) -> bool:
    """Whether it is a read-out's class, perhaps with some arguments: ``functools.partial``."""
    kind = part.func if isinstance(part, functools.partial) else part
    return isinstance(kind, type) and issubclass(kind, Readout)


def of_classes(goodness: Any, num_classes: int) -> Any:
    """A goodness as it is; of a read-out's class, a template for so many classes."""
    return goodness(num_classes=num_classes) if is_readout(goodness) else goodness


def redrawn(part: Any, seed: int) -> Any:
    """A part of its size with other random weights; itself if none are drawn."""
    if not hasattr(part, "seed") or not hasattr(part, "sized") or part.units is None:
        return part
    template = copy.copy(part)
    template.seed = (part.seed + seed) % 2**63
    return template.sized(part.units)


def slopes_of(goodness: object) -> HasReadoutSlopes | None:
    """A read-out with the closed form of its slopes; None for any other goodness."""
    return fast_path(goodness, HasReadoutSlopes)


def fitted(part: Any, block: nn.Module) -> Any:
    """A part for a layer: of a template, one of the width of the layer's block.

    A template is a part whose ``units`` are None, with a method ``sized(units)``. It is returned
    itself if the width cannot be read from the block.
    """
    if getattr(part, "units", 0) is not None or not hasattr(part, "sized"):
        return part
    channels, features = (getattr(block, f"out_{name}", None) for name in ("channels", "features"))
    width = channels or features
    return part if width is None else of_units(part, width, maps=channels is not None)


def of_units(template: Any, units: int, *, maps: bool, side: int | None = None) -> Any:
    """The part of a template for so many units or channels; without ``maps`` its grid is 1.

    Of maps with a known ``side``, the grid is no finer than the map.
    """
    largest = 1 if not maps else side
    if largest is not None and getattr(template, "grid", 1) > largest:
        template = copy.copy(template)
        template.grid = largest
    return template.sized(units)

"""Activities [batch, *feature] -> goodness of every class [batch, classes], in a single pass.

A layer with such a goodness sees no label: the goodness of the true class is its positive, and
those of the other classes are its negatives. A read-out without ``units`` is a template; a layer
makes its own copy for its width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from forward_forward.fast_paths import fast_path

__all__ = ["ChannelGroups", "FixedReadout", "LinearReadout"]


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

    Args:
        num_classes: Number of classes.
        units: Values of one sample's activities; None for those of the layer it is given to.

    Raises:
        ValueError: Fewer than two classes, or no units.
    """

    weight: Tensor | None  # [classes, units]; None in a template

    def __init__(self, num_classes: int, units: int | None = None) -> None:
        super().__init__()
        if num_classes < 2 or (units is not None and units < 1):
            raise ValueError(
                f"{type(self).__name__} expects at least 2 classes and 1 unit, got"
                f" num_classes={num_classes} and units={units}"
            )
        self.num_classes, self.units = num_classes, units

    @abstractmethod
    def sized(self, units: int) -> Self:
        """A new read-out with the same settings for layers of so many units."""

    def forward(self, h: Tensor) -> Tensor:
        """Goodness [batch, classes] of activities [batch, *feature]."""
        values = self._values(h)
        assert self.weight is not None  # it has units
        return values @ self.weight.t()

    def slope(self, h: Tensor, upstream: Tensor, out: Tensor | None = None) -> Tensor:
        """See `HasReadoutSlopes`."""
        assert self.weight is not None
        # With several positions per channel the product is smaller than the result.
        fits = out is not None and h.shape[1:].numel() == self.weight.shape[1]
        memory = out.view(len(h), -1) if out is not None and fits else None
        return self._through_values(torch.mm(upstream, self.weight.detach(), out=memory), h)

    def weight_gradients(self, h: Tensor, upstream: Tensor) -> list[Tensor]:
        """See `HasReadoutSlopes`."""
        return []

    def extra_repr(self) -> str:
        return f"num_classes={self.num_classes}, units={self.units}"

    def _through_values(self, slope: Tensor, h: Tensor) -> Tensor:
        """The slope with respect to the activities, from that to what the weights multiply."""
        return slope.view_as(h)

    def _values(self, h: Tensor) -> Tensor:
        """What the weights multiply [batch, units]."""
        rows = h.flatten(1)
        if rows.shape[1] != self.units:
            fix = "give the read-out to a Layer with a linear block" if self.units is None else ""
            raise ValueError(
                f"{type(self).__name__} expects {self.units} activities per sample, got"
                f" {rows.shape[1]}: {fix or f'create it with units={rows.shape[1]}'}"
            )
        return rows


class LinearReadout(Readout):
    """Learned weights from the activities to the classes, ``g = R h``; they start at 0.

    With `losses.CrossEntropy` a layer learns to classify by its own linear classifier.

    Args:
        num_classes: Number of classes.
        units: Values of one sample's activities; None for those of the layer it is given to.

    References:
        Mono-Forward, arXiv 2501.09238; the prediction loss of Nøkland and Eidnes (2019), arXiv
        1901.06656.

    >>> LinearReadout(num_classes=3, units=2)(torch.ones(1, 2)).tolist()
    [[0.0, 0.0, 0.0]]
    """

    def __init__(self, num_classes: int, units: int | None = None) -> None:
        super().__init__(num_classes, units)
        empty = None if units is None else nn.Parameter(torch.zeros(num_classes, units))
        self.register_parameter("weight", empty)

    def sized(self, units: int) -> LinearReadout:
        return LinearReadout(self.num_classes, units)

    def weight_gradients(self, h: Tensor, upstream: Tensor) -> list[Tensor]:
        return [upstream.t() @ h.flatten(1)]


class FixedReadout(Readout):
    """Random weights from the activities to the classes that are never trained, ``g = R h``.

    Weights are normal with variance 2 / units, drawn from the seed.

    Args:
        num_classes: Number of classes.
        units: Values of one sample's activities; None for those of the layer it is given to.
        seed: Seed of the weights.

    References:
        TinyFoA (AAAI 2025) and ASGE, arXiv 2509.12394, which read goodness by such weights.

    >>> FixedReadout(num_classes=3, units=2)(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """

    def __init__(self, num_classes: int, units: int | None = None, seed: int = 0) -> None:
        super().__init__(num_classes, units)
        self.seed = seed
        drawn = None
        if units is not None:
            rng = torch.Generator().manual_seed(seed)
            drawn = torch.randn(num_classes, units, generator=rng) * (2 / units) ** 0.5
        self.register_buffer("weight", drawn)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, seed={self.seed}"

    def sized(self, units: int) -> FixedReadout:
        return FixedReadout(self.num_classes, units, self.seed)


class ChannelGroups(Readout):
    """The mean, or mean square, of the channels that belong to each class.

    The channels (the units of a linear layer) are divided, in order, into one group per class; the
    sizes of the groups differ by one at most.

    Args:
        num_classes: Number of classes.
        units: Channels; None for those of the layer it is given to.
        squared: Whether to average the squares of the activities.

    Raises:
        ValueError: Fewer channels than classes.

    References:
        CwComp (AAAI 2024), which averages squares; DeeperForward (ICLR 2025), which averages
        activities.

    >>> ChannelGroups(num_classes=2, units=4)(torch.tensor([[1.0, 3.0, 0.0, 8.0]]))
    tensor([[2., 4.]])
    """

    def __init__(self, num_classes: int, units: int | None = None, squared: bool = False) -> None:
        super().__init__(num_classes, units)
        self.squared = squared
        averages = None
        if units is not None:
            if units < num_classes:
                raise ValueError(
                    f"ChannelGroups expects at least one channel per class, got {units} channels"
                    f" for {num_classes} classes: use a wider layer"
                )
            group = torch.arange(units) * num_classes // units
            members = nn.functional.one_hot(group, num_classes).t().float()
            averages = members / members.sum(1, keepdim=True)
        self.register_buffer("weight", averages, persistent=False)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, squared={self.squared}"

    def sized(self, units: int) -> ChannelGroups:
        return ChannelGroups(self.num_classes, units, self.squared)

    def _through_values(self, slope: Tensor, h: Tensor) -> Tensor:
        if h.dim() > 2:
            slope = (slope / h.shape[2:].numel()).view(*h.shape[:2], *(1,) * (h.dim() - 2))
            slope = slope.expand_as(h).clone()
        return slope.mul_(h).mul_(2) if self.squared else slope

    def _values(self, h: Tensor) -> Tensor:
        """Each channel's mean, or mean square, over the positions."""
        values = h.square() if self.squared else h
        return super()._values(values if h.dim() == 2 else values.flatten(2).mean(2))


def slopes_of(goodness: object) -> HasReadoutSlopes | None:
    """A read-out with the closed form of its slopes; None for any other goodness."""
    return fast_path(goodness, HasReadoutSlopes)


def fitted(goodness: Any, block: nn.Module) -> Any:
    """A goodness for a layer: of a template, a read-out of the width of the layer's block."""
    if not isinstance(goodness, Readout) or goodness.units is not None:
        return goodness
    width = getattr(block, "out_features", None) or getattr(block, "out_channels", None)
    if width is None:
        raise ValueError(
            f"the activities of {type(block).__name__} have an unknown width: create the read-out"
            f" with it, {type(goodness).__name__}(num_classes={goodness.num_classes}, units=...)"
        )
    return goodness.sized(width)

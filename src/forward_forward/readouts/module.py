"""Activities [batch, *feature] -> goodness of every class, by modules such as a model's own end."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forward_forward.readouts.readout import HasReadoutSlopes, Readout


class ModuleReadout(Readout):
    """The scores that a module gives the classes: the end of a model that has become layers.

    Args:
        module: Activities [batch, *feature] -> [batch, classes].
        num_classes: Number of classes.

    >>> ModuleReadout(nn.Linear(4, 3), num_classes=3)(torch.ones(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, module: nn.Module, num_classes: int) -> None:
        super().__init__(num_classes, units=1)  # no template: it has its size
        self.module = module

    def sized(self, units: int) -> ModuleReadout:
        return self

    def fast_paths(self) -> HasReadoutSlopes | None:
        """Slopes in closed form, of a linear layer alone."""
        return LinearSlopes(self.module) if type(self.module) is nn.Linear else None

    def forward(self, h: Tensor) -> Tensor:
        """Goodness [batch, classes] of activities [batch, *feature]."""
        weight = next(self.module.parameters(), h)
        scores: Tensor = self.module(h.to(weight.dtype))  # maps may come in bfloat16
        return scores

    def extra_repr(self) -> str:
        return f"num_classes={self.num_classes}"


class LinearSlopes:
    """The slopes of a linear layer with biases or without.

    Args:
        linear: The layer.
    """

    def __init__(self, linear: nn.Linear) -> None:
        self.linear = linear

    def __call__(self, h: Tensor) -> Tensor:
        scores: Tensor = self.linear(h)
        return scores

    def slope(self, h: Tensor, upstream: Tensor, out: Tensor | None = None) -> Tensor:
        """See `HasReadoutSlopes`."""
        return torch.mm(upstream, self.linear.weight.detach(), out=out)

    def weight_gradients(self, h: Tensor, upstream: Tensor) -> list[Tensor]:
        """See `HasReadoutSlopes`."""
        found = [upstream.t() @ h]
        return found if self.linear.bias is None else [*found, upstream.sum(0)]

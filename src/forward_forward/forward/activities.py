"""Totals [rows, *feature] -> activities, by a fused activation; their lengths, computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forward_forward.goodness import length_of


class Activities:
    """A layer's activities and, on demand, the length of each row.

    Both a radial goodness and the normalisation of the next layer use the length.

    Args:
        h: Activities [rows, *feature].
        length: Their lengths [rows], if known.
        added: What a residual layer adds to them for the next layer [rows, *feature], or None.

    >>> import torch
    >>> Activities(torch.tensor([[3.0, 4.0]])).length
    tensor([5.])
    """

    def __init__(
        self, h: Tensor, length: Tensor | None = None, *, added: Tensor | None = None
    ) -> None:
        self.h = h
        self._length = length
        self.added = added

    @property
    def length(self) -> Tensor:
        """L2 norm of each row [rows], computed at first use, while the buffer of ``h`` is valid."""
        if self._length is None:
            self._length = length_of(self.h)
        return self._length

    @property
    def onward(self) -> Activities:
        """What the next layer reads.

        Raises:
            ValueError: The layer is residual, and its input has another shape.
        """
        if self.added is None:
            return self
        if self.added.shape != self.h.shape:
            raise ValueError(
                "a residual layer adds its input to its activities, so it expects an output of its"
                f" input's shape, got {list(self.added.shape[1:])} and {list(self.h.shape[1:])} of"
                " a sample: leave residual=False"
            )
        return Activities(self.h + self.added)


class FusedActivation(NamedTuple):
    """An activation whose slope is computed from its own output.

    ``in_place`` replaces totals [rows, units] by activities; ``slope`` maps the slope with respect
    to the activities, and the activities, to the slope with respect to the totals. ``gates``: the
    slope passes unchanged where the activity is not 0, so a slope proportional to the activity is
    unchanged. ``positive``: no activity is below 0.
    """

    in_place: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]
    gates: bool
    positive: bool

    def slope_in_place(self, slope: Tensor, h: Tensor) -> Tensor:
        """The same as ``slope``, where possible in the memory of its argument."""
        if self.slope is not _relu_slope:
            return self.slope(slope, h)
        return torch.ops.aten.threshold_backward.grad_input(slope, h, 0, grad_input=slope)  # type: ignore[no-any-return]


def _unchanged(z: Tensor) -> Tensor:
    return z


def _relu_slope(slope: Tensor, h: Tensor) -> Tensor:
    gated: Tensor = torch.ops.aten.threshold_backward(slope, h, 0)
    return gated


_tanh_slope, _sigmoid_slope = torch.ops.aten.tanh_backward, torch.ops.aten.sigmoid_backward

_FUSED: dict[type | None, FusedActivation] = {
    nn.ReLU: FusedActivation(torch.relu_, _relu_slope, gates=True, positive=True),
    nn.Tanh: FusedActivation(torch.tanh_, _tanh_slope, gates=False, positive=False),
    nn.Sigmoid: FusedActivation(torch.sigmoid_, _sigmoid_slope, gates=False, positive=True),
    nn.Identity: FusedActivation(_unchanged, lambda slope, h: slope, gates=True, positive=False),
}


def fused_activation(activation: nn.Module | None) -> FusedActivation | None:
    """The fused form of an activation; None if its slope is left to autograd.

    >>> fused_activation(nn.ReLU()).in_place(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return _FUSED.get(type(activation))

"""A layer's activation -> what the engine knows of it: the same in place, and its slope."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class FusedActivation(NamedTuple):
    """An activation whose slope is found from its own output.

    ``of`` turns totals [rows, units] into activities, ``in_place`` does so in the same memory;
    ``slope`` takes the slope from above and the activities to the slope with respect to the totals;
    ``gates`` says that it only lets a slope pass where the activity is not 0, so that a slope in
    proportion to the activity passes as it is; ``positive`` that no activity is below 0.
    """

    of: Callable[[Tensor], Tensor]
    in_place: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]
    gates: bool
    positive: bool


def _unchanged(z: Tensor) -> Tensor:
    return z


def _relu_slope(slope: Tensor, h: Tensor) -> Tensor:
    gated: Tensor = torch.ops.aten.threshold_backward(slope, h, 0)
    return gated


_tanh_slope, _sigmoid_slope = torch.ops.aten.tanh_backward, torch.ops.aten.sigmoid_backward

_KNOWN: dict[type | None, FusedActivation] = {
    nn.ReLU: FusedActivation(torch.relu, torch.relu_, _relu_slope, gates=True, positive=True),
    nn.Tanh: FusedActivation(torch.tanh, torch.tanh_, _tanh_slope, gates=False, positive=False),
    nn.Sigmoid: FusedActivation(
        torch.sigmoid, torch.sigmoid_, _sigmoid_slope, gates=False, positive=True
    ),
    nn.Identity: FusedActivation(
        _unchanged, _unchanged, lambda slope, h: slope, gates=True, positive=False
    ),
}


def fused_activation(activation: nn.Module | None) -> FusedActivation | None:
    """What is known of an activation; None where its slope is left to autograd.

    >>> fused_activation(nn.ReLU()).in_place(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return _KNOWN.get(type(activation))

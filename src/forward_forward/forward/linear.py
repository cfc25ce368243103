"""Sizes and a generator -> a linear layer whose weights are drawn from it."""

from __future__ import annotations

import math

import torch
from torch import nn


def drawn_linear(
    inputs: int,
    units: int,
    rng: torch.Generator,
    *,
    fan_in: int | None = None,
    bias: bool = True,
) -> nn.Linear:
    """A linear layer with normal weights of variance ``1 / fan_in`` and biases 0.

    Torch's global random state is left alone.

    Args:
        inputs: Width of its input.
        units: Width of its output.
        rng: Where the weights are drawn from.
        fan_in: All inputs of its units, where other layers feed them too; None for ``inputs``.
        bias: Whether it has biases.

    References:
        Hinton (2022), ``ffnew.m``.

    >>> drawn_linear(3, 2, torch.Generator().manual_seed(0)).bias.tolist()
    [0.0, 0.0]
    """
    linear: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, inputs, units, bias=bias
    )
    with torch.no_grad():
        linear.weight.normal_(0, 1 / math.sqrt(fan_in or inputs), generator=rng)
        if bias:
            linear.bias.zero_()
    return linear

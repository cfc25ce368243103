"""A linear layer or a convolution -> the same with additional inputs, for the label."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from forward_forward.notation import constructor_arguments


def widened(module: nn.Module, more: int, rng: torch.Generator) -> nn.Module:
    """A copy with ``more`` additional inputs, whose random weights are as large as the others.

    Args:
        module: A linear layer, or a convolution without groups.
        more: Number of additional inputs or channels.
        rng: Generator of their weights.

    Raises:
        TypeError: The module is of another kind.

    >>> wide = widened(nn.Linear(4, 3), 2, torch.Generator())
    >>> wide.weight.shape
    torch.Size([3, 6])
    """
    grouped = isinstance(module, _ConvNd) and (module.groups != 1 or module.transposed)
    arguments = constructor_arguments(module)
    if not isinstance(module, nn.Linear | _ConvNd) or grouped or arguments is None:
        raise TypeError(f"a label cannot be among the inputs of a {type(module).__name__}")
    arguments["in_features" if isinstance(module, nn.Linear) else "in_channels"] += more
    made: nn.Module = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        type(module), **arguments, dtype=module.weight.dtype
    )
    weights = {**module.state_dict(), "weight": _with_more(module.weight.detach(), more, rng)}
    made.load_state_dict(weights)
    return made


def _with_more(weight: Tensor, more: int, rng: torch.Generator) -> Tensor:
    shape = weight.shape[0], more, *weight.shape[2:]
    drawn = torch.randn(shape, generator=rng, dtype=weight.dtype)
    return torch.cat([weight, drawn * weight.square().mean().sqrt()], 1)

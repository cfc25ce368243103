"""A PyTorch model -> a copy to build layers from, the shape of its input, or an error."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence

from torch import nn

from forward_forward.conversion.modules import ModelPart


def copy_of(model: nn.Sequential) -> nn.Sequential:
    """A copy on the CPU in float32, from which layers are built."""
    try:
        return copy.deepcopy(model).cpu().float()
    except RuntimeError as error:
        raise ValueError(
            "convert works on a copy of the model, and torch cannot copy this one: if a module uses"
            " torch.nn.utils.weight_norm, use that of torch.nn.utils.parametrizations"
        ) from error


def input_shape_of(
    parts: Sequence[ModelPart], given: int | Sequence[int] | None
) -> tuple[int, ...]:
    """Shape of one sample, as given or as a first linear layer expects it."""
    if given is not None:
        return (given,) if isinstance(given, int) else tuple(int(side) for side in given)
    core = next((part.module for part in parts if part.kind == "weights"), None)
    if isinstance(core, nn.Linear) or core is None:
        return (1 if core is None else core.in_features,)
    raise ValueError(
        f"convert expects input_shape=(...), the shape of one sample, for a model that begins with"
        f" {type(core).__name__}: such as (1, 28, 28) for greyscale images"
    )


def check_shared(parts: Sequence[ModelPart]) -> None:
    """Raise a ValueError if two modules share weights: each layer updates its own."""
    for one, other in itertools.combinations(parts, 2):
        common = {id(weight) for weight in one.module.parameters()} & {
            id(weight) for weight in other.module.parameters()
        }
        if common:
            raise ValueError(
                f"{one.title} and {other.title} share weights, which two layers cannot both"
                " update: give each its own weights, or put both into one block"
            )


def work_out_of_place(module: nn.Module) -> None:
    """Make activations return new tensors: another layer may read their input."""
    for each in module.modules():
        if getattr(each, "inplace", False):
            each.inplace = False  # type: ignore[assignment]

"""A model of torch -> a copy to make layers of, its input's shape, and what stands against it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence

from torch import nn

from forward_forward.conversion.modules import ModelPart


def copy_of(model: nn.Sequential) -> nn.Sequential:
    """A copy on the CPU in float32, where layers are made."""
    try:
        return copy.deepcopy(model).cpu().float()
    except RuntimeError as error:
        raise ValueError(
            "convert works on a copy of the model, and torch cannot copy this one: if a part has"
            " torch.nn.utils.weight_norm, take that of torch.nn.utils.parametrizations"
        ) from error


def input_shape_of(
    parts: Sequence[ModelPart], given: int | Sequence[int] | None
) -> tuple[int, ...]:
    """One sample's shape, as given or as a first linear layer takes it."""
    if given is not None:
        return (given,) if isinstance(given, int) else tuple(int(side) for side in given)
    core = next((part.module for part in parts if part.kind == "weights"), None)
    if isinstance(core, nn.Linear) or core is None:
        return (1 if core is None else core.in_features,)
    raise ValueError(
        f"convert expects input_shape=(...), one sample's shape, where a model begins with a"
        f" {type(core).__name__}: such as (1, 28, 28) for grey pictures"
    )


def check_shared(parts: Sequence[ModelPart]) -> None:
    """Refuse weights that two parts have in common: each layer takes steps of its own."""
    for one, other in itertools.combinations(parts, 2):
        common = {id(weight) for weight in one.module.parameters()} & {
            id(weight) for weight in other.module.parameters()
        }
        if common:
            raise ValueError(
                f"{one.title} and {other.title} share weights, and two layers cannot both take"
                " steps with them: give each weights of its own, or put both into one block"
            )


def work_out_of_place(module: nn.Module) -> None:
    """Let activations give new tensors: another layer may read what goes into them."""
    for each in module.modules():
        if getattr(each, "inplace", False):
            each.inplace = False  # type: ignore[assignment]

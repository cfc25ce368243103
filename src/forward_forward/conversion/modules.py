"""A model -> its modules in the order they run, each with its role in a layer, or an error."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

from forward_forward.forward.check import NORMS, weight_layers
from forward_forward.forward.graph_block import GraphBlock
from forward_forward.forward.layer import evaluating

Kind = Literal["weights", "norm", "activation", "dropout", "shape"]

ENDS = (nn.Softmax, nn.LogSoftmax)  # these only turn a classifier's outputs into probabilities


@dataclass(frozen=True)
class ModelPart:
    """One module of a model.

    Args:
        name: Its name in the model, as in the keys of the state.
        module: The module itself.
        kind: Whether it has weights, normalises, is elementwise, drops values, or only changes the
            shape.
        affine: Whether its output is affine in its input.
    """

    name: str
    module: nn.Module
    kind: Kind
    affine: bool = False

    @property
    def title(self) -> str:
        """Its name and type, for messages."""
        return f"{self.name} {type(self.module).__name__}"

    @property
    def weight_layers(self) -> list[nn.Module]:
        """The modules inside with trainable weights, without norms."""
        return weight_layers(self.module)


def copy_of(model: nn.Module) -> nn.Module:
    """A copy on the CPU in float32, from which layers are built."""
    try:
        return copy.deepcopy(model).cpu().float()
    except RuntimeError as error:
        raise ValueError(
            "convert works on a copy of the model, and torch cannot copy this one: if a module uses"
            " torch.nn.utils.weight_norm, use that of torch.nn.utils.parametrizations"
        ) from error


def is_sequence(model: nn.Module) -> bool:
    """Whether a model's modules run one after the other, as in torch's own ``nn.Sequential``."""
    return isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward


def parts_of(model: nn.Module, before: str = "") -> Iterator[ModelPart]:
    """The modules of a sequence; a nested sequence is replaced by its modules."""
    for name, module in model._modules.items():  # named_children leaves out what comes twice
        if module is None:
            continue
        path = f"{before}{name}"
        if type(module) is nn.Sequential:
            yield from parts_of(module, f"{path}.")
        else:
            yield part_of(path, module)


def part_of(name: str, module: nn.Module) -> ModelPart:
    """A module with its role."""
    return ModelPart(name, module, _kind(module))


def _kind(module: nn.Module) -> Kind:
    if isinstance(module, NORMS):
        return "norm"
    if isinstance(module, _DropoutNd):
        return "dropout"
    if weight_layers(module):
        return "weights"
    of_torch = type(module).__module__ == "torch.nn.modules.activation"
    # Any other module without weights is assumed to prepare samples for the next layer.
    return "activation" if of_torch or _is_elementwise(module) else "shape"


@torch.no_grad()
def _is_elementwise(module: nn.Module) -> bool:
    """Whether each output depends only on the input at the same place, and differs from it."""
    x = torch.linspace(-2, 2, 24).view(2, 12)
    changed = x.clone()
    changed[0, 0] = 3.0
    try:
        with evaluating(module):
            y, z, turned = module(x.clone()), module(changed), module(x.flip(1).clone())
    except Exception:  # it expects another shape, as no activation does
        return False
    if not isinstance(y, Tensor) or y.shape != x.shape or torch.equal(y, x):
        return False
    y, z = y.flatten(), z.flatten()
    return torch.allclose(y[1:], z[1:]) and torch.allclose(y.view(2, 12).flip(1), turned)


@torch.no_grad()
def probed(model: nn.Module, parts: Sequence[ModelPart], samples: Tensor) -> list[ModelPart]:
    """The same modules, with ``affine`` found from their outputs.

    Args:
        model: The model; it is not changed.
        parts: Its modules.
        samples: A few samples [n, *shape].

    Raises:
        ValueError: The model does not accept samples of that shape.
    """
    with evaluating(model):
        seen = _seen(model, parts, samples)
        return [replace(each, affine=_is_affine(each, seen.get(each.module))) for each in parts]


def _seen(model: nn.Module, parts: Sequence[ModelPart], samples: Tensor) -> dict[nn.Module, Tensor]:
    """The input of each module, up to one that does not return a tensor."""
    seen: dict[nn.Module, Tensor] = {}

    def note(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        if not isinstance(given[0], Tensor):
            raise _NoTensorError
        seen[module] = given[0].clone()

    hooks = [part.module.register_forward_pre_hook(note) for part in parts]
    try:
        model(samples)
    except _NoTensorError:
        pass  # the error names the module when the layers are built
    except Exception as error:  # a user's module may raise anything
        last = next(each for each in reversed(parts) if each.module in seen)
        title = last.title.removesuffix(f" {GraphBlock.__name__}")  # the name of what it joins
        raise ValueError(
            f"the model does not accept samples of {list(samples.shape[1:])}: {title} reads"
            f" {list(seen[last.module].shape[1:])} per sample and raises {type(error).__name__}:"
            f" {error}. Correct the model, or the shape of one sample: image_shape of an estimator,"
            " input_shape of ff.convert"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    return seen


class _NoTensorError(Exception):
    """The input of a module is not a tensor."""


def _is_affine(part: ModelPart, x: Tensor | None) -> bool:
    if part.weight_layers and all(isinstance(each, nn.Embedding) for each in part.weight_layers):
        return True  # a look-up is a product with the symbol's unit vector
    if x is None:
        return type(part.module) is nn.Linear or isinstance(part.module, _ConvNd)
    if not torch.equal(x, x.round()):  # activities, not symbols
        # Of usual size and both signs at each place: in a model without training they differ little
        # between samples, and a ReLU does not change what is positive in all of them.
        x = (x - x.mean(0)) / x.std(0).clamp(min=1e-12)
    try:
        # Copies: some work in place.
        one, two = part.module(x.clone()), part.module(x.flip(0))
        both, none = part.module(x + x.flip(0)), part.module(torch.zeros_like(x))
        size = float((one - none).abs().max())
        return torch.allclose(one + two, both + none, rtol=1e-5, atol=1e-3 * size)
    except Exception:  # it does not return a tensor, as a recurrent layer
        return False


def takes_channels(module: nn.Module) -> bool:
    """Whether a module is a convolution over all input channels, with a weight of its own."""
    whole = isinstance(module, _ConvNd) and not module.transposed and module.groups == 1
    return whole and has_own_weight(module)


def has_own_weight(module: nn.Module) -> bool:
    """Whether a module's weight is a parameter, not computed from others as by ``weight_norm``."""
    return any(name == "weight" for name, _ in module.named_parameters(recurse=False))


def input_shape_of(
    parts: Sequence[ModelPart], given: int | Sequence[int] | None
) -> tuple[int, ...]:
    """Shape of one sample, as given or as a first linear layer expects it."""
    if given is not None:
        sides = [given] if isinstance(given, Integral) else given
        return tuple(int(side) for side in sides)  # type: ignore[union-attr]
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

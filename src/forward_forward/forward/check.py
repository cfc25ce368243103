"""A layer and an input [batch, *feature] -> a sentence for each problem of the layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from forward_forward.readouts import PositionReadout, Readout

SAME = 1e-3  # relative spread of goodness over samples below which it carries no information


class Checked(Protocol):
    """What a check reads of a `Layer`."""

    block: nn.Module
    activation: nn.Module | None
    goodness: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Any: ...

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def named_modules(
        self, *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Module]]: ...


def problems(layer: Checked, x: Tensor) -> list[str]:
    """What `Layer.check` returns for a layer in evaluation mode; nothing is changed.

    Raises:
        ValueError: ``x`` is empty or not a tensor.
    """
    if not isinstance(x, Tensor) or len(x) == 0:
        got = list(x.shape) if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise ValueError(f"check expects some samples [batch, *feature] as a tensor, got {got}")
    if not any(weight.requires_grad for weight in layer.parameters()):
        return [
            "it has no trainable weights: merge its block with one that has some, or remove the"
            " layer"
        ]
    return [*_of_weights(layer), *_of_modules(layer), *_of_output(layer, x)]


def shared(layers: Iterable[nn.Module]) -> dict[int, list[str]]:
    """Layers that share weights with a lower layer: problems by layer, counted from 0."""
    owner: dict[int, int] = {}
    found: dict[int, list[str]] = {}
    for number, layer in enumerate(layers):
        lower = {owner[id(weight)] for weight in layer.parameters() if id(weight) in owner}
        for other in sorted(lower):
            found.setdefault(number, []).append(
                f"it shares weights with layer {other + 1}: both update them, each for its own"
                " objective; give each layer its own weights"
            )
        owner |= {id(weight): number for weight in layer.parameters() if id(weight) not in owner}
    return found


def _of_weights(layer: Checked) -> Iterator[str]:
    holders = weight_layers(layer.block)
    if len(holders) > 1:
        yield (
            f"its block has {len(holders)} weight layers: inside, errors are backpropagated; for a"
            " local rule make each of them a layer"
        )
    uses = Counter(
        id(weight)
        for _, each in layer.named_modules(remove_duplicate=False)
        for weight in each.parameters(recurse=False)
    )
    if any(count > 1 for count in uses.values()):
        yield "modules inside share weights: their gradients are summed"
    if isinstance(layer.block, nn.Linear) and layer.activation is None:
        yield (
            "its block is linear and no activation follows: gradients have no closed form; pass"
            " the activation to Layer"
        )


def _of_modules(layer: Checked) -> Iterator[str]:
    for name, each in layer.named_modules():
        if getattr(each, "inplace", False):
            yield (
                f"{name or 'it'} ({type(each).__name__}) works in place, and may change what"
                " another layer reads: create it with inplace=False"
            )


def _of_output(layer: Checked, x: Tensor) -> Iterator[str]:
    before = x.clone()
    try:
        with torch.enable_grad():
            h = layer(x)
    except Exception as error:  # a user's block may raise anything
        yield f"for an input {list(x.shape)} it raises {type(error).__name__}: {error}"
        return
    if not torch.equal(before.nan_to_num(), x.nan_to_num()):
        yield "it changes its input, which another layer may read: return a new tensor instead"
    if not isinstance(h, Tensor) or h.shape[:1] != x.shape[:1]:
        got = list(h.shape) if isinstance(h, Tensor) else f"a {type(h).__name__}"
        yield f"it returns {got}: expected one tensor [{len(x)}, ...], a row for each sample"
        return
    if not h.requires_grad:
        yield "its output does not depend on its weights: is it detached somewhere?"
    yield from _of_goodness(layer, h.detach())


def _of_goodness(layer: Checked, h: Tensor) -> Iterator[str]:
    try:
        goodness = layer.goodness(h)
    except Exception as error:  # a user's goodness may raise anything
        yield f"its goodness raises {type(error).__name__} for {list(h.shape)}: {error}"
        return
    classes = (layer.goodness.num_classes,) if isinstance(layer.goodness, Readout) else ()
    positions = h.shape[1:2] if isinstance(layer.goodness, PositionReadout) else ()
    wanted = [len(h), *positions, *classes]
    if list(goodness.shape) != wanted:
        each = "one number per sample and class" if classes else "one number per sample"
        yield f"its goodness is {list(goodness.shape)}: expected {each} {wanted}"
    elif not bool(goodness.isfinite().all()):
        yield "its goodness is not finite: normalise its input, or use smaller weights"
    elif not bool(h.any()):
        yield "all its units are 0, so it has no gradient: use another initialisation or activation"
    elif (
        not classes and len(h) > 1 and float(goodness.std()) <= SAME * float(goodness.abs().mean())
    ):
        yield (
            "its goodness is the same for all samples, as after a norm: put an activation after the"
            " norm, or put the norm first"
        )


PARAMETRIZED = "parametrizations"  # where torch keeps what a weight is computed from

NORMS = (
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
    nn.RMSNorm,
)


def weight_layers(module: nn.Module) -> list[nn.Module]:
    """The modules inside, or the module itself, that have weights of their own to learn.

    Norms and the slopes of activations are left out: they only scale. A weight that is computed
    from others, as by ``weight_norm``, counts once, for the module that uses it.
    """
    scaling = (*NORMS, nn.PReLU)
    return [
        each
        for name, each in module.named_modules(remove_duplicate=False)  # used twice, it is two
        if PARAMETRIZED not in name.split(".")
        and any(weight.requires_grad for weight in _own_weights(each))
        and not isinstance(each, scaling)
    ]


def _own_weights(module: nn.Module) -> Iterator[nn.Parameter]:
    yield from module.parameters(recurse=False)
    made = getattr(module, PARAMETRIZED, None)
    if isinstance(made, nn.Module):
        yield from made.parameters()

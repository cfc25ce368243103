"""Inputs -> activities [variants * batch, *feature] of every layer, with its current weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities, fused_activation
from forward_forward.forward.affine import Affine, divisor_of
from forward_forward.forward.layer import Layer, evaluating
from forward_forward.forward.operands import operand_of, scaled_and_biased
from forward_forward.forward.workspace import Workspace
from forward_forward.goodness import length_of

# Rows of candidate inputs at a time: enough for full speed, few enough to stay in the caches.
ROWS = 2_000


def written_out(source: Inputs | Activities) -> Tensor:
    """The rows [variants * batch, *shape] of an input."""
    return source.onward.h if isinstance(source, Activities) else source.dense().flatten(0, 1)


def read_by(layer: Layer, source: Inputs | Activities) -> Tensor:
    """The rows [variants * batch, *shape] that a layer reads, copied only if it may change them."""
    if isinstance(source, Inputs) and source.unlabelled and _leaves_its_input(layer):
        return source.rest
    return written_out(source)


def _leaves_its_input(layer: Layer) -> bool:
    """Whether a layer begins with a convolution of torch's, which never works in place."""
    first = layer.block
    while type(first) is nn.Sequential and len(first):
        first = first[0]
    return layer.normalize is None and type(first) in (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def lowered(device: torch.device, products: torch.dtype | None) -> AbstractContextManager[object]:
    """A context in which modules multiply in a type, such as bfloat16; None for their own."""
    return nullcontext() if products is None else torch.autocast(device.type, products)


def added_by(layer: Layer, source: Inputs | Activities) -> Tensor | None:
    """What a residual layer adds to its activities, before their memory takes that of its input."""
    return layer.added(written_out(source)) if layer.residual else None


def as_source(x: Inputs | Tensor) -> Inputs | Activities:
    """Inputs as they are, and rows [rows, *shape] as `Activities`: what a layer reads."""
    if isinstance(x, Inputs):
        return x
    if not isinstance(x, Tensor) or x.dim() < 2:
        got = list(x.shape) if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise ValueError(f"expected a tensor [rows, ...], got {got}: a single row is x[None]")
    return Activities(x)


class ForwardPass:
    """Forward passes through a stack of layers, with the weights of when the passes began.

    The first layer's product with a batch is computed once for all label variants of that batch.

    Args:
        layers: The layers, lowest first.
        products: Type of the matrix products' operands, or None for the weights' own.
        workspace: Memory that all layers share, so that a layer's activities are valid until the
            next layer's are computed; by default each result gets memory of its own.
        blocks: Type of the products within blocks that are not linear; None for the weights' own.
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        products: torch.dtype | None = None,
        workspace: Workspace | None = None,
        blocks: torch.dtype | None = None,
    ) -> None:
        self.layers, self.blocks = list(layers), blocks
        self.affines = [
            None if layer.linear is None else Affine(layer, products, workspace, index)
            for index, layer in enumerate(self.layers)
        ]

    def begin(self) -> ForwardPass:
        """Begin passes with the current weights.

        Raises:
            ValueError: A layer's block was replaced.
        """
        for index, (layer, affine) in enumerate(zip(self.layers, self.affines, strict=True)):
            if layer.linear is not (None if affine is None else affine.linear):
                raise ValueError(
                    f"layer {index + 1} expected the block that it had when training began, got"
                    " another: its optimiser holds the old block's weights, so make a new Trainer"
                )
            if affine is not None:
                affine.begin()
        return self

    def share(self, inputs: Inputs) -> None:
        """Compute the first layer's product with these inputs' rest, for the passes that follow."""
        if self.affines and self.affines[0] is not None:
            self.affines[0].share(inputs)

    @torch.no_grad()
    def activities(self, source: Inputs | Activities, first: int = 0) -> Iterator[Activities]:
        """Activities of each layer in turn, blocks in evaluation mode.

        Args:
            source: Inputs, or the activities [rows, *shape] below layer ``first``.
            first: The layer to begin with.

        Yields:
            The layer's activities [rows, *feature]; in a workspace, valid until the next layer's.
        """
        for layer, affine in zip(self.layers[first:], self.affines[first:], strict=True):
            source = _activities(layer, affine, source, self.blocks)
            yield source


def rows_at_a_time(variants: int) -> int:
    """How many samples to compute at a time, each with so many variants: `ROWS` rows in all."""
    return max(1, int(ROWS // variants))  # an integer of NumPy is not one for torch


@torch.no_grad()
def variants_goodness(forward: ForwardPass, inputs: Inputs) -> Tensor:
    """Goodness of every label in every layer of a pass [layers, batch, labels]."""
    activities = forward.activities(inputs)
    pairs = zip(forward.layers, activities, strict=True)
    return torch.stack([layer.table(each, inputs.variants) for layer, each in pairs])


@torch.no_grad()
def class_goodness(layers: Iterable[Layer], x: Tensor, blocks: torch.dtype | None = None) -> Tensor:
    """Goodness of every class in every layer [layers, batch, classes], where each answers for all.

    There are no variants that could share a product, so a `ForwardPass` would only add to the time:
    on small inputs most of it is in calls.

    Args:
        layers: Layers that answer for every class, lowest first.
        x: The first one's input [batch, *shape].
        blocks: See `ForwardPass`.
    """
    rated = []
    for layer in layers:
        h, added = _output(layer, x, blocks), layer.added(x)
        rated.append(layer.goodness(h))
        x = h if added is None else Activities(h, added=added).onward.h
    return torch.stack(rated)


def _output(layer: Layer, x: Tensor, blocks: torch.dtype | None) -> Tensor:
    """A layer's activities [batch, *feature] in memory of their own."""
    linear, fused, normalize = layer.linear, fused_activation(layer.activation), layer.normalize
    if linear is None or fused is None or isinstance(normalize, nn.Module):
        with evaluating(layer), lowered(x.device, blocks if linear is None else None):
            return layer(x)  # type: ignore[no-any-return]
    divisor = divisor_of(normalize)
    if divisor is None:
        return fused.in_place(functional.linear(layer.rows(x), linear.weight, linear.bias))
    x = x.flatten(1).to(linear.weight.dtype)
    layer.check_width(x.shape[1])
    factor = divisor(length_of(x), x.shape[1]).reciprocal()
    z = functional.linear(x, linear.weight)
    return fused.in_place(scaled_and_biased(z, factor, linear.bias, out=z))


def _activities(
    layer: Layer,
    affine: Affine | None,
    source: Inputs | Activities,
    blocks: torch.dtype | None,
) -> Activities:
    added = added_by(layer, source)
    # Entering evaluation mode takes longer than a small kernel: skip it if nothing has a mode.
    if affine is not None and affine.activation is not None and not affine.has_mode:
        h = affine.activation.in_place(operand_of(affine, source).totals())
        return Activities(h, added=added)
    with evaluating(layer):
        if affine is not None:
            return Activities(layer.activate(operand_of(affine, source).totals()), added=added)
        x = read_by(layer, source)
        with lowered(x.device, blocks):
            return Activities(layer(x), added=added)

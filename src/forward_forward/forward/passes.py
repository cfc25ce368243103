"""Inputs -> activities [variants * batch, *feature] of every layer, with its present weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from forward_forward.examples import Inputs
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode for a while; each part then gets its own mode back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def written_out(source: Inputs | Tensor) -> Tensor:
    """The rows [variants * batch, *shape] of an input."""
    return source if isinstance(source, Tensor) else source.dense().flatten(0, 1)


class ForwardPass:
    """Forward passes through a row of layers, all with the weights of this moment.

    The first layer's product with a batch is computed once for all label variants of that batch.

    Args:
        layers: The layers, lowest first.
        products: Type of the matrix products' operands, or None for the weights' own.
    """

    def __init__(self, layers: Iterable[Layer], products: torch.dtype | None = None) -> None:
        self.layers = list(layers)
        self.affines = [_affine(layer, products) for layer in self.layers]

    def share(self, inputs: Inputs) -> None:
        """Compute the first layer's product with these inputs' rest, for the passes that follow."""
        if self.affines and self.affines[0] is not None:
            self.affines[0].share(inputs)

    @torch.no_grad()
    def activities(self, source: Inputs | Tensor, first: int = 0) -> Iterator[Tensor]:
        """Activities of each layer in turn, blocks in evaluation mode.

        Args:
            source: Inputs, or rows [rows, *shape], of layer ``first``.
            first: The layer to begin with.

        Yields:
            The layer's activities [rows, *feature].
        """
        for layer, affine in zip(self.layers[first:], self.affines[first:], strict=True):
            source = _activities(layer, affine, source)
            yield source


def _activities(layer: Layer, affine: Affine | None, source: Inputs | Tensor) -> Tensor:
    with evaluating(layer):
        if affine is not None:
            return layer.activate(affine.operand(source).totals())
        h: Tensor = layer(written_out(source))
        return h


def _affine(layer: Layer, products: torch.dtype | None) -> Affine | None:
    if layer.linear is None:
        return None
    return Affine(layer, products or layer.linear.weight.dtype)

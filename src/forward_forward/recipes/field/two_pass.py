"""Methods that show a layer the label: positives and negatives are compared."""

from __future__ import annotations

import functools
from collections.abc import Callable

from forward_forward.examples import AppendLabel, Uniform
from forward_forward.forward import Layer, Network, mlp
from forward_forward.goodness import mean_square
from forward_forward.losses import SymBa
from forward_forward.recipes.field.method import method
from forward_forward.recipes.field.networks import Blocks
from forward_forward.recipes.standard import strength_for


@method(network="mlp", hidden=(500, 500, 500), lr=3e-3)
def symba(blocks: Blocks, *, alpha: float = 4.0) -> Network:
    """SymBa: pairs of a positive and a negative, ``softplus(-alpha (pos - neg))``; no threshold.

    References:
        Lee and Song (2023), arXiv 2303.08418.
    """
    return labelled_mlp(blocks, functools.partial(Layer, goodness=mean_square, loss=SymBa(alpha)))


def labelled_mlp(blocks: Blocks, layer: Callable[..., Layer]) -> Network:
    """Linear layers whose input has the label appended; the first one is not read."""
    values = blocks.inputs[0]
    return mlp(
        values,
        *blocks.widths,
        num_classes=blocks.classes,
        seed=blocks.seed,
        examples=AppendLabel(blocks.classes, strength=strength_for(values), negatives=Uniform()),
        layer=layer,
        readout=(min(1, len(blocks) - 1), len(blocks)),
    )

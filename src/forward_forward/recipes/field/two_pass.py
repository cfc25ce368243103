"""Methods that show a layer the label: positives and negatives are compared."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import nn

from forward_forward import seeds
from forward_forward.examples import AppendLabel, Uniform
from forward_forward.forward import LabelInput, Layer, Network, mlp
from forward_forward.goodness import mean_square
from forward_forward.losses import SymBa, log_sigmoid
from forward_forward.recipes.field.method import method
from forward_forward.recipes.field.networks import Blocks
from forward_forward.recipes.standard import strength_for


@method(network="mlp", hidden=(500, 500, 500), lr=3e-3)
def symba(blocks: Blocks, *, alpha: float = 4.0) -> Network:
    """SymBa: pairs of a positive and a negative, ``softplus(-alpha (pos - neg))``; no threshold.

    References:
        Lee and Song (2023), arXiv 2303.08418.
    """
    layer = functools.partial(Layer, goodness=mean_square, loss=SymBa(alpha))
    return labelled_mlp(blocks, layer, blocks.upper)


@method(network="mlp", hidden=(500, 500, 500), lr=1e-3, collaboration="all")
def layer_collaboration(blocks: Blocks) -> Network:
    """Layer Collaboration: the other layers' goodness is a constant in each layer's loss.

    What is compared with the threshold is the sum over all layers, from which labels are read, too.

    References:
        Lorberbom et al. (AAAI 2024), arXiv 2305.12393.
    """
    layer = functools.partial(
        Layer,
        goodness=mean_square,
        loss=log_sigmoid,
        threshold="width",
        threshold_factor=len(blocks),
        temperature=0.2,
    )
    return labelled_mlp(blocks, layer, (0, len(blocks)))


def labelled_mlp(blocks: Blocks, layer: Callable[..., Layer], readout: tuple[int, int]) -> Network:
    """Linear layers whose input has the label appended."""
    values = blocks.inputs[0]
    return mlp(
        values,
        *blocks.widths,
        num_classes=blocks.classes,
        seed=blocks.seed,
        examples=AppendLabel(blocks.classes, strength=strength_for(values), negatives=Uniform()),
        layer=layer,
        readout=readout,
    )


@method(lr=1e-3, optimizer=torch.optim.Adam, order="overlapping")
def trifecta(blocks: Blocks, *, alpha: float = 4.0) -> Network:
    """The Trifecta: the loss of SymBa, batch normalisation, pairs of layers trained together.

    Errors cross from a layer to the one below it: it is local to pairs of layers.

    References:
        Dooms et al. (2023), arXiv 2311.18130.
    """
    layers = []
    for index, inputs in enumerate(blocks.inputs):
        label = 0 if index else 1 if blocks.maps else blocks.classes
        block = nn.Sequential(
            *([_label_as_channel(blocks)] if blocks.maps and not index else []),
            *blocks.pool(index),
            blocks.batch_norm(inputs + label),
            blocks.weights(index, label=label),
        )
        layers.append(Layer(block, goodness=mean_square, loss=SymBa(alpha), normalize=None))
    examples = AppendLabel(blocks.classes, negatives=Uniform())
    return Network(*layers, examples=examples, readout=blocks.last)


def _label_as_channel(blocks: Blocks) -> LabelInput:
    """A learned picture of each label, added to the sample and to an empty channel beside it."""
    channels, height, width = blocks.shape
    made = LabelInput(
        (channels, height, width),
        blocks.classes,
        "embedding",
        before=nn.ConstantPad3d((0, 0, 0, 0, 0, 1), 0.0),
        embedded=(channels + 1, height, width),
    )
    made.draw(seeds.generator(blocks.seed, "label"))
    return made

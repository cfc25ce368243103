"""Methods for convolutions, each of which answers for every class by itself."""

from __future__ import annotations

import torch
from torch import nn

from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, Network
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import ChannelGroups
from forward_forward.recipes.field.method import method
from forward_forward.recipes.field.networks import Blocks


@method(lr=1e-2, optimizer=torch.optim.Adam)
def cwcomp(blocks: Blocks) -> Network:
    """CwComp: the mean square of each class's channels after batch norm, cross-entropy.

    Every second convolution keeps the classes' groups of channels apart (CFSE).

    References:
        Papachristodoulou et al. (AAAI 2024), arXiv 2312.12668.
    """
    layers = []
    for index, units in enumerate(blocks.widths):
        weights = blocks.weights(index, groups=blocks.classes if index % 2 else 1)
        after = [nn.ReLU(), *blocks.pool(index + 1), blocks.batch_norm(index)]
        goodness = ChannelGroups(blocks.classes, units, squared=True)
        block = blocks.block(index, weights, *after)
        layers.append(Layer(block, None, goodness=goodness, loss=CrossEntropy(), normalize=None))
    return Network(*layers, examples=NoLabel(blocks.classes))

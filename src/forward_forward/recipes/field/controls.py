"""Controls on the same networks: backprop, and random layers with trained read-outs."""

from __future__ import annotations

from torch import nn

from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, Network
from forward_forward.losses import CrossEntropy
from forward_forward.recipes.field.method import method
from forward_forward.recipes.field.networks import Blocks, stages


@method(lr=3e-3)
def backprop(blocks: Blocks) -> Network:
    """Backprop from end to end, as one layer whose block is the whole network: not local."""
    whole = nn.Sequential(*[nn.Sequential(each, nn.ReLU()) for each in stages(blocks)])
    goodness = blocks.linear_readout(len(blocks) - 1)
    layer = Layer(whole, None, goodness=goodness, loss=CrossEntropy(), normalize=None)
    return Network(layer, examples=NoLabel(blocks.classes))


@method(lr=3e-3, order="together")
def deep_supervision(blocks: Blocks) -> Network:
    """Backprop with a loss at each layer, which reaches all layers below it: not local."""
    return Network(*_read_layers(blocks), examples=NoLabel(blocks.classes), readout=blocks.last)


@method(lr=3e-3)
def random_features(blocks: Blocks) -> Network:
    """Random layers that never learn, each with a trained read-out: what read-outs do alone."""
    layers = _read_layers(blocks)
    for layer in layers:
        layer.block.requires_grad_(False)
    return Network(*layers, examples=NoLabel(blocks.classes))


def _read_layers(blocks: Blocks) -> list[Layer]:
    """Layers with batch normalisation, a linear read-out and cross-entropy."""
    return [
        Layer(block, goodness=blocks.linear_readout(index), loss=CrossEntropy(), normalize=None)
        for index, block in enumerate(stages(blocks))
    ]

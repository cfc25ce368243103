"""Methods for convolutions, each of which answers for every class by itself."""

from __future__ import annotations

import torch
from torch import nn

from forward_forward import seeds
from forward_forward.examples import NoLabel
from forward_forward.forward import ClassGroupNorm, Layer, Network
from forward_forward.forward.blocks import RootMeanSquarePool
from forward_forward.losses import CrossEntropy, NPairMargin
from forward_forward.readouts import Centroids, ChannelGroups, FixedReadout
from forward_forward.recipes.field.method import method
from forward_forward.recipes.field.networks import GRID, WHOLE, Blocks, stages
from forward_forward.terms import SimilarityMatching, SupervisedContrast, Term


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
        after = [nn.ReLU(), *blocks.pool(index + 1), blocks.batch_norm(units)]
        goodness = ChannelGroups(blocks.classes, units, squared=True)
        block = blocks.block(index, weights, *after)
        layers.append(Layer(block, None, goodness=goodness, loss=CrossEntropy(), normalize=None))
    return Network(*layers, examples=NoLabel(blocks.classes), readout=blocks.upper)


@method(lr=8e-2)
def deeper_forward(blocks: Blocks) -> Network:
    """DeeperForward: the mean of each class's channels, which are normalised for the next layer.

    References:
        Sun et al. (ICLR 2025), the network TinyCNN.
    """
    layers = [class_groups(blocks, index) for index in range(len(blocks))]
    return Network(*layers, examples=NoLabel(blocks.classes), readout=blocks.upper)


@method(lr=4e-2)
def hcl_ff(blocks: Blocks) -> Network:
    """HCL-FF without its hierarchy: `deeper_forward` and a supervised contrastive loss.

    References:
        HCL-FF (CVPR 2026), arXiv 2605.24797.
    """
    layers = []
    for index, units in enumerate(blocks.widths):
        contrast = SupervisedContrast(
            units=units,
            temperature=(0.8, 0.1),
            grid=(4 if units <= 100 else 2) if blocks.maps else 1,
            normalize=ClassGroupNorm(blocks.classes),
            seed=seeds.number(blocks.seed, "contrast", index),
        )
        layers.append(class_groups(blocks, index, contrast))
    return Network(*layers, examples=NoLabel(blocks.classes), readout=blocks.upper)


def class_groups(blocks: Blocks, index: int, *terms: Term) -> Layer:
    """A layer of `deeper_forward`."""
    weights = blocks.weights(index, bias=False, fan="out")
    return Layer(
        blocks.block(index, *blocks.pool(index, nn.AvgPool2d), weights),
        goodness=ChannelGroups(blocks.classes, blocks.widths[index]),
        loss=CrossEntropy(),
        normalize=ClassGroupNorm(blocks.classes) if index else WHOLE,
        terms=terms,
    )


@method(lr=3e-3, optimizer=torch.optim.Adam)
def predsim(blocks: Blocks, *, kernel: int = 3) -> Network:
    """Local cross-entropy ("pred") and similarity matching ("sim") of every layer.

    ``kernel`` is that of the convolution before the similarity; 0 compares the activities, as the
    paper's variant without backprop inside a layer's loss does.

    References:
        Nøkland and Eidnes (2019), arXiv 1901.06656.
    """
    layers = []
    for index, (block, units) in enumerate(zip(stages(blocks), blocks.widths, strict=True)):
        similarity = SimilarityMatching(
            blocks.classes,
            weight=99.0,  # 0.99 against 0.01 of the cross-entropy
            units=units,
            kernel=kernel if blocks.maps else min(kernel, 1),
            seed=seeds.number(blocks.seed, "similarity", index),
        )
        layers.append(
            Layer(
                block,
                nn.LeakyReLU(0.01),
                goodness=blocks.linear_readout(index),
                loss=CrossEntropy(),
                normalize=None,
                terms=(similarity,),
            )
        )
    return Network(*layers, examples=NoLabel(blocks.classes), readout=blocks.last)


@method(lr=1e-2)
def asge(blocks: Blocks, *, alpha: float = 1.0) -> Network:
    """ASGE: energies of the patches of each channel, read by fixed random weights.

    A map of C channels has ``max(1, floor(alpha C_last / C))`` patches a side.

    References:
        Gong, Staszewski and Xu (ICASSP 2026), arXiv 2509.12394.
    """
    layers = []
    for index, units in enumerate(blocks.widths):
        pool = blocks.pool(index + 1, RootMeanSquarePool)
        side = max(1, int(alpha * blocks.widths[-1] / units)) if blocks.maps else 1
        goodness = FixedReadout(
            blocks.classes,
            units,
            seed=seeds.number(blocks.seed, "readout", index),
            grid=side,
            squared=True,
        )
        block = blocks.block(index, blocks.weights(index), nn.ReLU(), *pool)
        layers.append(Layer(block, None, goodness=goodness, loss=CrossEntropy(), normalize=WHOLE))
    return Network(*layers, examples=NoLabel(blocks.classes))


@method(lr=3e-3, order="overlapping")
def distance_forward(blocks: Blocks, *, margin: float = 1.0, temperature: float = 0.02) -> Network:
    """Distance-Forward (DF-O): distances to class means, N-pair margin, pairs of layers together.

    ``temperature`` divides the mean squared distances before they are compared with the margin.
    Errors cross from a layer to the one below it: it is local to pairs of layers.

    References:
        Wu et al. (2024), arXiv 2408.14925.
    """
    layers = [
        Layer(
            block,
            goodness=Centroids(blocks.classes, units, grid=GRID if blocks.maps else 1),
            loss=NPairMargin(margin),
            temperature=temperature,
            normalize=None,
        )
        for block, units in zip(stages(blocks), blocks.widths, strict=True)
    ]
    return Network(*layers, examples=NoLabel(blocks.classes), readout=blocks.last)

"""Methods that learn without labels, which a read-out then reads from the features."""

from __future__ import annotations

from torch import nn

from forward_forward.examples import SelfContrast
from forward_forward.forward import Layer, Network, SoftmaxHead, Triangle
from forward_forward.goodness import mean_square
from forward_forward.losses import TwoThresholds
from forward_forward.recipes.field.method import method
from forward_forward.recipes.field.networks import WHOLE, Blocks

THRESHOLDS = ((0.0, 1.0), (5.0, 9.0), (6.0, 10.0))  # of positives and negatives; the last repeats


@method(lr=1e-3, head_lr=1e-3)
def scff(blocks: Blocks) -> Network:
    """Self-contrastive FF: no labels but in the softmax that reads the layers' activities.

    References:
        Chen et al. (Nature Communications, 2025), arXiv 2409.11593.
    """
    layers, widths, side = [], [], min(blocks.shape[1:])
    for index, units in enumerate(blocks.widths):
        pool = blocks.pool(index)
        side //= 2 if pool else 1
        widths.append(units * side**2 if blocks.maps else units)
        positive, negative = THRESHOLDS[min(index, len(THRESHOLDS) - 1)]
        layers.append(
            Layer(
                blocks.block(index, *pool, blocks.weights(index)),
                Triangle,
                goodness=mean_square,
                loss=TwoThresholds(positive, negative),
                threshold=0.0,
                normalize=WHOLE if index else None,  # the first sees sums of normalised samples
            )
        )
    inputs = nn.LayerNorm(blocks.samples, elementwise_affine=False) if blocks.maps else None
    head = SoftmaxHead(widths, blocks.classes, skip=blocks.upper[0])
    return Network(*layers, examples=SelfContrast(blocks.classes), inputs=inputs, head=head)

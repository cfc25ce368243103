"""A run of `local_airbench` on colour pictures -> its first filters, convolutions/filters.png.

ff train --data cifar10_jpeg --recipe local_airbench.per_convolution --out runs/cifar10
python results/filters.py runs/cifar10

The upper rows are the filters of the whitening, the lower ones those of the first convolution. A
response z of the whitening comes as GELU(z) and GELU(-z), whose difference is z: half the
difference of their weights is therefore the part of a convolution's filter that is linear in the
pixels, and it is drawn as a picture of 5 x 5 pixels.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib import pyplot as plt
from torch import Tensor, nn
from torch.nn import functional

import forward_forward as ff

FIGURE = Path(__file__).parent / "convolutions" / "filters.png"
COLUMNS = 16


def filters_of(network: ff.Network) -> tuple[Tensor, Tensor]:
    """Filters [filters, 3, side, side] of the whitening and, composed with it, the convolution."""
    whitening, first = network.inputs, network.layers[0].block
    if not isinstance(whitening, ff.Whitening) or whitening.channels != 3:
        sys.exit("expected a run of local_airbench on colour pictures, got one without whitening")
    convolution = next(each for each in first.modules() if isinstance(each, nn.Conv2d))
    measured = whitening.filters[: whitening.components]
    positive, negative = convolution.weight.detach().split(whitening.components, 1)
    linear = (positive - negative) / 2  # [filters, components, 3, 3]
    # A transposed convolution adds the whitening's filters, shifted, with these weights.
    return measured, functional.conv_transpose2d(linear, measured)


def draw(network: ff.Network) -> None:
    """Draw both kinds of filters, each scaled to its largest weight: grey is 0."""
    filters = [each for kind in filters_of(network) for each in kind]
    rows = -(-len(filters) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(COLUMNS * 0.55, rows * 0.55))
    for place in axes.flat:
        place.set_axis_off()
    for place, each in zip(axes.flat, filters, strict=False):
        place.imshow((each / each.abs().max() / 2 + 0.5).movedim(0, 2))
    figure.subplots_adjust(0, 0, 1, 1, 0.08, 0.08)
    figure.savefig(FIGURE, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python results/filters.py RUN")
    draw(ff.load(sys.argv[1]))

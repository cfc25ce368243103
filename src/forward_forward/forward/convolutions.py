"""Channels and a seed -> a network of convolutional layers, its weights drawn from the seed."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Sequence

import torch
from torch import nn

from forward_forward import readouts, seeds
from forward_forward.examples import Examples, NoLabel
from forward_forward.forward.arguments import whole_numbers
from forward_forward.forward.layer import Layer
from forward_forward.forward.layer_range import ReadoutSetting
from forward_forward.forward.network import Network
from forward_forward.forward.views import Views
from forward_forward.forward.whitening import Whitening
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout


def cnn(
    shape: Sequence[int],
    *channels: int,
    num_classes: int,
    seed: int = 0,
    pooled: Collection[int] = (0, 2, 4),
    together: int = 1,
    inputs: nn.Module | None = None,
    examples: Examples | None = None,
    layer: Callable[..., Layer] | None = None,
    readout: ReadoutSetting = "auto",
    views: Views | None = None,
) -> Network:
    """A network of 3 x 3 convolutions, each with max pooling or none and batch normalisation.

    The first filters of a convolution begin as the identity, and pass its input on; the others are
    uniform, as torch draws them. Scales of the batch norms stay 1.

    Args:
        shape: Shape of one picture, [channels, height, width] or [height, width].
        channels: Channels of each convolution, lowest first.
        num_classes: Number of labels.
        seed: Seed of the weights; torch's global random state is not used.
        pooled: Which convolutions, counted from 0, halve the height and the width.
        together: Convolutions in each layer, between which errors are backpropagated.
        inputs: See `Network`, such as a `Whitening`, which changes the number of channels.
        examples: How samples become inputs; by default without a label.
        layer: A block -> its layer; ``functools.partial(Layer, loss=...)`` passes options. By
            default a layer with GELU, a linear read-out of 4 x 4 averages and cross-entropy.
        readout: See `Network`.
        views: See `Network`.

    Raises:
        ValueError: No convolution, no picture, or more pooling than pixels.

    References:
        The network of Keller Jordan (2024), "94% on CIFAR-10 in 3.29 Seconds on a Single GPU".

    >>> cnn((1, 8, 8), 16, 32, num_classes=10, pooled=(0, 1)).predict(torch.rand(3, 1, 8, 8)).shape
    torch.Size([3])
    """
    num_classes, *maps = whole_numbers("cnn", num_classes, *channels)
    channels = tuple(maps)
    shape = whole_numbers("cnn", *shape)
    side = min(shape[-2:], default=0)
    if not channels or min(channels) < 1 or len(shape) not in (2, 3) or together < 1:
        raise ValueError(
            "cnn expects pictures [channels, height, width] or [height, width], the channels of at"
            f" least one convolution and together of 1 or more, got shape={tuple(shape)},"
            f" channels={channels} and together={together}"
        )
    if side < 2 ** len({index for index in pooled if index < len(channels)}):
        raise ValueError(
            f"cnn expects pictures that can be halved for each of pooled={tuple(pooled)}, got"
            f" {tuple(shape)}: pool fewer times"
        )
    if layer is None:
        goodness = LinearReadout(num_classes, grid=4)
        layer = functools.partial(
            Layer, activation=nn.GELU, goodness=goodness, loss=CrossEntropy(), normalize=None
        )
    first = shape[0] if len(shape) == 3 else 1
    if isinstance(inputs, Whitening):
        first = 2 * inputs.components
    elif len(shape) == 2:
        inputs = nn.Unflatten(1, (1, shape[0])) if inputs is None else inputs
    layers: list[Layer] = []
    parts: list[nn.Module] = []
    for index, (below, units) in enumerate(zip((first, *channels), channels, strict=False)):
        parts.append(drawn_convolution(below, units, seeds.generator(seed, "weights", index)))
        if index in pooled:
            parts.append(nn.MaxPool2d(2))
            side //= 2
        norm = nn.BatchNorm2d(units, momentum=0.4)
        norm.weight.requires_grad_(False)
        parts.append(norm)
        if (index + 1) % together and index + 1 < len(channels):
            parts.append(nn.GELU())
            continue
        layers.append(_layer(layer, parts, units, side, seeds.number(seed, "parts", index)))
        parts = []
    examples = NoLabel(num_classes) if examples is None else examples
    return Network(*layers, examples=examples, inputs=inputs, readout=readout, views=views)


def _layer(
    layer: Callable[..., Layer], parts: list[nn.Module], units: int, side: int, seed: int
) -> Layer:
    """A layer of parts, its read-out and terms sized for maps of so many channels and this side."""
    made = layer(nn.Sequential(*parts))
    made.goodness = readouts.redrawn(_sized(made.goodness, units, side), seed)
    made.terms = tuple(readouts.redrawn(_sized(each, units, side), seed) for each in made.terms)
    return made


def _sized(part: object, units: int, side: int) -> object:
    """The part of a template for maps of so many channels and this side."""
    if getattr(part, "units", 0) is not None or not hasattr(part, "sized"):
        return part
    return readouts.of_units(part, units, maps=True, side=side)


def drawn_convolution(below: int, units: int, rng: torch.Generator) -> nn.Conv2d:
    """A 3 x 3 convolution without biases whose first filters are the identity.

    Torch's global random state is not used.

    Args:
        below: Channels of its input.
        units: Channels of its output.
        rng: Generator of the other filters, uniform with variance 1 / (27 below).

    >>> drawn_convolution(2, 3, torch.Generator()).weight[1, 1].tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    convolution: nn.Conv2d = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Conv2d, below, units, 3, padding=1, bias=False
    )
    bound = 1 / math.sqrt(9 * below)
    with torch.no_grad():
        convolution.weight.uniform_(-bound, bound, generator=rng)
        nn.init.dirac_(convolution.weight[: min(below, units)])
    return convolution

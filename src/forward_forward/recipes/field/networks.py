"""Training data and widths -> the weights, norms and pooling of a small network, from a seed.

The methods of the field are compared on two networks: one of 3x3 convolutions on pictures, with
2x2 pooling before the second and the third, and one of linear layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from forward_forward import seeds
from forward_forward.data import Source
from forward_forward.forward import ClassGroupNorm
from forward_forward.forward.perceptron import drawn_linear
from forward_forward.readouts import LinearReadout
from forward_forward.recipes.plan import classes_of, features

Kind = Literal["auto", "cnn", "mlp"]
Widths = tuple[int, ...]

WHOLE = ClassGroupNorm(1)  # one group: layer normalisation of a whole sample
GRID = 3  # of the averages that a read-out with weights sees of a map
POOLED = (1, 2)  # blocks that pool their input


class Blocks:
    """The parts of the blocks of a small network, lowest first.

    Args:
        train: Training data.
        hidden: Channels of each convolution or units of each linear layer; None for about 20, 40,
            80 and 80 channels, multiples of the number of classes, or for two layers of 500 units.
        seed: Seed of the weights.
        network: "cnn" for convolutions, "mlp" for linear layers, "auto" for convolutions if the
            samples are pictures.

    Raises:
        ValueError: Convolutions of samples that are no pictures, an unknown name, or no layer.
    """

    def __init__(
        self, train: Source, hidden: Sequence[int] | None, seed: int, network: Kind = "auto"
    ) -> None:
        pictures = len(train.shape) in (2, 3) and train.shape[-1] > 1
        if network not in ("auto", "cnn", "mlp") or (network == "cnn" and not pictures):
            raise ValueError(
                'network expects "mlp", "auto", or "cnn" for pictures, got'
                f" {network!r} for samples of {list(train.shape)}"
            )
        self.maps = network != "mlp" and pictures
        self.samples = train.shape
        self.shape = train.shape if len(train.shape) == 3 else (1, *train.shape)
        self.classes, self.seed = classes_of(train), seed
        base = self.classes * math.ceil(20 / self.classes)
        default = (base, 2 * base, 4 * base, 4 * base) if self.maps else (25 * base, 25 * base)
        self.widths = tuple(default if hidden is None else hidden)
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"hidden expects 1 or more in each layer, got {self.widths}")
        first = self.shape[0] if self.maps else features(train)
        self.inputs = (first, *self.widths[:-1])

    def __len__(self) -> int:
        return len(self.widths)

    @property
    def last(self) -> tuple[int, int]:
        """The range of layers that holds the last one alone."""
        return len(self) - 1, len(self)

    @property
    def upper(self) -> tuple[int, int]:
        """The range of all layers but the first; of a single layer, that one."""
        return min(1, len(self) - 1), len(self)

    def linear_readout(self, index: int) -> LinearReadout:
        """A learned read-out of a block: of a map, one of a grid of averages."""
        return LinearReadout(self.classes, self.widths[index], GRID if self.maps else 1)

    def weights(
        self,
        index: int,
        *,
        bias: bool = True,
        groups: int = 1,
        fan: Literal["in", "out"] = "in",
        label: int = 0,
    ) -> nn.Conv2d | nn.Linear:
        """A 3x3 convolution or a linear layer; normal weights, biases 0.

        Args:
            index: Of which block.
            bias: Whether it has biases.
            groups: Groups of channels that a convolution keeps apart.
            fan: The variance is 2 over the connections into or out of a unit; 1 over those into a
                unit of a linear layer.
            label: Further inputs, for a label.
        """
        inputs, units = self.inputs[index] + label, self.widths[index]
        rng = seeds.generator(self.seed, "weights", index)
        if not self.maps:
            return drawn_linear(inputs, units, rng, bias=bias)
        convolution: nn.Conv2d = nn.utils.skip_init(  # type: ignore[no-untyped-call]
            nn.Conv2d, inputs, units, 3, padding=1, bias=bias, groups=groups
        )
        connections = 9 * (inputs if fan == "in" else units) // groups
        with torch.no_grad():
            convolution.weight.normal_(0, math.sqrt(2 / connections), generator=rng)
            if convolution.bias is not None:
                convolution.bias.zero_()
        return convolution

    def batch_norm(self, width: int) -> nn.Module:
        """Batch normalisation of so many channels or units."""
        return (nn.BatchNorm2d if self.maps else nn.BatchNorm1d)(width)

    def pool(self, index: int, pooling: type[nn.Module] = nn.MaxPool2d) -> list[nn.Module]:
        """The pooling before a block, if it has one."""
        pools = self.maps and index in POOLED and min(self.shape[1:]) >= 2**index
        return [pooling(2)] if pools else []

    def block(self, index: int, *parts: nn.Module) -> nn.Module:
        """A block of parts; the lowest one brings the samples into shape."""
        shape: list[nn.Module] = []
        if index == 0 and self.maps and len(self.samples) == 2:
            shape = [nn.Unflatten(1, (1, self.shape[1]))]
        elif index == 0 and not self.maps and len(parts) > 1:
            shape = [nn.Flatten()]
        modules = [*shape, *parts]
        return modules[0] if len(modules) == 1 else nn.Sequential(*modules)


def stages(blocks: Blocks) -> list[nn.Module]:
    """Blocks of pooling, weights and batch normalisation, without their activations."""
    return [
        blocks.block(
            index, *blocks.pool(index), blocks.weights(index, bias=False), blocks.batch_norm(units)
        )
        for index, units in enumerate(blocks.widths)
    ]

"""Networks of every kind that the C program knows, and samples for them."""

import torch
from torch import nn

from forward_forward import losses
from forward_forward.examples import AppendLabel, NoLabel, OverlayLabel
from forward_forward.forward import (
    ClassGroupNorm,
    Layer,
    MeanSquareOne,
    Network,
    Standardize,
    UnitLength,
)
from forward_forward.goodness import Minimised, l2_norm, mean_square, sum_of_squares
from forward_forward.readouts import ChannelGroups, FixedReadout, LinearReadout

CLASSES = 3


def drawn(network: Network, seed: int = 0) -> Network:
    """The network with weights, read-outs too, that are not 0."""
    rng = torch.Generator().manual_seed(seed)
    for name, weight in network.named_parameters():
        if "norm" not in name:
            scale = 0.5 if weight.dim() < 2 else weight[0].numel() ** -0.5
            nn.init.normal_(weight, 0.0, scale, generator=rng)
    for layer in network.layers:
        layer.threshold_value.fill_(0.5)
    return network


def rows(*activations, goodness=None, losses_=(losses.CrossEntropy(0.1),), norm=None):
    layers, width = [], 6
    for index, activation in enumerate(activations):
        layers.append(
            Layer(
                nn.Linear(width, 8),
                activation,
                goodness=LinearReadout(CLASSES) if goodness is None else goodness[index],
                loss=losses_[index % len(losses_)],
                normalize=norm or MeanSquareOne(),
                residual=width == 8 and goodness is None,
            )
        )
        width = 8
    return Network(*layers, examples=NoLabel(CLASSES))


def every_readout():
    goodness = [
        LinearReadout(CLASSES),
        FixedReadout(CLASSES, seed=1, squared=True),
        ChannelGroups(CLASSES),
        ChannelGroups(CLASSES, squared=True),
    ]
    every = losses.SymBa(2.0), losses.SiluPair(), losses.log_sigmoid, losses.sigmoid
    return rows(*[nn.ReLU] * 4, goodness=goodness, losses_=every, norm=UnitLength())


def standardized():
    network = rows(nn.ReLU, nn.LeakyReLU, losses_=(losses.CrossEntropy(margin=0.3),))
    network.inputs = Standardize(6)
    network.inputs.measure([torch.rand(20, 6, generator=torch.Generator().manual_seed(4))])
    return network


def grouped():
    groups = [ChannelGroups(2, units=8), ChannelGroups(2, units=8)]
    layers = [
        Layer(nn.Linear(6, 8), goodness=groups[0], normalize=None),
        Layer(nn.Linear(8, 8), goodness=groups[1], normalize=ClassGroupNorm(2)),
    ]
    return Network(*layers, examples=NoLabel(2))


def two_pass(examples, width, goodness=mean_square):
    layers = [
        Layer(nn.Linear(width, 8), goodness=goodness, loss=losses.SymBa()),
        Layer(nn.Linear(8, 7), nn.GELU, goodness=l2_norm, loss=losses.log_sigmoid),
        Layer(nn.Linear(7, 5), goodness=sum_of_squares, loss=losses.SiluPair(), temperature=2.0),
    ]
    return Network(*layers, examples=examples)


def maps():
    """Convolutions with every kind of pooling, strides, padding and batch normalisation."""
    blocks = [
        nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(4, 6, 3, bias=False, stride=2, padding=1), nn.AvgPool2d(2)),
        nn.Linear(6, 5),
    ]
    # Cells of 4 x 4 pixels in a grid of three overlap.
    readout = LinearReadout(CLASSES, 4, grid=3), LinearReadout(CLASSES, 6), LinearReadout(CLASSES)
    activations = None, nn.GELU, nn.Tanh
    layers = [
        Layer(block, activation, goodness=goodness, loss=losses.CrossEntropy())
        for block, activation, goodness in zip(blocks, activations, readout, strict=True)
    ]
    return Network(*layers, examples=NoLabel(CLASSES), inputs=nn.Unflatten(1, (1, 8)))


def colours():
    """Two channels, read by a convolution, and then by a linear layer in another order."""
    layers = [
        Layer(nn.Conv2d(2, 4, (3, 2)), goodness=FixedReadout(CLASSES, grid=2), normalize=None),
        Layer(nn.Linear(4 * 6 * 7, 5), nn.SiLU, goodness=LinearReadout(CLASSES)),
    ]
    return Network(*layers, examples=NoLabel(CLASSES))


# A name -> the network and the shape of its samples.
NETWORKS = {
    "every activation": (
        lambda: rows(nn.ReLU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.GELU, nn.SiLU, nn.ReLU6, nn.Identity),
        (6,),
    ),
    "every read-out": (every_readout, (6,)),
    "standardised": (standardized, (6,)),
    "normalised groups": (grouped, (6,)),
    "appended label": (lambda: two_pass(AppendLabel(2, strength=2.0), 8), (6,)),
    "overlaid label": (lambda: two_pass(OverlayLabel(2), 6, Minimised(mean_square)), (6,)),
    "maps": (maps, (8, 8)),
    "colours": (colours, (2, 8, 8)),
}


def of(name: str) -> tuple[Network, torch.Tensor, torch.Tensor]:
    """A network, raw samples and labels."""
    make, shape = NETWORKS[name]
    network = drawn(make())
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(60, *shape, generator=rng)
    y = torch.randint(0, network.examples.num_classes, (60,), generator=rng)
    return network, x, y

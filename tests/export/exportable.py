"""Networks and raw samples to export, and how far a file's scores are from the library's."""

import torch
from tests.contracts.public_parts import CLASSES, GOODNESS, READOUTS
from torch import nn

from forward_forward.examples import NoLabel
from forward_forward.export import verify
from forward_forward.forward import Layer, Network, SoftmaxHead

CLOSE = 2e-6  # relative, of a row's largest: float32 in another order


def samples(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def pixels(*shape: int, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)


def far(scores: torch.Tensor, label: torch.Tensor, right: torch.Tensor) -> float:
    return verify.compared(scores, label, right).difference


def of_every_goodness(norm, place) -> Network:
    """A layer for each goodness, all of them read."""
    sizes = [place.width(12), *[9] * len(GOODNESS)]
    layers = [
        Layer(nn.Linear(*sizes[index : index + 2]), goodness=goodness, normalize=norm)
        for index, goodness in enumerate(GOODNESS.values())
    ]
    rng = torch.Generator().manual_seed(3)
    for layer in layers:
        nn.init.normal_(layer.block.weight, 0.1, 0.5, generator=rng)
        nn.init.normal_(layer.block.bias, 0.1, 0.1, generator=rng)
    return Network(*layers, examples=place)


def of_every_readout() -> Network:
    """A layer of maps for each read-out, with weights and means that are not 0."""
    layers = []
    rng = torch.Generator().manual_seed(3)
    for index, readout in enumerate(READOUTS.values()):
        layers.append(Layer(nn.Conv2d(7 if index else 1, 7, 3, padding=1), goodness=readout))
        for weight in layers[-1].state_dict().values():
            if weight.dim() > 1:
                nn.init.normal_(weight, 0.1, 0.5, generator=rng)
    return Network(*layers, examples=NoLabel(CLASSES))


def of_blocks(examples, head: SoftmaxHead | None = None) -> Network:
    """Convolutions on pictures [1, 8, 8], one of them with dropout and batch normalisation."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = nn.Sequential(
            nn.Flatten(),
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
        )
        second = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(4, 3, 3, stride=2), nn.GELU())
        first[3].running_mean.uniform_(-0.1, 0.1)
    layers = Layer(first, activation=None), Layer(second, activation=None)
    return Network(*layers, examples=examples, head=head)


def a_head(*widths: int, classes: int) -> SoftmaxHead:
    head = SoftmaxHead(widths, classes)
    for weight in head.weights:
        nn.init.normal_(weight, generator=torch.Generator().manual_seed(1))
    return head

"""Samples, and trainers of every kind, for the tests that interrupt a run and resume it."""

import functools
from typing import Any

import torch
from torch import nn

import forward_forward as ff
from forward_forward.examples import AppendLabel, FromGoodness, FromSoftmax, Uniform
from forward_forward.forward import Layer, PeerNormalization
from forward_forward.optimize import AveragedSGD, Warmup, cosine, half_cooldown
from forward_forward.terms import SupervisedContrast

UNIFORM = Uniform()


def samples(n: int = 90) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.rand(n, 12, generator=rng), torch.randint(0, 3, (n,), generator=rng)


def trainer_of(
    negatives: Any = UNIFORM, layer: Any = Layer, dropout: float = 0.0, **settings: Any
) -> ff.Trainer:
    head = isinstance(negatives, FromSoftmax)
    examples = AppendLabel(3, negatives=negatives)
    network = ff.mlp(
        12, 9, 8, num_classes=3, seed=2, examples=examples, layer=layer, dropout=dropout, head=head
    )
    return ff.Trainer(network, **{"lr": 0.02, "schedule": cosine, "seed": 3, **settings})


def own_block() -> ff.Trainer:
    """A block that draws random numbers itself, with weights that only autograd knows."""
    block = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.3))
    network = ff.mlp(12, 8, num_classes=3, seed=2)
    with torch.no_grad():
        for weight in block.parameters():
            weight.copy_(torch.linspace(-0.3, 0.3, weight.numel()).view_as(weight))
    layers = [*network.layers, Layer(block, activation=None)]
    return ff.Trainer(ff.Network(*layers, examples=AppendLabel(3)), lr=0.02, seed=3)


PEER = functools.partial(Layer, peer=PeerNormalization(), threshold="width")
TERMS = functools.partial(Layer, terms=(SupervisedContrast(temperature=(0.8, 0.1)),))
CASES: dict[str, Any] = {
    "AdamW": trainer_of,
    "AveragedSGD": functools.partial(trainer_of, optimizer=AveragedSGD, weight_decay=0.01),
    "momentum": functools.partial(
        trainer_of, optimizer=functools.partial(torch.optim.SGD, momentum=0.9)
    ),
    "RMSprop": functools.partial(trainer_of, optimizer=torch.optim.RMSprop, lr=0.001),
    "NAdam": functools.partial(trainer_of, optimizer=torch.optim.NAdam),
    "greedy": functools.partial(trainer_of, order="greedy"),
    "head": functools.partial(trainer_of, FromSoftmax(), head_lr=0.1, head_weight_decay=0.003),
    "goodness": functools.partial(trainer_of, FromGoodness(fraction=0.5)),
    "dropout": functools.partial(trainer_of, dropout=0.3),
    "peer": functools.partial(trainer_of, layer=PEER),
    "average": functools.partial(trainer_of, average=0.8),
    "warmup": functools.partial(trainer_of, schedule=Warmup(half_cooldown, epochs=1.5)),
    "bfloat16": functools.partial(trainer_of, precision="bfloat16"),
    "autograd": functools.partial(trainer_of, engine="autograd"),
    "block": own_block,
    "terms": functools.partial(trainer_of, layer=TERMS),
    "all": functools.partial(
        trainer_of, FromSoftmax(), PEER, 0.2, order="greedy", average=0.8, optimizer=AveragedSGD
    ),
}

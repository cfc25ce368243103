"""What the layers of a model answer for -> examples, and samples to probe it with."""

from __future__ import annotations

import torch
from torch import Tensor

from forward_forward.examples import NextSymbol, NoLabel
from forward_forward.forward import Layer
from forward_forward.forward.symbols import later_symbols
from forward_forward.readouts import PositionReadout

PROBES = 4  # several samples, so that a norm over the batch has a deviation


def examples_of(layer: Layer, num_classes: int) -> NoLabel | None:
    """The examples for layers like this one; None if they are shown each label in turn."""
    if not layer.class_wise:
        return None
    at_positions = isinstance(layer.goodness, PositionReadout)
    return NextSymbol(num_classes) if at_positions else NoLabel(num_classes)


def probes(shape: tuple[int, ...], examples: NoLabel | None, rng: torch.Generator) -> Tensor:
    """A few random samples [n, *shape] of the kind that a model reads: symbols, or any numbers."""
    if isinstance(examples, NextSymbol):
        return torch.randint(examples.num_classes, (PROBES, *shape), generator=rng).float()
    return torch.randn(PROBES, *shape, generator=rng)


def check_causal(layers: list[Layer], x: Tensor, examples: NextSymbol) -> None:
    """Raise a ValueError if a layer sees the symbols that it is to predict."""
    for number, (why,) in later_symbols(layers, x, examples.num_classes).items():
        raise ValueError(f"layer {number + 1} is not causal: {why}")

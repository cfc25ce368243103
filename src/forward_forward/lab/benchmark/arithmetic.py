"""Widths of a network -> what its products cost: shapes, ratios and the bare products themselves.

Counts are of multiply-adds. Forward-Forward shows each layer two rows per sample but needs no
product for the gradient of its input; the first layer's rows differ only in their label, so it
needs one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from forward_forward.lab.benchmark.measure import seconds


class Product(NamedTuple):
    """Rows, inputs and units of the product of one layer."""

    rows: int
    inputs: int
    units: int


def layer_products(widths: Sequence[int], batch: int) -> list[Product]:
    """The products of a step on a batch, each once forward and once for the weights' gradient.

    >>> layer_products([784, 500, 500], 512)[1]
    Product(rows=1024, inputs=500, units=500)
    """
    pairs = enumerate(itertools.pairwise(widths))
    return [Product(batch if k == 0 else 2 * batch, inputs, units) for k, (inputs, units) in pairs]


def arithmetic_ratio(widths: Sequence[int]) -> float:
    """Multiply-adds of a Forward-Forward step over those of backprop through the same layers.

    Backprop's small output layer is left out: Forward-Forward has none.

    >>> round(arithmetic_ratio([784, 500, 500]), 2)
    1.16
    """
    mine = sum(2 * each.rows * each.inputs * each.units for each in layer_products(widths, 1))
    return mine / _backprop(widths)


def one_pass_ratio(widths: Sequence[int], classes: int) -> float:
    """Multiply-adds of a step in one pass, with a read-out in each layer, over those of backprop.

    A layer needs a product forward and one for the gradient of its weights; its read-out needs
    these and one for the gradient of the activities, as backprop's output layer does.

    >>> round(one_pass_ratio([784, 500, 500], 10), 3)
    0.848
    """
    layers = sum(2 * inputs * units for inputs, units in itertools.pairwise(widths))
    mine = layers + 3 * classes * sum(widths[1:])
    return mine / (_backprop(widths) + 3 * classes * widths[-1])


def _backprop(widths: Sequence[int]) -> int:
    """Multiply-adds of backprop: forward, weights' gradient, and above layer 1 the input's."""
    pairs = enumerate(itertools.pairwise(widths))
    return sum((2 if k == 0 else 3) * inputs * units for k, (inputs, units) in pairs)


def scan_bound(widths: Sequence[int], classes: int) -> float:
    """Multiply-adds of the scan of all labels with a shared first layer, over those without.

    >>> round(scan_bound([784, 500, 500], 10), 3)
    0.45
    """
    first, *rest = (inputs * units for inputs, units in itertools.pairwise(widths))
    return (first + classes * sum(rest)) / (classes * (first + sum(rest)))


def bare_products(widths: Sequence[int], batch: int, precision: torch.dtype) -> Callable[[], None]:
    """What computes a step's products and nothing else, each in the faster of its two layouts."""
    calls = []
    for rows, inputs, units in layer_products(widths, batch):
        x, delta = torch.randn(rows, inputs), torch.randn(rows, units)
        weight = torch.randn(units, inputs)
        for a, b in ((x, weight.t()), (delta.t(), x)):
            calls.append(_faster_layout(a.to(precision), b.to(precision)))

    def run() -> None:
        for call in calls:
            call()

    return run


def _faster_layout(a: Tensor, b: Tensor) -> Callable[[], Tensor]:
    out = torch.empty(len(a), b.shape[1], dtype=a.dtype)
    layouts = [(a, b), (a.contiguous(), b), (a, b.contiguous()), (a.contiguous(), b.contiguous())]
    return min((_product(*each, out) for each in layouts), key=lambda call: seconds(call, 5))


def _product(a: Tensor, b: Tensor, out: Tensor) -> Callable[[], Tensor]:
    return lambda: torch.mm(a, b, out=out)

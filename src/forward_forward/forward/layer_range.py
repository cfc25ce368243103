"""Goodness [layers, batch, classes] -> its sum over every range of layers; misses -> a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeGuard

import torch
from torch import Tensor

Range = tuple[int, int]  # the first layer whose goodness is summed, and the first above them
ReadoutSetting = Range | Literal["auto", "weighted", "logistic"] | None
FITTED = ("weighted", "logistic")  # settings that fit numbers to the layers' goodness


def default_range(layers: int) -> Range:
    """All layers but the first, if there are several: Hinton (2022), section 3.3."""
    return min(1, layers - 1), layers


def fixed_range(readout: ReadoutSetting, layers: int) -> Range:
    """The range that is read before any choice.

    Raises:
        ValueError: It is empty, or not within the layers.
    """
    if isinstance(readout, str) and readout in ("auto", *FITTED):
        return default_range(layers)
    pair = (0, layers) if readout is None else readout
    if not _is_pair(pair) or not 0 <= pair[0] < pair[1] <= layers:
        raise ValueError(
            'readout expects "auto", "weighted", "logistic", None or 0 <= first < stop <='
            f" {layers} layers, got {readout!r}"
        )
    return pair[0], pair[1]


def _is_pair(given: object) -> TypeGuard[Range]:
    of_two = isinstance(given, Sequence) and len(given) == 2
    return of_two and not isinstance(given, str)


def ranges(layers: int) -> list[Range]:
    """Every contiguous range of the layers.

    >>> ranges(2)
    [(0, 1), (0, 2), (1, 2)]
    """
    return [(first, stop) for first in range(layers) for stop in range(first + 1, layers + 1)]


def range_sums(goodness: Tensor) -> Tensor:
    """Goodness [layers, batch, classes] summed over each of `ranges` [ranges, batch, classes]."""
    return torch.cat([goodness[first:].cumsum(0) for first in range(len(goodness))])


def best_range(misses: Tensor, layers: int) -> Range:
    """The one of `ranges` with the fewest misses [ranges]; of equal ones that of most layers.

    >>> best_range(torch.tensor([3.0, 2.0, 2.0]), 2)
    (0, 2)
    """
    pairs = ((count, *each) for count, each in zip(misses.tolist(), ranges(layers), strict=True))
    _, first, stop = min(pairs, key=lambda pair: (pair[0], pair[1] - pair[2], -pair[1]))
    return first, stop


def layers_named(readout: Range) -> str:
    """The layers of a range in words, counted from 1.

    >>> layers_named((0, 1)), layers_named((1, 3)), layers_named((1, 4))
    ('layer 1', 'layers 2 and 3', 'layers 2 to 4')
    """
    first, stop = readout[0] + 1, readout[1]
    if first == stop:
        return f"layer {stop}"
    return f"layers {first} {'and' if stop - first == 1 else 'to'} {stop}"

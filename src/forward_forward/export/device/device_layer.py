"""What the parts of an export for devices share: a layer as the C program's tables hold it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, float32

Fields = dict[str, int | float | str]
Shape = tuple[int, int, int]  # channels, height and width of a map; a row has a map of 1 x 1
Array = np.ndarray[Any, np.dtype[np.float32]]


class NotForDevice(ValueError):
    """A part of a network that the C program cannot compute."""


@dataclass
class DeviceLayer:
    """A layer: the fields of the C structure of the same names, and its numbers.

    ``weights`` [units, fan_in], ``readout`` [values, classes] (values: the cells of a grid, then
    the channels), ``biases`` [units] or none.
    """

    fields: Fields
    weights: Array
    biases: Array
    readout: Array
    out: Shape
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    @property
    def products(self) -> int:
        """Multiply-accumulates of the layer's own product."""
        positions = math.prod(self.out[1:]) * int(self["pool"]) ** 2
        return positions * self.weights.size


def refused(what: str, part: object, expected: str) -> NotForDevice:
    name = getattr(part, "name", None) or getattr(part, "__name__", type(part).__name__)
    return NotForDevice(f"expected {expected} as {what}, got {name}, which has no form in C")


def array(values: Tensor) -> Array:
    """Values as float32, in the order of their axes."""
    return values.detach().to(float32).contiguous().numpy()

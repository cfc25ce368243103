"""Names, shapes and types -> one piece of memory that is sent or received as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

Fields = Mapping[str, tuple[tuple[int, ...], torch.dtype]]
ALIGNED = 64  # bytes: products round otherwise where their operands are not aligned as torch's are


class Parcel:
    """Tensors by name, in memory that may be larger.

    Args:
        fields: Shape and type of each.
        memory: Bytes [at least `size`].

    >>> parcel = Parcel({"h": ((2, 3), torch.float32), "stop": ((), torch.int64)})
    >>> parcel["h"].shape, parcel.content.shape
    (torch.Size([2, 3]), torch.Size([72]))
    """

    def __init__(self, fields: Fields, memory: Tensor | None = None) -> None:
        needed = size(fields)
        if memory is None:
            memory = torch.empty(needed, dtype=torch.uint8)
        self.memory = memory
        self.content = memory[:needed]
        self._parts: dict[str, Tensor] = {}
        start = 0
        for name, (shape, dtype) in fields.items():
            length = math.prod(shape) * dtype.itemsize
            self._parts[name] = memory[start : start + length].view(dtype).view(shape)
            start += _aligned(length)

    def __getitem__(self, name: str) -> Tensor:
        return self._parts[name]

    def get(self, name: str) -> Tensor | None:
        """A tensor, or None where there is none of this name."""
        return self._parts.get(name)


def size(fields: Fields) -> int:
    """Bytes of a parcel."""
    lengths = [math.prod(shape) * dtype.itemsize for shape, dtype in fields.values()]
    return sum(map(_aligned, lengths[:-1])) + sum(lengths[-1:])


def _aligned(length: int) -> int:
    return -(-length // ALIGNED) * ALIGNED

"""A sample, list, array or tensor -> a tensor [*shape], or [n, *shape] of rows."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
import torch
from torch import Tensor


def unpack(item: object, where: str) -> tuple[Any, Any, Any]:
    if not isinstance(item, tuple | list) or len(item) not in (2, 3):
        found = f"a {type(item).__name__}" + (f" of {len(item)}" if isinstance(item, Sized) else "")
        raise ValueError(f"{where}: expected (x, y) or (x, y, weight), got {found}")
    return item[0], item[1], item[2] if len(item) == 3 else None


def as_tensor(values: Any) -> Tensor:
    """Any numbers as a tensor: uint8 and floating ones keep their type, others become float32."""
    if isinstance(values, list | tuple) and any(isinstance(row, Tensor) for row in values):
        return stacked(values)
    if not isinstance(values, Tensor):
        try:
            array = np.asarray(values)
        except ValueError:  # ragged lists; row by row, the message can name the row
            return stacked(values)
        if array.dtype.kind not in "buif":
            found = f"expected numbers, got a {type(values).__name__} of {array.dtype}"
            raise ValueError(f"{found}: encode text columns, and use .toarray() on sparse ones")
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
        values = torch.from_numpy(array if array.flags.writeable else array.copy())
    if values.is_complex():
        raise ValueError(f"expected real numbers, got {values.dtype}: use x.abs() or x.real")
    kept = values.dtype == torch.uint8 or values.is_floating_point()
    result: Tensor = values.detach() if kept else values.to(torch.float32)
    return result


def stacked(rows: Sequence[Any]) -> Tensor:
    tensors: list[Tensor] = []
    for number, row in enumerate(rows):
        if not isinstance(row, Tensor | np.ndarray | list | tuple | int | float | np.number):
            found = f"row {number}: expected a tensor or an array, got a {type(row).__name__}"
            raise ValueError(f"{found}: give the Dataset a transform such as PILToTensor()")
        tensor = as_tensor(row)
        tensors.append(tensor if tensor.dtype == torch.uint8 else tensor.to(torch.float32))
        expected, got = (f"{t.dtype} {list(t.shape)}" for t in (tensors[0], tensors[-1]))
        if expected != got:
            found = f"row {number}: expected {expected} like row 0, got {got}"
            raise ValueError(f"{found}: resize or pad the inputs to one shape and type")
    return torch.stack(tensors)

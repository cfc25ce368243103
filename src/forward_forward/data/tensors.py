"""A sample, list, array or tensor -> a tensor [*shape], or [n, *shape] of rows."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence, Sized
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forward_forward.data import arrays
from forward_forward.data.pictures.decode import as_array

# The columns of a batch or a row that is a dictionary.
COLUMNS = (
    (*arrays.INPUTS, "image", "img", "pixel_values"),
    arrays.LABELS,
    ("weight", "weights", "sample_weight"),
)


def unpack(item: object, where: str) -> tuple[Any, Any, Any]:
    """x, y and weight (None if there is none) of a tuple, a list or a dictionary."""
    if isinstance(item, Mapping):
        return _columns(item, where)
    if not isinstance(item, tuple | list) or len(item) not in (2, 3):
        found = f"a {type(item).__name__}" + (f" of {len(item)}" if isinstance(item, Sized) else "")
        raise ValueError(f"{where}: expected (x, y) or (x, y, weight), got {found}")
    return item[0], item[1], item[2] if len(item) == 3 else None


def _columns(item: Mapping[Any, Any], where: str) -> tuple[Any, Any, Any]:
    found = [
        [key for key in item if isinstance(key, str) and key.lower() in names] for names in COLUMNS
    ]
    if [len(each) for each in found[:2]] != [1, 1] or len(found[2]) > 1:
        expected = (
            "expected one key of samples, such as 'image', and one of labels, such as 'label'"
        )
        keys = ", ".join(map(repr, item)) or "none"
        fix = "rename them, pass one part of a divided set, or make (x, y), in a collate_fn if it"
        raise ValueError(f"{where}: {expected}, got {keys}: {fix} is a DataLoader's")
    return tuple(item[each[0]] if each else None for each in found)  # type: ignore[return-value]


def row_weight(weight: Any, where: str) -> Any:
    """The third item of a row or a batch, unless it is an integer, as an index is.

    Raises:
        ValueError: It is an integer.
    """
    kind = np.asarray(weight).dtype if not isinstance(weight, Tensor) else weight.dtype
    if weight is not None and not str(kind).removeprefix("torch.").startswith(("float", "bfloat")):
        expected = (
            f"{where}: expected a sample weight as a floating-point number in the third place"
        )
        raise ValueError(f"{expected}, got {kind}: leave an index out, or use float(weight)")
    return weight


def as_tensor(values: Any) -> Tensor:
    """Any numbers as a tensor: uint8 and floating ones keep their type, others become float32.

    A picture of Pillow becomes uint8 [channels, height, width].
    """
    by_row = Tensor | np.ma.MaskedArray  # numpy would take a masked row's values for its own
    if isinstance(values, list | tuple) and any(
        isinstance(row, by_row) or is_picture(row) for row in values
    ):
        return stacked(values)
    if is_picture(values):
        values = as_array(values)
    if not isinstance(values, Tensor):
        try:
            array = np.asarray(unmasked(values))
        except ValueError:  # ragged lists; row by row, the message can name the row
            if isinstance(values, np.ma.MaskedArray):
                raise
            return stacked(values)
        if array.dtype.kind not in "buif":
            found = f"expected numbers, got a {type(values).__name__} of {array.dtype}"
            fix = "encode text columns, fill missing values, and use .toarray() on sparse ones"
            raise ValueError(f"{found}: {fix}")
        kind = np.dtype(np.float64) if array.dtype == np.longdouble else array.dtype
        array = np.ascontiguousarray(array, dtype=kind.newbyteorder("="))
        values = torch.from_numpy(array if array.flags.writeable else array.copy())
    if values.layout is not torch.strided:
        found = f"expected a dense tensor, got {values.layout}"
        raise ValueError(f"{found}: use x.to_dense()")
    if values.is_complex():
        raise ValueError(f"expected real numbers, got {values.dtype}: use x.abs() or x.real")
    kept = values.dtype == torch.uint8 or values.is_floating_point()
    result: Tensor = values.detach() if kept else values.to(torch.float32)
    return result


def unmasked(values: Any) -> Any:
    """The same values, unless some are masked: what lies beneath a mask is not a value.

    Raises:
        ValueError: It is a masked array of numpy in which values are masked.
    """
    if isinstance(values, np.ma.MaskedArray):
        masked = int(np.ma.getmaskarray(values).sum())
        if masked:
            found = f"expected values, got a masked array of which {masked:,} are masked (missing)"
            raise ValueError(f"{found}: use x.filled(value), or leave their rows out")
        return values.data
    return values


def is_picture(value: object) -> bool:
    """Whether it is a picture of Pillow, which is not imported to find out."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def stacked(rows: Sequence[Any]) -> Tensor:
    tensors: list[Tensor] = []
    for number, row in enumerate(rows):
        numbers = isinstance(row, Tensor | np.ndarray | list | tuple | int | float | np.number)
        if not (numbers or is_picture(row)):
            found = f"row {number}: expected a tensor, an array or a picture"
            fix = "give the Dataset a transform that makes one"
            raise ValueError(f"{found}, got a {type(row).__name__}: {fix}")
        tensor = as_tensor(row)
        tensors.append(tensor if tensor.dtype == torch.uint8 else tensor.to(torch.float32))
        expected, got = (f"{t.dtype} {list(t.shape)}" for t in (tensors[0], tensors[-1]))
        if expected != got:
            found = f"row {number}: expected {expected} like row 0, got {got}"
            raise ValueError(f"{found}: resize or pad the inputs to one shape and type")
    return torch.stack(tensors)

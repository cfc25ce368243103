"""Labels [n] of any plain kind -> class indices [n] and names, or real-valued targets [n]."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forward_forward.data.tensors import unmasked

Values = np.ndarray[Any, Any]


def encoded(
    y: Any, classes: tuple[str, ...] | None, num_classes: int | None = None
) -> tuple[Tensor, tuple[str, ...]]:
    """Labels as class indices with the class names, or a real-valued target with ().

    Args:
        y: Labels [n]: integers, whole floats, booleans or strings in a list, an array, a tensor or
            a column of a frame; numbers with fractions are a real-valued target.
        classes: The class names, in which strings are looked up; () for a real-valued target; None
            finds them.
        num_classes: Number of a network's classes: integers below it keep their values. A warning
            says if others are numbered from 0.

    Raises:
        ValueError: Labels of several kinds or of none of these, or one that is not among
            ``classes``; the message names the row.

    >>> encoded(["dog", "cat"], None), encoded([1, 2], None, 3)[1]
    ((tensor([1, 0]), ('cat', 'dog')), ('0', '1', '2'))
    """
    values = label_values(y)
    fractions = values.dtype.kind == "f" and not bool((values == np.round(values)).all())
    if values.dtype.kind in "iuf" and (classes == () or (classes is None and fractions)):
        with np.errstate(over="ignore"):  # `Data` rejects what float32 cannot hold
            return torch.from_numpy(values.astype(np.float32)), ()
    if values.dtype.kind == "f" and not fractions:
        values = values.astype(np.int64)
    if values.dtype.kind == "b":
        classes = classes or ("False", "True")
        values = values.astype(str if {"False", "True"} <= set(classes) else np.int64)
    if values.dtype.kind not in "iuUS":
        found = f"expected integers, booleans or strings as labels, got {values.dtype}"
        raise ValueError(f"{found}: classes=() takes real-valued targets")
    if values.dtype.kind in "iu":
        if classes is None and num_classes is not None:
            classes = _kept(values, num_classes)
        if classes and _are_positions(classes):
            return torch.from_numpy(values.astype(np.int64)), classes
    return _looked_up(values, classes)


def label_values(y: Any) -> Values:
    """Labels [n] as an array of one plain type.

    Raises:
        ValueError: They are not one label per row, or of several types.
    """
    if isinstance(y, Tensor):
        y = y.detach().cpu()
        y = (y.double() if y.is_floating_point() else y).numpy()
    plain = isinstance(y, np.ndarray) and y.dtype.kind in "biufUS"
    values = unmasked(y) if plain else np.asarray(unmasked(y), dtype=object)
    if values.ndim != 1:
        found = f"expected labels [n], got {list(values.shape)}"
        raise ValueError(f"{found}: use y.argmax(1) on one-hot rows, y.ravel() on a column")
    if values.dtype.kind != "O":
        return values
    items = [_item(value) for value in values]
    for row, value in enumerate(items):  # else numpy would turn [1, "a"] and None into text
        if type(value) is not type(items[0]) or value is None:
            found = f"{value!r}, row 0 is {items[0]!r}"
            raise ValueError(f"row {row}: expected labels of one type, got {found}")
    return np.asarray(items)


def _item(value: Any) -> Any:
    """A number or a text of numpy or torch as Python's own."""
    single = isinstance(value, np.generic) or (
        isinstance(value, np.ndarray | Tensor) and value.shape in ((), (1,))
    )
    return value.item() if single else value


def _are_positions(classes: Sequence[str]) -> bool:
    """Whether integers stand for places in the class names, not for the names themselves."""
    numbers = all(each.lstrip("-").isdecimal() for each in classes)
    return not numbers or tuple(classes) == tuple(map(str, range(len(classes))))


def _kept(values: Values, num_classes: int) -> tuple[str, ...] | None:
    """The names of all a network's classes if the labels are theirs, else None and a warning."""
    if len(values) and values.min() >= 0 and values.max() < num_classes:
        return tuple(map(str, range(num_classes)))
    found = np.unique(values).tolist()
    if len(found) <= num_classes:
        shown = f"{', '.join(map(str, found[:3]))}{', ...' if len(found) > 3 else ''}"
        warnings.warn(
            f"the labels {shown} are not all in 0 to {num_classes - 1}, so they are numbered from 0"
            " in this order: the network predicts these numbers, not the labels",
            stacklevel=5,
        )
    return None


def _looked_up(values: Values, classes: tuple[str, ...] | None) -> tuple[Tensor, tuple[str, ...]]:
    integers = values.dtype.kind in "iu"
    unique, codes = np.unique(values if integers else values.astype(str), return_inverse=True)
    found_names = tuple(str(each) for each in unique.tolist())
    if classes is None:
        return torch.from_numpy(codes), found_names
    for code, name in enumerate(found_names):
        if name not in classes:
            near = difflib.get_close_matches(name, classes, 1) or classes[:1]
            row = int((codes == code).argmax())
            found = f"row {row}: expected a label among {len(classes)} classes, got {name!r}"
            raise ValueError(f"{found}: did you mean {near[0]!r}?")
    places = np.array([classes.index(name) for name in found_names], dtype=np.int64)
    return torch.from_numpy(places[codes]), classes

"""Arrays X [n, *shape], y [n], a Dataset, DataLoader or folder -> a Source of batches."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from forward_forward.data.batch import Source, class_names, is_source
from forward_forward.data.in_memory import Data
from forward_forward.data.pictures.folder import folder
from forward_forward.data.stream import Stream, found_classes
from forward_forward.data.tensors import as_tensor, stacked, unpack


def as_source(
    source: object, *, classes: Sequence[str] | None = None, name: str = "data"
) -> Source:
    """Wrap data in any of the usual forms as a Source.

    Integer labels 0..C-1 keep their values; strings, booleans and other integers are numbered in
    sorted order. ``classes`` fix the number and the order: strings are looked up in them, and so
    are integers if every class name is an integer; other integers are positions. Numbers with
    fractions are a real-valued target, and so are any if ``classes`` is ().

    Args:
        source: A Source (returned unchanged); (X [n, *shape], y [n]) or (X, y, weight [n]) of
            arrays, lists or tensors; a map-style Dataset of (x, y), read into memory; a
            DataLoader, which becomes a Stream; or the path of a folder of pictures, one
            sub-folder per class (``folder`` has the options).
        classes: The class names, () for a real-valued target; None finds them (in a DataLoader by a
            first pass).
        name: What reports call the set.

    Raises:
        ValueError: It is none of these, or rows disagree; the message names the row.

    >>> as_source(([[0.0, 1.0], [2.0, 3.0]], ["dog", "cat"])).classes
    ('cat', 'dog')
    """
    names = None if classes is None else class_names(classes)
    if is_source(source):
        if names not in (None, source.classes):
            raise ValueError(f"expected classes {source.classes} of the source, got {names}")
        return source
    if isinstance(source, str | os.PathLike):
        return folder(source, classes=names, name=name)
    if isinstance(source, DataLoader):
        return Stream(source, found_classes(source) if names is None else names, name)
    in_rows = isinstance(source, Dataset) and not isinstance(source, IterableDataset)
    if in_rows and isinstance(source, Sized):
        source = _collected(source)
    if not isinstance(source, tuple):
        accepted = "(X, y), (X, y, weight), a Data, a Dataset, a DataLoader or a folder's path"
        fix = "datasets.named(...) reads sets by name; wrap other iterables in a DataLoader"
        raise ValueError(f"expected {accepted}, got a {type(source).__name__}: {fix}")
    x, y, weight = unpack(source, "the tuple")
    inputs = as_tensor(x)
    labels, names = _encoded(y, names)
    weights = None if weight is None else as_tensor(weight).to(inputs.device)
    return Data(inputs, labels.to(inputs.device), names, name, weights)


def _collected(dataset: Any) -> tuple[Any, ...]:
    rows = [unpack(dataset[number], f"row {number}") for number in range(len(dataset))]
    if not rows:
        raise ValueError("expected a Dataset with a row or more, got an empty one")
    xs, ys, weights = zip(*rows, strict=True)
    labels = [y.item() if isinstance(y, Tensor) and y.numel() == 1 else y for y in ys]
    return stacked(xs), labels, None if weights[0] is None else [float(each) for each in weights]


def _encoded(y: Any, classes: tuple[str, ...] | None) -> tuple[Tensor, tuple[str, ...]]:
    """Labels of any kind [n] -> (int64 [n], class names), or (float32 [n], ()) for numbers."""
    values = y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y, dtype=object)
    if values.ndim != 1:
        found = f"expected labels [n], got {list(values.shape)}"
        raise ValueError(f"{found}: use y.argmax(1) on one-hot rows, y.ravel() on a column")
    if values.dtype.kind == "O":
        for row, value in enumerate(values):  # else numpy would turn [1, "a"] and None into text
            if type(value) is not type(values[0]) or value is None:
                found = f"{value!r}, row 0 is {values[0]!r}"
                raise ValueError(f"row {row}: expected labels of one type, got {found}")
        values = np.asarray(values.tolist())
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
    integers = values.dtype.kind in "iu"
    if integers and classes and not all(each.lstrip("-").isdecimal() for each in classes):
        return torch.from_numpy(values.astype(np.int64)), classes
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

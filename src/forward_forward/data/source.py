"""Arrays X [n, *shape], y [n], a Dataset, DataLoader or folder -> a Source of batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from forward_forward.data.batch import Source, class_names, is_source
from forward_forward.data.in_memory import Data
from forward_forward.data.labels import encoded
from forward_forward.data.pictures.folder import folder
from forward_forward.data.stream import Stream, found_classes
from forward_forward.data.tensors import (
    COLUMNS,
    as_tensor,
    is_picture,
    row_weight,
    stacked,
    unpack,
)


def as_source(
    source: object,
    *,
    classes: Sequence[str] | None = None,
    name: str = "data",
    num_classes: int | None = None,
) -> Source:
    """Wrap data in any of the usual forms as a Source.

    Integer labels 0..C-1 keep their values; strings, booleans and other integers are numbered in
    sorted order. ``classes`` fix the number and the order: strings are looked up in them, and so
    are integers if every class name is an integer; other integers are positions. Numbers with
    fractions are a real-valued target, and so are any if ``classes`` is ().

    Args:
        source: A Source (returned unchanged); (X [n, *shape], y [n]) or (X, y, weight [n]) of
            arrays, lists or tensors, in a tuple, a list or a dictionary; a map-style Dataset, of
            torch or Hugging Face, or a list of rows (x, y) or {"image": x, "label": y}, read into
            memory; a DataLoader or a list of batches, which becomes a Stream; or the path of a
            folder of pictures, one sub-folder per class (``folder`` has the options).
        classes: The class names, () for a real-valued target; None finds them (in a DataLoader by a
            first pass).
        name: What reports call the set.
        num_classes: Number of a network's classes: integer labels below it keep their values even
            if classes are missing, and a warning says if others are numbered from 0.

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
    if isinstance(source, DataLoader) or _is_batches(source):
        assert isinstance(source, Iterable)
        found = found_classes(source, num_classes) if names is None else names
        return Stream(source, found, name)
    if _is_in_rows(source):
        names = names or _own_names(source)
        source = _collected(source)
    if not isinstance(source, tuple | list | Mapping):
        accepted = "(X, y), (X, y, weight), a Data, a Dataset, a DataLoader or a folder's path"
        fix = "datasets.named(...) reads sets by name; wrap other iterables in a DataLoader"
        raise ValueError(f"expected {accepted}, got a {type(source).__name__}: {fix}")
    x, y, weight = unpack(source, f"the {type(source).__name__}")
    inputs = as_tensor(x)
    labels, names = encoded(y, names, num_classes)
    weights = None if weight is None else as_tensor(weight).to(inputs.device)
    return Data(inputs, labels.to(inputs.device), names, name, weights)


def _is_in_rows(source: Any) -> bool:
    """Whether it gives rows (x, y) by their numbers, as Datasets of torch and others do."""
    if isinstance(source, Dataset):
        return not isinstance(source, IterableDataset) and isinstance(source, Sized)
    if isinstance(source, list):
        return _is_pairs(source)
    known = str, bytes, tuple, Mapping, Tensor, np.ndarray
    by_number = hasattr(type(source), "__getitem__") and isinstance(source, Sized)
    if isinstance(source, known) or not by_number or hasattr(source, "__array__"):
        return False
    return not len(source) or isinstance(source[0], (tuple, Mapping))


def _is_batches(source: object) -> bool:
    """Whether it is a list of batches (x [batch, *shape], y [batch]), not of rows."""
    if not (isinstance(source, list) and _is_pairs(source)):
        return False
    x, y, _ = unpack(source[0], "batch 0")
    sizes = [len(each) if isinstance(each, Sized) and _is_array(each) else None for each in (x, y)]
    return sizes[1] is not None and sizes[0] == sizes[1]


def _is_pairs(source: list[Any]) -> bool:
    """Whether every item of a list is a pair, or a dictionary: [X, y] is one itself."""

    def is_pair(item: Any) -> bool:
        if isinstance(item, tuple | Mapping):
            return True
        of_two = isinstance(item, list) and len(item) in (2, 3)
        return of_two and _is_array(item[0]) and item[0] is not None

    return bool(source) and all(is_pair(item) for item in source)


def _is_array(value: object) -> bool:
    """Whether it has axes, as numbers and texts do not."""
    return isinstance(value, list | tuple) or bool(getattr(value, "shape", ())) or is_picture(value)


def _own_names(dataset: Any) -> tuple[str, ...] | None:
    """The class names that a set of Hugging Face keeps with its column of labels."""
    columns = getattr(dataset, "features", None)
    named = [
        names
        for key, column in (columns.items() if isinstance(columns, Mapping) else ())
        if str(key).lower() in COLUMNS[1] and (names := getattr(column, "names", None))
    ]
    return class_names(named[0]) if len(named) == 1 else None


def _collected(dataset: Any) -> tuple[Any, ...]:
    rows = [unpack(dataset[number], f"row {number}") for number in range(len(dataset))]
    if not rows:
        raise ValueError("expected a Dataset with a row or more, got an empty one")
    xs, ys, weights = zip(*rows, strict=True)
    if weights[0] is None:
        return stacked(xs), list(ys)
    return (
        stacked(xs),
        list(ys),
        [float(row_weight(each, f"row {k}")) for k, each in enumerate(weights)],
    )

"""An npz file -> the arrays of each part of a set, (X [n, *shape], y [n]), by its name."""

from __future__ import annotations

import os
from itertools import product
from typing import Any

import numpy as np

from forward_forward.data.paths import check_regular

Array = np.ndarray[Any, Any]

INPUTS = ("x", "inputs", "images", "data", "features")
LABELS = ("y", "labels", "label", "target", "targets")
PARTS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


def read_npz(path: str | os.PathLike[str]) -> dict[str, tuple[Array, Array]]:
    """Read an npz file of inputs and labels.

    The arrays are named ``x_train, y_train, x_test, y_test`` (and ``x_val, y_val``), as in Keras,
    with the part before or after; or ``x`` and ``y``. ``inputs``, ``images``, ``data`` or
    ``features`` may stand for x, ``labels`` or ``target`` for y, in upper or lower case.

    Args:
        path: The file, which may not hold pickled objects.

    Returns:
        The (X, y) of "train", and of "validation" and "test" if the file has them.

    Raises:
        ValueError: The file is broken, holds objects, or its arrays have other names.
    """
    path = os.fspath(path)
    check_regular(path)
    arrays = _arrays(path)
    found = {part: _pair(arrays, names) for part, names in PARTS.items()}
    parts = {part: pair for part, pair in found.items() if pair is not None}
    if not parts and (pair := _pair(arrays, None)) is not None:
        parts = {"train": pair}
    if "train" not in parts:
        expected = "expected arrays named x and y, or x_train, y_train, x_test and y_test"
        names = f"got {', '.join(arrays) or 'nothing'}: save them under such names"
        raise ValueError(f"{expected}, in {path!r}, {names}")
    return parts


def _arrays(path: str) -> dict[str, Array]:
    try:
        # Opened here, since numpy leaves a file open that it cannot read.
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            # Whole members have their checksums compared; numpy reads as much as a header says.
            if (broken := file.zip.testzip()) is not None:
                raise ValueError(f"its {broken!r} is damaged")
            if len(set(file.files)) < len(file.files):
                raise ValueError("it has two arrays of one name")
            arrays = {name: file[name] for name in file.files}
            if not all(isinstance(each, np.ndarray) for each in arrays.values()):
                raise ValueError("it has members that are no arrays")  # numpy gives their bytes
            return arrays
    except MemoryError as error:
        raise MemoryError(f"{error}, for the arrays of {path!r}") from error
    except Exception as error:  # its readers raise whatever they meet in a broken file
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of the file system, which names the file itself
        # numpy takes random bytes for a pickle, and tells how to load it unsafely.
        unsafe = "it contains Python objects, or is not an npz file"
        why = unsafe if "pickle" in str(error) else error
        fix = "save it with np.savez(path, x=..., y=...), as arrays of numbers or text"
        raise ValueError(f"expected an npz file of arrays, got {path!r}: {why}. {fix}") from error


def as_pictures(x: Array) -> Array:
    """Bytes [n, height, width] or [n, height, width, 1, 3 or 4] as [n, channels, height, width].

    Other arrays are returned unchanged.
    """
    if x.dtype != np.uint8 or x.ndim not in (3, 4):
        return x
    if x.ndim == 3:
        return x[:, None]
    channels = 1, 3, 4
    return np.moveaxis(x, 3, 1) if x.shape[3] in channels and x.shape[1] not in channels else x


def _pair(arrays: dict[str, Array], parts: tuple[str, ...] | None) -> tuple[Array, Array] | None:
    """The inputs and labels of a part, by any of its names; None for a set without parts."""
    found = []
    for names in (INPUTS, LABELS):
        wanted = set(names)
        if parts is not None:
            pairs = [*product(names, parts), *product(parts, names)]
            wanted = {dash.join(pair) for pair in pairs for dash in ("_", "")}
        found.append(next((each for name, each in arrays.items() if name.lower() in wanted), None))
    x, y = found
    if x is None or y is None:
        return None
    return x, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y

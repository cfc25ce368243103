"""Data of the kind that a network was trained on in; all of them, none set aside, out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from forward_forward.data import Folder, Source, as_source
from forward_forward.data.arrays import as_pictures, read_npz
from forward_forward.data.pictures.classes import parts_of, pictures_tree
from forward_forward.data.pictures.folder import folder_of
from forward_forward.data.tables import table
from forward_forward.data.tables.frames import frame_of
from forward_forward.data.tables.table import Layout, read_table
from forward_forward.datasets.builtin import available, named


def alike(
    what: Any,
    *,
    classes: Sequence[str],
    shape: Sequence[int],
    layout: Layout | None = None,
    size: int | tuple[int, int] | None = None,
    name: str = "data",
) -> Source:
    """More data of the kind that a network was trained on.

    Args:
        what: As `load` takes it. Of a set with parts, such as one that is known by name, it is the
            one to test on.
        classes: Names of the classes, in the order of the labels; data may lack some.
        shape: One sample's shape.
        layout: How the rows of a table are encoded; None where the others were no table.
        size: What pictures in files are scaled to; None expects them to be of the shape.
        name: What reports call them.

    Returns:
        All the samples.

    Raises:
        ValueError: They are of another shape, or have a class that is not among the others.

    >>> alike(([[0.5, 1.0]], ["dog"]), classes=("cat", "dog"), shape=(2,)).labels
    tensor([1])
    """
    found = _read(what, tuple(classes), tuple(shape), layout, size, name)
    if tuple(found.shape) != tuple(shape):
        raise ValueError(
            f"expected samples of {list(shape)} like those of the training data, got"
            f" {list(found.shape)} in {what if isinstance(what, str) else found.name!r}"
        )
    if found.classes != tuple(classes):
        raise ValueError(f"expected the classes {list(classes)}, got {list(found.classes)}")
    return found


def _read(
    what: Any,
    classes: tuple[str, ...],
    shape: tuple[int, ...],
    layout: Layout | None,
    size: int | tuple[int, int] | None,
    name: str,
) -> Source:
    if layout is not None and (framed := frame_of(what, of_numbers=True)) is not None:
        frame, target = framed
        labels = read_table(frame, target or layout.target)[1]
        return as_source((layout.encode(frame), labels), classes=classes, name=name)
    if not isinstance(what, str | os.PathLike):
        return as_source(what, classes=None if isinstance(what, Source) else classes, name=name)
    path = os.fspath(what)
    if path in available():
        return named(path)[1]
    if layout is not None and path.lower().endswith(table.ENDINGS):
        labels = read_table(path, layout.target)[1]
        return as_source((layout.encode(path), labels), classes=classes, name=name)
    if path.lower().endswith(".npz"):
        parts = read_npz(path)
        x, y = parts.get("test", parts["train"])
        return as_source((as_pictures(x), y), classes=classes, name=name)
    return _pictures(path, classes, shape, size, name)


def _pictures(
    path: str,
    classes: tuple[str, ...],
    shape: tuple[int, ...],
    size: int | tuple[int, int] | None,
    name: str,
) -> Folder:
    tree = pictures_tree(path)
    parts = parts_of(tree)
    mode = "L" if shape[0] == 1 else "RGB"
    return folder_of(parts.get("test", tree), size=size, mode=mode, classes=classes, name=name)

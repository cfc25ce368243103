"""More data of the kind that a network was trained on -> all of them, none set aside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from forward_forward.data import Source, as_source
from forward_forward.data.arrays import as_pictures, read_npz
from forward_forward.data.batch import is_source
from forward_forward.data.pictures.classes import parts_of, pictures_tree
from forward_forward.data.pictures.folder import Size, folder
from forward_forward.data.tables.formats import holds_frame, is_table
from forward_forward.datasets.builtin import available, named
from forward_forward.datasets.hugging_face import is_hub, open_hub

if TYPE_CHECKING:
    from forward_forward.data.tables.layout import TableLayout


def load_like(
    what: Any,
    *,
    classes: Sequence[str],
    shape: Sequence[int],
    layout: TableLayout | None = None,
    size: Size = None,
    target: str | int | None = None,
    name: str = "data",
) -> Source:
    """Load more data of the kind that a network was trained on.

    Args:
        what: As `load` takes it. Of a set with parts, such as one with a name, the test part.
        classes: Names of the classes, in the order of the labels; the data may lack some.
        shape: One sample's shape.
        layout: How the rows of the training table were encoded; None if it was no table.
        size: What pictures in files are scaled to; None expects them to have the shape.
        target: The column of labels of a set of Hugging Face; None finds it. A layout has its own.
        name: What reports call the data.

    Returns:
        All the samples.

    Raises:
        ValueError: Their shape differs, or they have a class that the training data lack.

    >>> load_like(([[0.5, 1.0]], ["dog"]), classes=("cat", "dog"), shape=(2,)).labels
    tensor([1])
    """
    path = os.path.expanduser(os.fspath(what)) if isinstance(what, str | os.PathLike) else None
    if path is not None and is_hub(path):
        columns = target if layout is None else layout.target
        found_there = open_hub(path, columns)
        part = "test" if "test" in found_there.parts else "train"
        channels = shape[0] if len(shape) == 3 else None
        what, path = found_there.read(part, size, channels), None
    if layout is not None and (holds_frame(what) or (path is not None and is_table(path))):
        from forward_forward.data.tables.cells import labelled_frame
        from forward_forward.data.tables.labels import spelt_like
        from forward_forward.data.tables.layout import read_table

        table, target = labelled_frame(what) if path is None else (path, None)
        rows = read_table(table, target, layout)
        labels = spelt_like(rows.labels, classes)
        found = as_source((rows.inputs, labels), classes=classes, name=name)
    elif path is None:
        found = as_source(what, classes=None if is_source(what) else classes, name=name)
    else:
        found = _test_part(path, tuple(classes), shape[0], size, name)
    if tuple(found.shape) != tuple(shape):
        raise ValueError(
            f"expected samples of {list(shape)} like those of the training data, got"
            f" {list(found.shape)} in {what if isinstance(what, str) else found.name!r}"
        )
    if found.classes != tuple(classes):
        raise ValueError(f"expected the classes {list(classes)}, got {list(found.classes)}")
    return found


def _test_part(path: str, classes: tuple[str, ...], depth: int, size: Size, name: str) -> Source:
    if path in available():
        return named(path)[1]
    if path.lower().endswith(".npz"):
        parts = read_npz(path)
        x, y = parts.get("test", parts["train"])
        return as_source((as_pictures(x), y), classes=classes, name=name)
    tree = pictures_tree(path, classes)
    part = parts_of(tree).get("test", tree)
    mode = "L" if depth == 1 else "RGB"
    return folder(part, size=size, mode=mode, classes=classes, name=name)

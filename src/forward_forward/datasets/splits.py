"""Data in any of the usual forms -> parts to train, to validate and to test on."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from forward_forward.data import Data, Folder, Source, as_source
from forward_forward.data.paths import check_regular
from forward_forward.data.pictures.archive import ARCHIVES, is_archive
from forward_forward.data.pictures.classes import other_files, parts_of, pictures_tree
from forward_forward.data.pictures.folder import Size, folder, read_like
from forward_forward.data.tables.formats import ENDINGS, PARQUET, TEXT, holds_frame, is_table
from forward_forward.datasets.builtin import available, named
from forward_forward.datasets.catalogue import nothing_there
from forward_forward.datasets.frames import frame_of, is_frame
from forward_forward.datasets.hugging_face import HUB, is_hub, open_hub
from forward_forward.datasets.load_like import load_like
from forward_forward.datasets.npz import npz_parts

if TYPE_CHECKING:
    from forward_forward.data.tables.layout import TableLayout

TEST = 0.2  # fraction of a set without a test part of its own that is held out for testing

OF_TABLES = "target", "drop", "missing"  # options of `load`

IN_MEMORY = 2 * 2**30  # bytes: pictures that take more are read from the disk in each epoch


@dataclass(frozen=True)
class Sets:
    """The parts of a labelled set.

    Args:
        train: To train on.
        validation: For choosing the best epoch and the settings.
        test: To be used once, at the end.
        notes: What was decided while reading, for the user to check.
        layout: How the rows of a table became inputs; None for other data.
    """

    train: Source
    validation: Source
    test: Source
    notes: tuple[str, ...] = ()
    layout: TableLayout | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""
        return self.train.classes


def load(
    what: Any,
    *,
    test: Any = None,
    validation: Any = None,
    target: str | int | None = None,
    size: Size = None,
    name: str | None = None,
    layout: TableLayout | None = None,
    task: Literal["classes", "regression"] | None = None,
    drop: Sequence[str | int] | None = None,
    missing: Literal["impute", "drop", "error"] | None = None,
) -> Sets:
    """Load data in any of the usual forms, split into training, validation and test parts.

    Missing parts are stratified by class, if there are classes, and drawn with a fixed seed: 20 %
    for testing, then 15 % of the rest for validation.

    Args:
        what: The name of a set (`available`), of a table (`frame_of`) or of a set of Hugging Face
            (`open_hub`); the path of a folder or an archive of pictures, one sub-folder per class,
            with or without folders train, val and test around them; of a table with a column of
            labels (.csv, .tsv, .txt, gzipped or not, .parquet); of an .npz file; a frame with such
            a column, or (X, y) with a frame for X; or what `as_source` takes: (X, y) of arrays, a
            Dataset, a DataLoader.
        test: Data to test on, in any of these forms; None takes what comes with ``what``.
        validation: Data to validate on, likewise.
        target: The column of labels of a table; None takes one called target, label, class or y,
            or otherwise the last. Of a set of Hugging Face, `open_hub` finds it.
        size: (height, width), or one side, in pixels, that pictures in files are scaled to.
        name: What reports call the set; None for the name of the set or file.
        layout: How the rows of a table become inputs, as `Sets.layout` of an earlier call; None
            finds it from the table.
        task: Whether the target of a table or of arrays is of "classes" or a number to predict
            ("regression"); None takes it for a number if it has fractions, or in tables if it has
            more than 20 different values that occur less than 20 times each on average.
        drop: Columns of a table that are no inputs. A layout has its own, as of ``missing``.
        missing: What to do with missing cells of a table: "impute", the default, fills in the
            median or a category of its own, "drop" leaves out the rows, and "error" refuses them.

    Returns:
        The parts; the notes say how the data were read and split.

    Raises:
        ValueError: There is no such set or file, or the data do not fit together; the message names
            the file or the row.

    >>> found = load("digits")
    >>> len(found.train), len(found.validation), len(found.test)
    (1222, 216, 359)
    """
    if task not in (None, "classes", "regression"):
        raise ValueError(f'task expects "classes" or "regression", got {task!r}')
    if missing not in (None, "impute", "drop", "error"):
        raise ValueError(f'missing expects "impute", "drop" or "error", got {missing!r}')
    drop = [drop] if isinstance(drop, str) else drop
    found = _Found(target, size, name, layout, task, drop, missing)
    found.read(what)
    train = found.parts["train"]
    same: dict[str, Any] = {
        "classes": train.classes,
        "shape": train.shape,
        "size": size,
        "name": train.name,
    }
    for part, data in (("validation", validation), ("test", test)):
        if data is not None:
            found.parts[part] = load_like(data, layout=found.layout, **same)
    return found.complete()


@dataclass
class _Found:
    """The parts of a set by name, before missing ones are drawn."""

    target: str | int | None
    size: Size
    name: str | None
    layout: TableLayout | None
    task: Literal["classes", "regression"] | None
    drop: Sequence[str | int] | None
    missing: Literal["impute", "drop", "error"] | None
    parts: dict[str, Source] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def read(self, what: Any) -> None:
        if isinstance(what, str | os.PathLike):
            self.parts = self._of_path(os.path.expanduser(os.fspath(what)))
        elif holds_frame(what) and (framed := _labelled(what)) is not None:
            frame, labels = framed
            self._refuse("a frame", "size", *([] if labels is None else ["target"]))
            self.parts = self._of_table(frame, labels or self.target, labels is None)
        else:
            self._refuse(f"a {type(what).__name__}", "size", *OF_TABLES)
            real = () if self.task == "regression" else None
            train = as_source(what, classes=real, name=self.name or "data")
            if self.task == "classes" and not train.classes:
                fix = "number them, or leave task out"
                raise ValueError(f"expected classes, got a real-valued target: {fix}")
            self.parts = {"train": train}
        classes = self.parts["train"].classes
        if len(classes) == 1:
            fix = "add samples of another class"
            raise ValueError(f"expected 2 or more classes, got {classes[0]!r} alone: {fix}")

    def _refuse(self, what: str, *options: str) -> None:
        for option in options:
            if (value := getattr(self, option)) is not None:
                kind = "pictures in files" if option == "size" else "tables"
                raise ValueError(f"{option}={value!r} is for {kind}, got {what!r}: leave it out")

    def _of_path(self, path: str) -> dict[str, Source]:
        if path in available():
            self._refuse(path, "size", "task", *OF_TABLES)
            train, test = named(path)
            return {"train": train, "test": test}
        if is_frame(path):
            self._refuse(path, "size")
            frame, labels = frame_of(path)
            self.name = self.name or path
            return self._of_table(frame, self.target or labels, False)
        if is_hub(path):
            return self._of_hub(path)
        self.name = self.name or _stem(path)
        check_regular(path)
        if os.path.exists(path) and is_table(path):
            self._refuse(path, "size")
            return self._of_table(path, self.target, True)
        if os.path.isdir(path) or is_archive(path):
            self._refuse(path, "task", *OF_TABLES)
            return self._of_pictures(path, self.name)
        if not os.path.isfile(path):
            raise ValueError(nothing_there(path))
        self._refuse(path, "size", "task", *OF_TABLES)
        if path.lower().endswith(".npz"):
            parts, notes = npz_parts(path, self.name)
            self.notes += notes
            return parts
        expected = f"a file that ends in one of {' '.join((*TEXT, *PARQUET, '.npz', *ARCHIVES))}"
        raise ValueError(f"expected {expected}, or a folder of pictures, got {path!r}")

    def _of_pictures(self, path: str, name: str) -> dict[str, Source]:
        tree = pictures_tree(path)
        parts = parts_of(tree)
        if tree.root:
            self.notes.append(f"classes are taken from the folder {tree.root.rstrip('/')!r} in it")
        if others := other_files(tree):
            more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
            self.notes.append(f"skipped files without an image extension: {others[0]!r}{more}")
        train = folder(parts.pop("train", tree), size=self.size, mode="RGB", name=name)
        found = {"train": train, **{part: read_like(each, train) for part, each in parts.items()}}
        taken = sum(len(each) * math.prod(each.shape) for each in found.values())
        if taken > IN_MEMORY:
            memory = f"in memory they would take {taken / 2**30:.1f} GiB"
            self.notes.append(f"pictures are read from the disk in each epoch: {memory}")
            return {**found}
        held = {part: each.in_memory() for part, each in found.items()}
        if not all(_all_grey(each.inputs) for each in held.values()):
            return {**held}
        one = {part: each.inputs[:, :1].contiguous() for part, each in held.items()}
        return {part: replace(each, inputs=one[part]) for part, each in held.items()}

    def _of_hub(self, path: str) -> dict[str, Source]:
        found = open_hub(path, self.target, self.drop or ())
        self.notes += found.notes
        self.name = self.name or (_stem(path) if os.path.isdir(path.removeprefix(HUB)) else path)
        self.drop = None  # those columns are not read
        if found.kind != "pictures":
            self._refuse(path, "size")
        if found.kind == "table":
            train = self._of_table(found.read("train"), found.target, False)["train"]
        else:
            self._refuse(path, "missing")
            classes = () if self.task == "regression" else found.classes
            pair = found.read("train", self.size)
            train = as_source(pair, classes=classes, name=self.name)
        same: dict[str, Any] = {"classes": train.classes, "shape": train.shape, "name": train.name}
        channels = train.shape[0] if found.kind == "pictures" else None
        others = {
            part: load_like(found.read(part, self.size, channels), layout=self.layout, **same)
            for part in found.parts
            if part != "train"
        }
        return {"train": train, **others}

    def _of_table(self, what: Any, target: str | int | None, noted: bool) -> dict[str, Source]:
        from forward_forward.data.tables.layout import read_table

        options: dict[str, Any] = {"drop": self.drop or (), "missing": self.missing or "impute"}
        rows = read_table(what, target, self.layout, self.task, **options)
        self.layout = rows.layout
        if not self.layout.header:
            self.notes.append("the first row is a sample, so columns are named 1, 2, ...")
        elif all(each.categories is not None for each in self.layout.columns):
            self.notes.append("the first row is read as the header")
        if target is None and noted:
            self.notes.append(f"labels are taken from the column {self.layout.target!r}")
        self.notes += rows.notes
        classes = () if self.layout.real else None
        source = as_source((rows.inputs, rows.labels), classes=classes, name=self.name or "data")
        return {"train": source}

    def complete(self) -> Sets:
        """Draw the parts that are missing."""
        for part, fraction in (("test", TEST), ("validation", None)):
            if part in self.parts:
                continue
            train = self.parts["train"]
            if not isinstance(train, Data | Folder):
                raise ValueError(
                    f"a {type(train).__name__} requires {part}=... as well, since it is read in its"
                    " own order and cannot be split: pass a separate part"
                )
            self.parts["train"], self.parts[part] = train.split(fraction)
            how = f"{'stratified by class' if train.classes else 'at random'}, with a fixed seed"
            if part == "validation" and isinstance(train, Data) and train.holdout is not None:
                how = "the last ones, by convention for this data set"
            count = f"{len(self.parts[part]):,} of {len(train):,} samples"
            purpose = "testing" if part == "test" else part
            self.notes.append(f"{count} are held out for {purpose}, {how}")
        return Sets(**self.parts, notes=tuple(self.notes), layout=self.layout)


def _labelled(what: Any) -> tuple[Any, str | None] | None:
    """A frame and the name of its labels; None for (X, y) that can be read as arrays."""
    from forward_forward.data.tables.cells import is_array, labelled_frame

    return None if isinstance(what, tuple) and is_array(what[0]) else labelled_frame(what)


def _all_grey(pictures: Tensor) -> bool:
    return all(bool((part == part[:, :1]).all()) for part in torch.split(pictures, 1000))


def _stem(path: str) -> str:
    """A file's or folder's name, without its ending."""
    name = os.path.basename(os.path.abspath(path))
    endings = sorted((*ENDINGS, ".npz", *ARCHIVES), key=len, reverse=True)
    ending = next((each for each in endings if name.lower().endswith(each)), "")
    return name[: len(name) - len(ending)] or name

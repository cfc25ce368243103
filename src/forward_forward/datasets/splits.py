"""One argument of a user in; a set to train on, one to choose by and one to test on, out."""

from __future__ import annotations

import difflib
import math
import os
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from forward_forward.data import Data, Folder, Source, as_source
from forward_forward.data.arrays import as_pictures, read_npz
from forward_forward.data.pictures.archive import ARCHIVES, Tree, is_archive
from forward_forward.data.pictures.classes import other_files, parts_of, pictures_tree
from forward_forward.data.pictures.folder import folder_of, read_alike
from forward_forward.data.tables import table
from forward_forward.data.tables.frames import frame_of
from forward_forward.data.tables.table import Layout, read_table
from forward_forward.datasets.builtin import available, named
from forward_forward.datasets.load_like import alike

TEST = 0.2  # of a set that comes without a part to test on

HELD = 2 * 2**30  # bytes: pictures that take no more are read into memory once, others each epoch


@dataclass(frozen=True)
class Sets:
    """The parts of a labelled set.

    Args:
        train: To train on.
        validation: To choose the best epoch, and settings, by.
        test: To be read once, at the end.
        notes: What was decided on the way, in words that a person should read.
        layout: How the rows of a table became inputs; None for other data.
    """

    train: Source
    validation: Source
    test: Source
    notes: tuple[str, ...] = ()
    layout: Layout | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""
        return self.train.classes


def load(
    what: Any,
    *,
    test: Any = None,
    validation: Any = None,
    target: str | None = None,
    size: int | tuple[int, int] | None = None,
    name: str | None = None,
) -> Sets:
    """Whatever the user has, as the parts of a set.

    Parts that are missing are drawn from what there is, class by class and always the same: 20 %
    to test on, then 15 % of the rest to choose by.

    Args:
        what: A set's name (`available`); the path of a folder or an archive of pictures,
            one sub-folder a class, with or without folders train, val and test around them; of a
            table with a column of labels (.csv, .tsv, .txt, .parquet); of an .npz file; a frame
            with such a column, or (X, y) with a frame for X; or what `as_source` takes: (X, y) of
            arrays, a Dataset, a DataLoader.
        test: Data to test on, in any of these forms; None takes what comes with ``what``.
        validation: Data to choose by, likewise.
        target: The column of labels of a table; None takes one called target, label, class or y,
            and else the last.
        size: (height, width) or one side in pixels that pictures in files are scaled to.
        name: What reports call the set; None for the name of the set or file.

    Returns:
        The parts; the notes say what was split, read and chosen.

    Raises:
        ValueError: No such set or file, or data that do not fit together; the message names the
            file or the row.

    >>> found = load("digits")
    >>> len(found.train), len(found.validation), len(found.test)
    (1222, 216, 359)
    """
    found = _Found(what, target, size, name)
    for part, given in (("validation", validation), ("test", test)):
        if given is not None:
            train = found.parts["train"]
            found.parts[part] = alike(
                given,
                classes=train.classes,
                shape=train.shape,
                layout=found.layout,
                size=size,
                name=train.name,
            )
    return found.complete()


class _Found:
    """What was found of a set: its parts by name, before those that are missing are drawn."""

    def __init__(
        self,
        what: Any,
        target: str | None,
        size: int | tuple[int, int] | None,
        name: str | None,
    ) -> None:
        self.notes: list[str] = []
        self.layout: Layout | None = None
        if isinstance(what, str | os.PathLike):
            self.parts = self._of_path(os.fspath(what), target, size, name)
        elif (framed := frame_of(what, of_numbers=False)) is not None:
            frame, labels = framed
            _unused("a frame", size=size, **{} if labels is None else {"target": target})
            self.parts = {"train": self._of_table(frame, labels or target, name or "data")}
        else:
            _unused(f"a {type(what).__name__}", target=target, size=size)
            self.parts = {"train": as_source(what, name=name or "data")}
        classes = self.parts["train"].classes
        if len(classes) < 2:
            raise ValueError(
                f"expected 2 or more classes, got {classes[0]!r} alone, from which no label can be"
                " told: give samples of another"
            )

    def _of_path(
        self, path: str, target: str | None, size: int | tuple[int, int] | None, name: str | None
    ) -> dict[str, Source]:
        if path in available():
            _unused(path, target=target, size=size)
            train, test = named(path)
            return {"train": train, "test": test}
        known = name or _stem(path)
        if os.path.isdir(path) or is_archive(path):
            _unused(path, target=target)
            return self._of_pictures(path, size, known)
        if not os.path.isfile(path):
            raise ValueError(_nothing_there(path))
        _unused(path, size=size)
        if path.lower().endswith(".npz"):
            _unused(path, target=target)
            return self._of_npz(path, known)
        if path.lower().endswith(table.ENDINGS):
            return {"train": self._of_table(path, target, known)}
        endings = " ".join((*table.ENDINGS, ".npz", *ARCHIVES))
        raise ValueError(
            f"expected a file that ends in one of {endings}, or a folder of pictures, got {path!r}"
        )

    def _of_pictures(
        self, path: str, size: int | tuple[int, int] | None, name: str
    ) -> dict[str, Source]:
        tree = pictures_tree(path)
        parts = parts_of(tree)
        self._note_left_out(tree)
        train = folder_of(parts.get("train", tree), size=size, mode="RGB", name=name)
        found = {"train": train}
        for part, below in parts.items():
            if part != "train":
                found[part] = read_alike(below, train)
        taken = sum(len(each) * math.prod(each.shape) for each in found.values())
        if taken <= HELD:
            return self._in_memory({part: each.held() for part, each in found.items()})
        self._note(
            f"pictures are read from the disk in each epoch: they would take {taken / 2**30:.1f}"
            " GiB of memory"
        )
        return {**found}

    def _note_left_out(self, tree: Tree) -> None:
        others = other_files(tree)
        if others:
            more = f", and {len(others) - 1:,} more" if len(others) > 1 else ""
            self._note(f"left out, for they are not called as pictures are: {others[0]!r}{more}")

    def _in_memory(self, parts: dict[str, Data]) -> dict[str, Source]:
        """The parts of a set; pictures that are all grey get one channel."""
        if not all(_all_grey(each.inputs) for each in parts.values()):
            return {**parts}
        return {
            part: replace(each, inputs=each.inputs[:, :1].contiguous())
            for part, each in parts.items()
        }

    def _of_npz(self, path: str, name: str) -> dict[str, Source]:
        found: dict[str, Source] = {}
        for part, (x, y) in read_npz(path).items():
            classes = found["train"].classes if found else None
            pictures = as_pictures(x)
            if pictures.shape[1:] != x.shape[1:]:
                self._note(f"arrays of bytes {list(x.shape[1:])} are taken as pictures")
            try:
                found[part] = as_source((pictures, y), classes=classes, name=name)
            except ValueError as error:
                raise ValueError(f"{path}, its {part} part: {error}") from error
            if found[part].shape != found["train"].shape:
                raise ValueError(
                    f"expected samples of one shape in {path!r}, got {list(found[part].shape)} in"
                    f" its {part} part and {list(found['train'].shape)} in the one to train on"
                )
        return found

    def _of_table(self, what: Any, target: str | None, name: str) -> Source:
        inputs, labels, self.layout = read_table(what, target)
        if not self.layout.header:
            self._note("the first row has numbers, so columns are called by their places, from 1")
        elif all(each.categories is not None for each in self.layout.columns):
            self._note("the first row is taken for the names of the columns")
        if target is None:
            self._note(f"labels are taken from the column {self.layout.target!r}")
        for name_ in self.layout.left_out:
            self._note(f"the column {name_!r} is left out: it numbers the rows of a frame")
        inputs_of = ", ".join(repr(each.name) for each in self.layout.columns[:8])
        more = len(self.layout.columns) - 8
        self._note(f"inputs are the columns {inputs_of}{f' and {more} more' if more > 0 else ''}")
        texts = [each for each in self.layout.columns if each.categories is not None]
        for each in texts:
            categories = len(each.categories or ())
            self._note(
                f"the column {each.name!r} is text, of {categories} values: an input for each"
            )
        return as_source((inputs, labels), name=name)

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    def complete(self) -> Sets:
        """Draw the parts that are missing."""
        for part, share in (("test", TEST), ("validation", None)):
            if part not in self.parts:
                train = self.parts["train"]
                if not isinstance(train, Data | Folder):
                    raise ValueError(
                        f"expected {part}=... beside a {type(train).__name__}, which is read in its"
                        " own order and cannot be split: give a part of its own"
                    )
                self.parts["train"], self.parts[part] = train.split(share)
                self._note_split(part, len(self.parts[part]), train)
        notes = tuple(self.notes)
        return Sets(**self.parts, notes=notes, layout=self.layout)

    def _note_split(self, part: str, count: int, train: Source) -> None:
        how = "drawn class by class, always the same"
        if part == "validation" and isinstance(train, Data) and train.holdout is not None:
            how = "the last ones, as is the custom for this set"
        purpose = "test on" if part == "test" else "validate on"
        self._note(f"{count:,} of {len(train):,} samples are set aside to {purpose}: {how}")


def _all_grey(pictures: Tensor) -> bool:
    return all(bool((part == part[:, :1]).all()) for part in torch.split(pictures, 1000))


def _unused(path: str, **options: Any) -> None:
    for option, value in options.items():
        if value is not None:
            kind = "tables" if option == "target" else "pictures in files"
            raise ValueError(f"{option}={value!r} is for {kind}, got {path!r}: leave it out")


def _stem(path: str) -> str:
    """A file's or folder's name, without its ending."""
    name = os.path.basename(os.path.abspath(path))
    endings = sorted((*table.ENDINGS, ".npz", *ARCHIVES), key=len, reverse=True)
    ending = next((each for each in endings if name.lower().endswith(each)), "")
    return name[: len(name) - len(ending)] or name


def _nothing_there(path: str) -> str:
    names = available()
    near = difflib.get_close_matches(path.lower(), names, 1, cutoff=0.4)
    hint = f": did you mean {near[0]!r}?" if near else ""
    return (
        f"expected a set's name ({', '.join(names)}) or the path of a folder, an archive, a table"
        f" or an npz file, got {path!r}, which is none of these{hint}"
    )

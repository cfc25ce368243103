"""A folder or archive of pictures, a sub-folder per class -> x [batch, channels, h, w], y."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Integral

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from forward_forward.data.batch import Batch, as_float, check_batching, class_names
from forward_forward.data.holdout import held_out
from forward_forward.data.in_memory import Data
from forward_forward.data.pictures.archive import Tree
from forward_forward.data.pictures.classes import (
    check_classes,
    files_by_class,
    parts_of,
    pictures_tree,
)
from forward_forward.data.pictures.decode import PictureReader, reader_like

Size = int | tuple[int, int] | None  # (height, width) or one side, in pixels


@dataclass(frozen=True, eq=False, repr=False)
class Folder:
    """A labelled set of pictures on disk, made by ``folder``; each batch is read when needed.

    Args:
        files: [n] paths below the folder, in the order of the classes.
        labels: [n] int64, the position of each file's class in ``classes``.
        classes: The class names.
        reader: Reads files as pictures.
        name: What reports call the set.
        batch_size: Default number of samples per batch.
        workers: Processes that read; 0 reads in this one.
    """

    files: tuple[str, ...]
    labels: Tensor
    classes: tuple[str, ...]
    reader: PictureReader
    name: str = "data"
    batch_size: int = 256
    workers: int = 0

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        about = f"{len(self)} pictures of {list(self.shape)}, {len(self.classes)} classes"
        return f"Folder({self.name!r}: {about})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """One picture's shape: channels, height, width."""
        return self.reader.shape

    def batches(
        self, batch_size: int, *, shuffle: torch.Generator | None = None, skip: int = 0
    ) -> Iterator[Batch]:
        """Read the set batch by batch; the last one may be smaller. Global seeds are not used.

        Args:
            batch_size: Samples in a batch.
            shuffle: A CPU generator that draws the order; None keeps the order of the files.
            skip: Batches to skip at the start, as a resumed run does; they are not read.

        Raises:
            ValueError: A file is not a picture, or differs from the others; raised when it is read.
        """
        check_batching(batch_size, skip, shuffle)
        n = len(self)
        order = torch.arange(n) if shuffle is None else torch.randperm(n, generator=shuffle)
        starts = range(skip * batch_size, len(self), batch_size)
        parts = [order[start : start + batch_size] for start in starts]
        pictures = zip(parts, self._pictures(parts), strict=True)
        return (Batch(as_float(x), self.labels[rows]) for rows, x in pictures)

    def _pictures(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        files = [[self.files[row] for row in rows.tolist()] for rows in parts]
        workers = min(self.workers, len(files)) if len(files) > 1 else 0
        loader = DataLoader(
            self.reader,
            batch_size=None,
            sampler=files,
            num_workers=workers,
            worker_init_fn=_leave_interrupts,
            generator=torch.Generator(),  # else it draws from torch's global one
        )
        for x in loader:
            if isinstance(x, str):
                raise ValueError(x)
            yield x

    def in_memory(self) -> Data:
        """Read all pictures into memory: uint8 [n, channels, height, width].

        Raises:
            ValueError: A file is not a picture, or differs from the others.
        """
        pictures = torch.empty((len(self), *self.shape), dtype=torch.uint8)
        start = 0
        for x in self._pictures(torch.split(torch.arange(len(self)), self.batch_size)):
            pictures[start : start + len(x)] = x
            start += len(x)
        return Data(pictures, self.labels, self.classes, self.name)

    def subset(self, indices: Tensor | Sequence[int]) -> Folder:
        """Keep the pictures with these numbers [k], in their order, or of a mask [n]."""
        numbers = torch.arange(len(self))[torch.as_tensor(indices)]
        files = tuple(self.files[row] for row in numbers.tolist())
        return replace(self, files=files, labels=self.labels[numbers])

    def split(self, validation: float | None = None, seed: int = 0) -> tuple[Folder, Folder]:
        """Split the set into (train, validation), as `Data.split` does.

        Args:
            validation: Pictures (int) or fraction (float) to hold out, by class; None is 15 %.
            seed: Seed of the draw.

        Raises:
            ValueError: Too few pictures to leave one of every class to train on.
        """
        held = held_out(self.labels, validation, seed)
        return self.subset(~held), self.subset(held)


def _leave_interrupts(worker: int) -> None:
    """Leave Ctrl+C to the main process, which may save a checkpoint before it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def folder(
    path: str | os.PathLike[str] | Tree,
    *,
    size: Size = None,
    mode: str | None = None,
    classes: Sequence[str] | None = None,
    name: str = "data",
    batch_size: int = 256,
    workers: int | None = None,
) -> Folder:
    """A folder of pictures as a Source, larger than memory or not: one sub-folder per class.

    PNG, JPEG, BMP, GIF (the first frame), WebP and TIFF files are read, also in deeper folders;
    other files and hidden ones are skipped. Labels come from the names of the sub-folders.
    Pictures are rotated as their EXIF tag says, and transparent pixels become white. An archive
    (zip, or tar with any compression) is never unpacked: a zip may be larger than memory, the
    files of a tar are kept in memory.

    Args:
        path: The folder or archive, or one of its folders as a `Tree`.
        size: (height, width) or one side, in pixels, that all pictures are scaled to, whatever
            their proportions; None expects pictures of one size.
        mode: "L" reads all as grey, "RGB" in colour; None reads grey if the first picture of every
            class is grey.
        classes: The class names in the order of the labels; None takes the sub-folders, sorted.
        name: What reports call the set.
        batch_size: Default number of samples per batch.
        workers: Processes that read ahead; None takes one per core, at most 4. Where processes
            are not forked (Windows, macOS, Python 3.14), a script needs ``if __name__ ==
            "__main__":``.

    Returns:
        A Source of x float32 [batch, channels, height, width] in 0..1.

    Raises:
        ValueError: There is no such folder, or fewer than two classes, or a class without
            pictures, or a first picture cannot be read.

    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as path:
    ...     for name in ("cat", "dog"):
    ...         os.mkdir(f"{path}/{name}")
    ...         Image.new("L", (8, 6)).save(f"{path}/{name}/0.png")
    ...     folder(path)
    Folder('data': 2 pictures of [1, 6, 8], 2 classes)
    """
    if workers is None:
        workers = min(4, os.cpu_count() or 1)
    if batch_size < 1 or workers < 0:
        found = f"{batch_size} and {workers}"
        raise ValueError(f"expected batch_size >= 1 and workers >= 0, got {found}")
    tree = path if isinstance(path, Tree) else _without_parts(pictures_tree(path))
    found_in = files_by_class(tree)
    names = tuple(found_in) if classes is None else class_names(classes)
    files, labels = _listed(tree, found_in, names)
    firsts = [files[0] for files in found_in.values()]
    reader = reader_like(tree, firsts, sides_of(size), mode)
    return Folder(files, labels, names, reader, name, batch_size, workers)


def read_like(tree: Tree, like: Folder) -> Folder:
    """Another part of a set, with the same classes, read in the same way.

    Args:
        tree: The part, one sub-folder per class; some classes may be missing.
        like: The part to train on.

    Raises:
        ValueError: A class is not among those of the other part, or has no pictures.
    """
    files, labels = _listed(tree, files_by_class(tree), like.classes)
    return replace(like, files=files, labels=labels, reader=replace(like.reader, tree=tree))


def _without_parts(tree: Tree) -> Tree:
    if parts := parts_of(tree):
        expected = f"expected a sub-folder for each of 2 or more classes in {tree.shown()!r}"
        fix = f"pass {tree.shown(tree.folders()[0])!r} alone, or all of them to datasets.load"
        raise ValueError(f"{expected}, got the parts of a split, {sorted(parts)}: {fix}")
    return tree


def _listed(
    tree: Tree, found_in: dict[str, list[str]], names: tuple[str, ...]
) -> tuple[tuple[str, ...], Tensor]:
    """All files in the order of the classes, and the label of each [n]."""
    check_classes(tree, list(found_in), names)
    counts = torch.tensor([len(files) for files in found_in.values()])
    labels = torch.tensor([names.index(each) for each in found_in]).repeat_interleave(counts)
    return tuple(file for each in found_in.values() for file in each), labels


def sides_of(size: Size) -> tuple[int, int] | None:
    """(height, width) of a size in pixels, which may be one side of a square, or None."""
    if size is None:
        return None
    sides = (size, size) if isinstance(size, Integral) else tuple(size)  # type: ignore[arg-type]
    if len(sides) != 2 or not all(isinstance(each, Integral) and each > 0 for each in sides):
        raise ValueError(f"expected size as pixels or (height, width), each >= 1, got {size!r}")
    return int(sides[0]), int(sides[1])

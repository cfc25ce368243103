"""A folder of pictures, one sub-folder a class, in; batches x [batch, channels, h, w], y out."""

from __future__ import annotations

import difflib
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from forward_forward.data.batch import Batch, as_float, check_sizes, class_names
from forward_forward.data.decode import Reader, reader_like

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")

SPLITS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}


@dataclass(frozen=True, eq=False, repr=False)
class Folder:
    """A labelled set of pictures left on disk, made by ``folder``; each batch is read when due.

    Args:
        files: [n] paths below the folder, in the order of the classes.
        labels: [n] int64, the place of each file's class in ``classes``.
        classes: the class names.
        reader: turns names of files into pictures.
        name: what reports call the set.
        batch_size: samples a batch, where nobody asks for another number.
        workers: processes that read; 0 reads in this one.
    """

    files: tuple[str, ...]
    labels: Tensor
    classes: tuple[str, ...]
    reader: Reader
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
        """Read the set batch by batch, the last one may be smaller; global seeds are not used.

        Args:
            batch_size: samples a batch.
            shuffle: a CPU generator that draws the order; None keeps the order of the files.
            skip: batches left out at the start, for a run that resumes; they are not read.

        Raises:
            ValueError: a file is no picture, or unlike the others; raised when its turn comes.
        """
        check_sizes(batch_size, skip)
        if shuffle is None:
            order = torch.arange(len(self))
        elif shuffle.device.type == "cpu":
            order = torch.randperm(len(self), generator=shuffle)
        else:
            raise ValueError(f"expected a CPU generator, got {shuffle.device}: torch.Generator()")
        starts = range(skip * batch_size, len(self), batch_size)
        return self._read([order[start : start + batch_size] for start in starts])

    def _read(self, parts: Sequence[Tensor]) -> Iterator[Batch]:
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
        for rows, x in zip(parts, loader, strict=True):
            if isinstance(x, str):
                raise ValueError(x)
            yield Batch(as_float(x), self.labels[rows])


def _leave_interrupts(worker: int) -> None:
    """Ctrl+C is for the main process alone, which may save a checkpoint before it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def folder(
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    mode: str | None = None,
    classes: Sequence[str] | None = None,
    name: str = "data",
    batch_size: int = 256,
    workers: int | None = None,
) -> Folder:
    """A folder of pictures, larger than memory or not, as a Source: one sub-folder a class.

    PNG, JPEG, BMP, GIF (the first frame) and WebP files are taken, in folders within folders too;
    other files and hidden ones are left out. Labels come from the sub-folders' names alone.
    Pictures stand upright as their EXIF tag says, and what is transparent becomes white.

    Args:
        path: the folder.
        size: (height, width) or one side in pixels that all pictures are scaled to, whatever
            their proportions; None expects pictures of one size.
        mode: "L" reads all as grey, "RGB" in colour; None looks at the first picture of every
            class, and grey it is if all of these are.
        classes: the class names in the order of the labels; None takes the sub-folders, sorted.
        name: what reports call the set.
        batch_size: samples a batch, where nobody asks for another number.
        workers: processes that read ahead; None takes one a core, at most 4. Where these are not
            forked (Windows, macOS, Python 3.14), a script needs ``if __name__ == "__main__":``.

    Returns:
        A Source of x float32 [batch, channels, height, width] in 0..1.

    Raises:
        ValueError: no such folder, fewer than two classes, a class without pictures, or a first
            picture that cannot be read.

    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as path:
    ...     for name in ("cat", "dog"):
    ...         (Path(path) / name).mkdir()
    ...         Image.new("L", (8, 6)).save(f"{path}/{name}/0.png")
    ...     folder(path)
    Folder('data': 2 pictures of [1, 6, 8], 2 classes)
    """
    if workers is None:
        workers = min(4, os.cpu_count() or 1)
    if batch_size < 1 or workers < 0:
        found = f"{batch_size} and {workers}"
        raise ValueError(f"expected batch_size >= 1 and workers >= 0, got {found}")
    found_in = _files_by_class(Path(path))
    names = tuple(found_in) if classes is None else class_names(classes)
    _check_classes(Path(path), list(found_in), names)
    firsts = [files[0] for files in found_in.values()]
    reader = reader_like(Path(path), firsts, _sides(size), mode)
    counts = torch.tensor([len(files) for files in found_in.values()])
    labels = torch.tensor([names.index(each) for each in found_in]).repeat_interleave(counts)
    files = tuple(file for each in found_in.values() for file in each)
    return Folder(files, labels, names, reader, name, batch_size, workers)


def _files_by_class(root: Path) -> dict[str, list[str]]:
    """The sub-folders' names, sorted, each with its pictures' paths below the root, sorted."""
    if not root.is_dir():
        found = "a file" if root.exists() else "which does not exist"
        expected = f"expected a folder with one sub-folder a class, got {str(root)!r}, {found}"
        raise ValueError(f"{expected}: check the path; datasets.named(...) reads sets by name")
    names = sorted(each.name for each in root.iterdir() if each.is_dir())
    found_in = {name: _files(root, name) for name in names if not name.startswith(".")}
    empty = [name for name, files in found_in.items() if not files]
    if empty:
        expected = f"expected pictures ({' '.join(ENDINGS)}) in every sub-folder of {str(root)!r}"
        raise ValueError(f"{expected}, got none in {empty[0]!r}: add some or remove it")
    return found_in


def _files(root: Path, name: str) -> list[str]:
    def fail(error: OSError) -> None:  # os.walk would leave out a folder that may not be read
        raise error

    found = []
    for place, folders, files in os.walk(root / name, onerror=fail, followlinks=True):
        folders[:] = [each for each in folders if not each.startswith(".")]
        below = Path(place).relative_to(root).as_posix()
        pictures = [each for each in files if each.lower().endswith(ENDINGS)]
        found += [f"{below}/{each}" for each in pictures if not each.startswith(".")]
    return sorted(found)


def _check_classes(root: Path, found: list[str], names: tuple[str, ...]) -> None:
    expected = f"expected a sub-folder for each of 2 or more classes in {str(root)!r}"
    if not found or len(names) < 2:
        raise ValueError(f"{expected}, got {found or 'none'}: sort the pictures into sub-folders")
    if {each.lower() for each in found} <= SPLITS:
        fix = f"{str(root / found[0])!r} is one set"
        raise ValueError(f"{expected}, got the parts of a split, {found}: {fix}")
    for each in found:
        if each not in names:
            near = difflib.get_close_matches(each, names, 1) or names[:1]
            expected = f"expected sub-folders among {len(names)} classes, got {each!r}"
            raise ValueError(f"{expected} in {str(root)!r}: did you mean {near[0]!r}?")


def _sides(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or not all(isinstance(each, int) and each > 0 for each in sides):
        raise ValueError(f"expected size as pixels or (height, width), each >= 1, got {size!r}")
    return sides[0], sides[1]

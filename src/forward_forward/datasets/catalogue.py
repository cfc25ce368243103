"""The names of sets -> what each holds, where its files are, and what a download takes."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from forward_forward.datasets import cifar, idx
from forward_forward.datasets.builtin import available
from forward_forward.datasets.fetch import Files, located
from forward_forward.datasets.frames import BUNDLED
from forward_forward.plugins import plugin_names

SKLEARN = "scikit-learn"


@dataclass(frozen=True)
class Entry:
    """A set with a name.

    Attributes:
        name: As ``load`` takes it.
        shape: One sample's: (channels, height, width), or (features,) of a table; None if unknown.
        classes: Their number; 0 for a number to predict, None if unknown.
        train: Samples to train on, those for validation among them; None if unknown.
        test: Samples to test on; 0 if they are drawn from the others, None if unknown.
        package: The installed package that brings the set, or None.
        files: Its files, or None if a package has them.
    """

    name: str
    shape: tuple[int, ...] | None
    classes: int | None
    train: int | None
    test: int | None
    package: str | None = None
    files: Files | None = None

    @property
    def folder(self) -> Path | None:
        """Where its files are, which are not checked; None if they must be fetched."""
        return None if self.files is None else located(self.files)

    @property
    def megabytes(self) -> int | None:
        """What a download takes; None if the set cannot be downloaded."""
        return None if self.files is None else self.files.megabytes


def catalogue() -> list[Entry]:
    """All sets with a name: pictures, tables that scikit-learn brings, and those of packages.

    >>> {each.name: each.shape for each in catalogue()}["iris"]
    (4,)
    """
    grey, colour = (1, 28, 28), (3, 32, 32)
    found = [
        Entry("digits", (1, 8, 8), 10, 1_438, 359, SKLEARN),
        Entry("mnist", grey, 10, 60_000, 10_000, files=idx.MNIST),
        Entry("fashion_mnist", grey, 10, 60_000, 10_000, files=idx.FASHION),
        Entry("kmnist", grey, 10, 60_000, 10_000, files=idx.KMNIST),
        Entry("cifar10", colour, 10, 50_000, 10_000, files=cifar.CIFAR10),
        Entry("cifar100", colour, 100, 50_000, 10_000, files=cifar.CIFAR100),
        Entry("cifar10_jpeg", colour, 10, 50_000, 10_000, files=cifar.JPEG),
        Entry("iris", (4,), 3, 150, 0, SKLEARN),
        Entry("wine", (13,), 3, 178, 0, SKLEARN),
        Entry("breast_cancer", (30,), 2, 569, 0, SKLEARN),
        Entry("diabetes", (10,), 0, 442, 0, SKLEARN),
    ]
    for each in plugin_names("datasets"):
        name, _, package = each.removesuffix(")").partition(" (")
        found.append(Entry(name, None, None, None, None, package))
    return found


def nothing_there(path: str) -> str:
    """Why a text is neither the name of a set nor a path, for an error."""
    names = (*available(), *BUNDLED)
    # What has an ending or a folder is a path, however much it looks like a name.
    is_path = bool(os.path.dirname(path) or os.path.splitext(path)[1])
    near = [] if is_path else difflib.get_close_matches(path.lower(), names, 1, cutoff=0.55)
    hint = f": did you mean {near[0]!r}?" if near else ""
    return (
        f"expected the name of a set ({', '.join(names)}, openml:NAME or hf:NAME) or the path of a"
        f" folder, an archive, a table or an npz file, got {path!r}, which does not exist{hint}"
    )

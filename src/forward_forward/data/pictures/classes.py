"""A tree of files -> the parts of a set, its classes and the paths of their pictures."""

from __future__ import annotations

import difflib
import os

from forward_forward.data.arrays import PARTS as NAMES
from forward_forward.data.pictures.archive import Tree, is_archive, tree_of

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

# The part of a set that a folder of this name holds.
PARTS = {name: part for part, names in NAMES.items() for name in names}


def pictures_tree(path: str | os.PathLike[str]) -> Tree:
    if not os.path.isdir(path) and not (is_archive(path) and os.path.isfile(path)):
        found = "a file" if os.path.exists(path) else "which does not exist"
        expected = "expected a folder or an archive with one sub-folder per class, got"
        fix = "check the path; datasets.load(...) takes the names of sets"
        raise ValueError(f"{expected} {os.fspath(path)!r}, {found}: {fix}")
    return tree_of(path)


def parts_of(tree: Tree) -> dict[str, Tree]:
    """The parts of a set by name (train, validation, test) if all sub-folders are such parts.

    Raises:
        ValueError: Two folders are the same part, or none is the one to train on.
    """
    names = tree.folders()
    others = [each for each in names if each.lower() not in PARTS]
    train = [each for each in names if PARTS.get(each.lower()) == "train"]
    if others and train and tree.below(train[0]).folders():
        expected = f"expected nothing but train, val and test in {tree.shown()!r}"
        fix = f"name the folder to train on, {tree.shown(train[0])!r}, or move {others[0]!r} away"
        raise ValueError(f"{expected}, got {others[0]!r} beside {train[0]!r}: {fix}")
    if others or not names:
        return {}
    parts: dict[str, Tree] = {}
    for each in names:
        part = PARTS[each.lower()]
        if part in parts:
            expected = f"expected one folder for each part of the set in {tree.shown()!r}"
            raise ValueError(f"{expected}, got two for its {part} part, {names}: merge them")
        parts[part] = tree.below(each)
    if "train" not in parts:
        expected = f"expected a folder 'train' in {tree.shown()!r}"
        raise ValueError(f"{expected}, got {names}: rename the one to train on")
    return parts


def files_by_class(tree: Tree) -> dict[str, list[str]]:
    """The names of the sub-folders, each with the paths of its pictures, all sorted."""
    found_in: dict[str, list[str]] = {name: [] for name in tree.folders()}
    for file in tree.files():
        if "/" in file and file.lower().endswith(ENDINGS):
            found_in[file.split("/")[0]].append(file)
    empty = [name for name, files in found_in.items() if not files]
    if empty:
        expected = f"expected pictures ({' '.join(ENDINGS)}) in every sub-folder of"
        found = f"{tree.shown()!r}, got none in {empty[0]!r}"
        raise ValueError(f"{expected} {found}: add some or remove it")
    return found_in


def other_files(tree: Tree) -> list[str]:
    """Paths of the files in sub-folders that are skipped: they have no image extension."""
    return [file for file in tree.files() if "/" in file and not file.lower().endswith(ENDINGS)]


def check_classes(tree: Tree, found: list[str], names: tuple[str, ...]) -> None:
    expected = f"expected a sub-folder for each of 2 or more classes in {tree.shown()!r}"
    if not found or len(names) < 2:
        raise ValueError(f"{expected}, got {found or 'none'}: sort the pictures into sub-folders")
    for each in found:
        if each not in names:
            near = difflib.get_close_matches(each, names, 1) or names[:1]
            expected = f"expected sub-folders among {len(names)} classes, got {each!r}"
            raise ValueError(f"{expected} in {tree.shown()!r}: did you mean {near[0]!r}?")

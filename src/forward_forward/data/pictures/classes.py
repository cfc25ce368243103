"""A tree of files -> the parts of a set, its classes and the paths of their pictures."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection

from forward_forward.data.arrays import PARTS as NAMES
from forward_forward.data.paths import check_regular
from forward_forward.data.pictures.archive import Tree, is_archive, tree_of

JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
PORTABLE = (".pbm", ".pgm", ".ppm", ".pnm")
ENDINGS = (".png", *JPEG, ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", *PORTABLE)

# The part of a set by the name of a folder, which may go on as in test_set or train-images.
_PARTS = {name: part for part, names in NAMES.items() for name in names}
_PART = re.compile(rf"({'|'.join(_PARTS)})(?:[ _-]?(?:set|split|data|images|pictures))?")


def part_named(folder: str) -> str | None:
    """The part of a set that a folder of this name holds, if any.

    >>> part_named("Training_Set"), part_named("testimony")
    ('train', None)
    """
    found = _PART.fullmatch(folder.lower())
    return None if found is None else _PARTS[found[1]]


def pictures_tree(path: str | os.PathLike[str], classes: Collection[str] = ()) -> Tree:
    """The tree of a folder or an archive, or, if one folder in it holds all others, of that one.

    A README, a licence or a logo may lie beside that folder, which is none of the known classes.
    """
    path = os.path.expanduser(path)
    check_regular(path)
    if not os.path.isdir(path) and not (is_archive(path) and os.path.isfile(path)):
        found = "a file" if os.path.exists(path) else "which does not exist"
        expected = "expected a folder or an archive with one sub-folder per class, got"
        fix = "check the path; datasets.load(...) takes the names of sets"
        raise ValueError(f"{expected} {os.fspath(path)!r}, {found}: {fix}")
    tree = tree_of(path)
    while len(names := tree.folders()) == 1 and names[0] not in classes:
        if not tree.below(names[0]).folders():
            break
        tree = tree.below(names[0])
    return tree


def parts_of(tree: Tree) -> dict[str, Tree]:
    """The parts of a set by name (train, validation, test) if all sub-folders are such parts.

    Raises:
        ValueError: Two folders are the same part, or none is the one to train on.
    """
    names = tree.folders()
    others = [each for each in names if part_named(each) is None]
    train = [each for each in names if part_named(each) == "train"]
    if others and train and tree.below(train[0]).folders():
        expected = f"expected nothing but train, val and test in {tree.shown()!r}"
        fix = f"name the folder to train on, {tree.shown(train[0])!r}, or move {others[0]!r} away"
        raise ValueError(f"{expected}, got {others[0]!r} beside {train[0]!r}: {fix}")
    if others or not names:
        return {}
    parts: dict[str, Tree] = {}
    for each in names:
        part = part_named(each) or ""
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

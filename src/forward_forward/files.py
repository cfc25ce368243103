"""Values -> files that are complete or absent: written under another name, then renamed."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

RESTORE = "restore it from a copy, use another checkpoint, or train again"


class Entries(dict[str, Any]):
    """The entries of a JSON file; one that is not there is a ValueError that names the file."""

    def __init__(self, path: Path, entries: Mapping[str, Any]) -> None:
        super().__init__(entries)
        self.path = path

    def __missing__(self, name: str) -> Any:
        raise ValueError(
            f"expected an entry {name!r} in {str(self.path)!r}, got a file without it: restore the"
            " file, or train again"
        )


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in system errors that lack it, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write(path: Path, content: bytes) -> None:
    """Write a file atomically: after a crash, too, it is the old one or the new one."""
    beside = path.with_name(f".{path.name}.partial")
    with naming(path):
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:  # such as a full disk, or Ctrl-C
            beside.unlink(missing_ok=True)
            raise


def as_name(text: str) -> str:
    """A text as part of a file's name: what some systems do not allow there becomes a dash.

    >>> as_name("hf:me/pets")
    'hf-me-pets'
    """
    return re.sub(r'[/\\:*?"<>|]+', "-", text)


def unused(path: Path) -> Path:
    """The path, or if something is there, the path with the first free number, such as name-2."""
    names = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(each for each in itertools.chain([path], names) if not each.exists())


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically; numbers of numpy are written as Python's own."""
    write(path, (json.dumps(value, indent=2, default=number) + "\n").encode())


def number(value: Any) -> Any:
    """A number that `json` does not know, such as numpy's, as Python's own."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as a safetensors file, atomically."""
    import torch
    from safetensors.torch import save

    # Copies: the format refuses tensors that share memory, such as tied weights.
    ready = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    write(path, save(ready))


def read_json(path: Path) -> Entries:
    """The entries of a JSON file.

    Raises:
        ValueError: The file is broken.
    """
    try:
        entries = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"expected a whole JSON file, got {str(path)!r} ({error}): restore it"
            " from a copy, or train again"
        ) from error
    if not isinstance(entries, dict):
        raise ValueError(
            f"expected a JSON object in {str(path)!r}, got {str(entries)[:40]}:"
            " restore it from a copy, or train again"
        )
    return Entries(path, entries)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name; a broken file is a ValueError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"expected a whole safetensors file, got {str(path)!r} ({error}): {RESTORE}"
        ) from error


def replace_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Replace a folder atomically, so that its files are all old or all new.

    At any moment a complete folder exists at ``folder`` or ``previous(folder)``; `whole` finds it.

    Args:
        folder: The folder.
        fill: Writes the files into an empty folder.
    """
    new, old = partial(folder), previous(folder)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        fill(new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(folder, old)
    os.rename(new, folder)
    shutil.rmtree(old, ignore_errors=True)


def partial(folder: Path) -> Path:
    """The folder that `replace_folder` fills."""
    return folder.with_name(f".{folder.name}.partial")


def previous(folder: Path) -> Path:
    """Where `replace_folder` keeps the old folder while it moves the new one into place."""
    return folder.with_name(f".{folder.name}.previous")


def tidy(folder: Path) -> None:
    """Remove what `replace_folder` left beside the folder when its process was killed."""
    shutil.rmtree(partial(folder), ignore_errors=True)
    if previous(folder).is_dir() and not folder.exists():
        os.rename(previous(folder), folder)
    shutil.rmtree(previous(folder), ignore_errors=True)


def whole(folder: Path) -> Path | None:
    """The newest complete version of a folder, or None if there is none."""
    return next((path for path in (folder, previous(folder)) if path.is_dir()), None)

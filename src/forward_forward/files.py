"""Values -> files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def write(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader, or a crash, sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.partial")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically."""
    write(path, (json.dumps(value, indent=2) + "\n").encode())


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as a safetensors file, atomically."""
    import torch
    from safetensors.torch import save

    # Copies: the format refuses tensors that share their memory, as tied weights do.
    ready = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    write(path, save(ready))


def replace_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Write a folder of files that belong together, so that all of them are old or all are new.

    At any moment a whole one stands at ``folder`` or at ``previous(folder)``; `whole` finds it.

    Args:
        folder: Where it shall be.
        fill: Writes the files into the empty folder it is given.
    """
    new, old = partial(folder), previous(folder)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    fill(new)
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(folder, old)
    os.rename(new, folder)
    shutil.rmtree(old, ignore_errors=True)


def partial(folder: Path) -> Path:
    """Where `replace_folder` fills the new folder."""
    return folder.with_name(f".{folder.name}.partial")


def previous(folder: Path) -> Path:
    """Where `replace_folder` keeps the old folder while the new one is moved into its place."""
    return folder.with_name(f".{folder.name}.previous")


def whole(folder: Path) -> Path | None:
    """The newest whole version of a folder, or None where there never was one."""
    return next((path for path in (folder, previous(folder)) if path.is_dir()), None)

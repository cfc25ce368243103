"""Arrays that take long to read or decode -> the same arrays, mapped from files in the cache."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forward_forward.datasets.fetch import CHECKSUMS, cache
from forward_forward.files import read_json, write_json

__all__ = ["Arrays", "decoded"]

Arrays = Mapping[str, NDArray[np.uint8]]

_UNREADABLE = (OSError, ValueError, EOFError)  # EOFError: of an empty file

_log = logging.getLogger("forward_forward.datasets")


def decoded(name: str, make: Callable[[], Arrays]) -> Arrays:
    """Map arrays from the cache; the first call makes them and writes them there.

    A damaged copy is made again. Of several processes that need the arrays at once, one makes them
    and the others wait. If the cache is read-only, the arrays are made in memory.

    Args:
        name: Folder below the cache; another content needs another name.
        make: Returns the arrays, C-contiguous, by names that are valid file names.

    Returns:
        The arrays. The memory is that of the files, and processes share it; writing into an array
        changes neither the file nor other processes' arrays.
    """
    from filelock import FileLock

    folder = cache() / name
    try:
        return _read(folder)
    except _UNREADABLE:
        pass  # missing or damaged, or another process is writing: decided below, under the lock
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as why:  # read-only, or a file system without locks
        _log.warning("%s cannot be kept in the cache: %s", name, why)
        return make()
    try:
        return _read_or_make(folder, make)
    finally:
        lock.release()


def _read_or_make(folder: Path, make: Callable[[], Arrays]) -> Arrays:
    try:
        return _read(folder)  # another process has made it meanwhile
    except FileNotFoundError:
        _log.info("%s is not there yet: the set is read and decoded once", folder)
    except _UNREADABLE as why:
        _log.warning("the copy in %s is damaged and is made again: %s", folder, why)
    arrays = make()
    try:
        _write(folder, arrays)
        return _read(folder)
    except _UNREADABLE as why:  # such as a full disk
        _log.warning("%s could not be written: %s", folder, why)
        return arrays


def _read(folder: Path) -> Arrays:
    """Map and check the arrays; FileNotFoundError if they are missing."""
    checksums = read_json(folder / CHECKSUMS)
    arrays = {}
    for name, expected in checksums.items():
        # Copy-on-write, since torch has no read-only tensors; pages are read when they are used.
        arrays[name] = np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False)
        digest = _sha256(arrays[name])
        if digest != expected:
            found = f"expected SHA-256 {expected[:12]}..., got {digest[:12]}..."
            raise ValueError(f"{name}.npy: {found}")
    return arrays


def _write(folder: Path, arrays: Arrays) -> None:
    """Write every file atomically; that of the checksums comes last and makes them valid."""
    for name, array in arrays.items():
        part = folder / f".{name}.npy.partial"
        with part.open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, folder / f"{name}.npy")
    write_json(folder / CHECKSUMS, {name: _sha256(array) for name, array in arrays.items()})


def _sha256(array: NDArray[np.uint8]) -> str:
    found = hashlib.sha256(f"{array.dtype} {list(array.shape)}".encode())
    found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()

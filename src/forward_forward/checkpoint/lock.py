"""A run's folder -> its lock, which one process at a time can hold."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from forward_forward.checkpoint.refused import Refused

NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder, which is made if it is missing.

    The system releases the lock of a process that ends, however it ends. A folder that is empty in
    the end is removed.

    Raises:
        Refused: Another process holds the lock; its message names it.
    """
    from filelock import FileLock, Timeout

    if folder.exists() and not folder.is_dir():  # the run cannot be made, which says why
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        with suppress(OSError):
            holder = path.read_text()
        raise Refused(
            f"expected a folder that no other process trains in, got {str(folder)!r}"
            f" ({holder or 'a process that did not say which'})",
            *["wait until it ends, stop it, or choose another folder"] * 2,
        ) from error
    try:
        with suppress(OSError):  # Windows lets nobody write into a locked file
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            path.write_text(f"process {os.getpid()} on {platform.node()}, since {now}")
        yield
    finally:
        with suppress(OSError):  # Windows removes it when it is released
            path.unlink()
        lock.release()
        with suppress(OSError):  # not empty
            folder.rmdir()

"""A run's folder -> its lock, which one process at a time can hold."""

from __future__ import annotations

import errno
import os
import platform
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from forward_forward.checkpoint.refused import Refused

NAME = ".lock"
_held: set[tuple[int, Path]] = set()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder, which is made if it is missing.

    The system releases the lock of a process that ends, however it ends. Within such a block, the
    same thread may lock the folder again. A folder that is empty in the end is removed.

    Raises:
        Refused: Another process holds the lock; its message names it.
    """
    from filelock import FileLock, SoftFileLock, Timeout

    key = threading.get_ident(), folder.resolve()
    if key in _held or (folder.exists() and not folder.is_dir()):  # the run then says why not
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        holder = ""
        with suppress(OSError):
            holder = path.read_text()
        fix = f"wait until it ends, stop it, or if it is gone, delete {str(path)!r}"
        raise Refused(
            f"expected a folder that no other process trains in, got {str(folder)!r}"
            f" ({holder or 'a process that has just begun'})",
            *[fix] * 2,
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        warnings.warn(
            f"the file system of {str(folder)!r} has no locks ({error.strerror}): start no second"
            " training in this folder",
            stacklevel=3,
        )
        path.unlink(missing_ok=True)
        yield
        return
    _held.add(key)
    try:
        if not isinstance(lock, SoftFileLock):  # whose file has a meaning of its own
            with suppress(OSError):  # Windows lets nobody write into a locked file
                now = datetime.now().astimezone().isoformat(timespec="seconds")
                path.write_text(f"process {os.getpid()} on {platform.node()}, since {now}")
        yield
    finally:
        _held.discard(key)
        with suppress(OSError):  # Windows removes it when it is released
            path.unlink()
        lock.release()
        with suppress(OSError):  # not empty
            folder.rmdir()

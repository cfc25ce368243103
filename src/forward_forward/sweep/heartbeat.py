"""Running trials -> those whose process no longer exists.

Each trial carries a mark of its process, with a count that a thread of that process increments. On
the same host a process that has ended is noticed at once; on others, once the count stops.
"""

# Optuna's own heartbeat does not serve here: it needs a database, and a sweep has a journal.

from __future__ import annotations

import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    import optuna

MARK = "alive"
BEAT = 20.0  # seconds from one count to the next
GRACE = 90.0  # seconds without a new count after which a process is considered dead
UNMARKED_GRACE = 5.0  # the same for a trial without a mark, which is normally set at once
PROCESS = uuid.uuid4().hex  # tells this process from a later one with the same number


@contextmanager
def beating(trial: optuna.Trial) -> Iterator[None]:
    """Mark a trial as running in this process while the block runs."""
    mark: dict[str, Any] = {"host": here(), "pid": os.getpid(), "process": PROCESS}
    trial.set_user_attr(MARK, {**mark, "beat": 0})
    done = threading.Event()

    def beats() -> None:
        beat = 0
        while not done.wait(BEAT):
            beat += 1
            # A storage that is unreachable for a while is tried again; if it stays so, the trial
            # itself fails.
            with suppress(Exception):
                trial.set_user_attr(MARK, {**mark, "beat": beat})

    thread = threading.Thread(target=beats, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@cache
def here() -> str:
    """The host since it booted; within a container, the container."""
    names = [platform.node()]
    with suppress(OSError):
        names.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        names.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(names)


class StaleTrials:
    """Remembers the marks of running trials, and so finds those that no process runs any more."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Any, float]] = {}

    def is_stale(self, trial: optuna.trial.FrozenTrial) -> bool:
        """Whether no process runs a trial any more; to be called repeatedly.

        Args:
            trial: A running trial.
        """
        mark = trial.user_attrs.get(MARK)
        if mark is not None and mark["host"] == here() and _ended(mark["pid"], mark["process"]):
            return True
        now = time.monotonic()
        before, since = self._seen.get(trial.number, (None, now))
        if before != mark:
            since = now
        self._seen[trial.number] = mark, since
        # If this is wrong because a process was suspended, only its trial is lost.
        return bool(now - since > (UNMARKED_GRACE if mark is None else GRACE))


def _ended(pid: int, process: str) -> bool:
    """Whether a process of this host is known to have ended."""
    if pid == os.getpid():
        return process != PROCESS
    return not psutil.pid_exists(pid)

"""Trials under way -> which of them are still being run, by whom, and which were left by the dead.

Each trial carries a mark of its process, and a count that a thread of that process raises. On the
same host a process that is gone is known at once; elsewhere, by a count that stands still.
"""

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

if TYPE_CHECKING:
    import optuna

MARK = "alive"
BEAT = 20.0  # seconds from one count to the next
GRACE = 90.0  # seconds without a new one, after which a process counts as dead
UNMARKED_GRACE = 5.0  # of a trial without a mark, which otherwise has one at once
PROCESS = uuid.uuid4().hex  # what another one with the same number does not have


@contextmanager
def held(trial: optuna.Trial) -> Iterator[None]:
    """Mark a trial as under way in this process while the block runs."""
    mark: dict[str, Any] = {"host": here(), "pid": os.getpid(), "process": PROCESS}
    trial.set_user_attr(MARK, {**mark, "beat": 0})
    over = threading.Event()

    def beats() -> None:
        beat = 0
        while not over.wait(BEAT):
            beat += 1
            # A storage that is out of reach for a while is tried again; one that stays so stops
            # the trial itself.
            with suppress(Exception):
                trial.set_user_attr(MARK, {**mark, "beat": beat})

    thread = threading.Thread(target=beats, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@cache
def here() -> str:
    """The host since it was started; within a container, the container."""
    words = [platform.node()]
    with suppress(OSError):
        words.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        words.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(words)


class StaleTrials:
    """Tells which trials under way belong to processes that are no more."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Any, float]] = {}

    def dead(self, trial: optuna.trial.FrozenTrial) -> bool:
        """Whether nobody runs a trial any more; it is asked again and again.

        Args:
            trial: A trial under way.
        """
        mark = trial.user_attrs.get(MARK)
        if mark is not None and mark["host"] == here() and _gone(mark["pid"], mark["process"]):
            return True
        now = time.monotonic()
        before, since = self._seen.get(trial.number, (None, now))
        if before != mark or trial.number not in self._seen:
            since = now
        self._seen[trial.number] = mark, since
        # Where this is wrong, since a process stood still, its trial alone is lost.
        return now - since > (UNMARKED_GRACE if mark is None else GRACE)


def _gone(pid: int, process: str) -> bool:
    """Whether a process of this host is known to be gone."""
    if pid == os.getpid():
        return process != PROCESS
    if os.name != "posix":  # elsewhere there is no asking without harm
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False

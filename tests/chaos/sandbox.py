"""A command of ff in a forked process -> its exit code and output, or a kill on the way.

A fork of a process that has imported torch starts at once, so that hundreds of them are possible.
"""

import atexit
import os
import signal
import sys
import time
import traceback
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "sqlite3.connect"}
PATIENCE = 300.0  # seconds after which a command hangs


@dataclass(frozen=True)
class Kill:
    """When to kill a process: before its n-th change of a file, or after some seconds."""

    change: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How a command ended: ``code`` is negative after a signal, None after `PATIENCE`."""

    code: int | None
    out: str
    err: str
    changes: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether it succeeded, or failed with a sentence."""
        if "Traceback" in self.err or "Exception ignored" in self.err:
            return False
        return self.code == 0 or (self.code in (1, 2) and "ff: error: " in self.err)


def run(words: Sequence[object], folder: Path, kill: Kill | None = None) -> Outcome:
    """Run ``ff`` with arguments in a folder, in a forked process."""
    place = folder / ".sandbox"
    place.mkdir(exist_ok=True)
    (place / "changes").write_text("0")
    began = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    if (child := os.fork()) == 0:
        _be_child([str(word) for word in words], folder, place, kill or Kill())
    code = _waited(child, began + PATIENCE)
    texts = [(place / name).read_text(errors="replace") for name in ("out", "err", "changes")]
    return Outcome(code, texts[0], texts[1], int(texts[2] or 0), time.monotonic() - began)


def _waited(child: int, until: float) -> int | None:
    """The exit code of a child, negative for a signal; it is killed in the end."""
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _be_child(words: list[str], folder: Path, place: Path, kill: Kill) -> None:
    """Be the command, and exit."""
    code = 70
    weakref.finalize._registry.clear()  # else this process would delete the parent's folders
    try:
        os.chdir(folder)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        counted = _count_changes(folder, place, kill)
        sys.argv = ["ff", *words]
        if kill.seconds is not None:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends the process at once
            signal.setitimer(signal.ITIMER_REAL, kill.seconds)
        code = _exit_code()
        (place / "changes").write_text(str(counted[0]))
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _exit_code() -> int:
    from forward_forward.__main__ import main

    try:
        main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    return 0


def _count_changes(folder: Path, place: Path, kill: Kill) -> list[int]:
    """Count changes of files below a folder, and kill this process before one of them."""
    counted, below, beside = [0], str(folder), str(place)

    def count(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            if not (isinstance(mode, str) and set(mode) & set("wax+")) and not flags & os.O_CREAT:
                return
        elif event in WRITES:
            path = args[0]
        else:
            return
        text = os.path.abspath(os.fsdecode(path)) if isinstance(path, (str, bytes, Path)) else ""
        if text.startswith(below) and not text.startswith(beside):
            counted[0] += 1
            if counted[0] == kill.change:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    return counted

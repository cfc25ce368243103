"""Ctrl-C and SIGTERM -> one KeyboardInterrupt, wherever they fall; a second ends the process."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

STOPPED = 130  # the exit code: 128 + SIGINT


class Stopping:
    """Whether the process has been asked to stop.

    A library may swallow the KeyboardInterrupt, or turn it into an error of its own. If it falls
    into a destructor or a callback of the interpreter, from which no exception gets out, it is
    raised again as soon as possible.
    """

    def __init__(self) -> None:
        self.asked = False
        self._lost = False

    def handle(self, _signum: int, _frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, or at the second request end the process without cleaning up.

        All files are written so that they are whole even then.
        """
        if self.asked and not self._lost:
            with contextlib.suppress(OSError):  # stderr is closed
                os.write(2, b"\nff: stopped\n")
            os._exit(STOPPED)
        self.asked, self._lost = True, False
        raise KeyboardInterrupt

    def unraisable(self, found: sys.UnraisableHookArgs) -> None:
        """Keep a KeyboardInterrupt from being lost; show other exceptions as usual."""
        if found.exc_type is not KeyboardInterrupt:
            sys.__unraisablehook__(found)
            return
        self._lost = True
        threading.Timer(0.01, _thread.interrupt_main).start()  # after this hook has returned


_now: Stopping | None = None


@contextlib.contextmanager
def stoppable() -> Iterator[Stopping]:
    """Handle signals in this block; within another such block, that one does."""
    global _now
    if _now is not None or threading.current_thread() is not threading.main_thread():
        yield _now or Stopping()
        return
    _now, hook = Stopping(), sys.unraisablehook
    before = {each: signal.signal(each, _now.handle) for each in (signal.SIGINT, signal.SIGTERM)}
    sys.unraisablehook = _now.unraisable
    try:
        yield _now
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        sys.unraisablehook, _now = hook, None

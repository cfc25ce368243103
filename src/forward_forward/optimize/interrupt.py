"""Ctrl-C -> a wish to stop, honoured between two steps so that nothing is lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType


class Wish:
    """Whether somebody wishes training to stop."""

    def __init__(self) -> None:
        self.stop = False


@contextmanager
def interrupts(grace: float = 0) -> Iterator[Wish]:
    """Turn the first Ctrl-C into a wish; a second one interrupts at once, as usual.

    Outside the main thread, where signals cannot be taken, the wish is never made.

    Args:
        grace: Seconds in which further ones are taken for the same wish, and SIGTERM for another
            Ctrl-C: a launcher of several processes passes on what the terminal has sent already.
    """
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    first = 0.0

    def wished(signum: int, frame: FrameType | None) -> None:
        nonlocal first
        if not wish.stop:
            first = time.monotonic()
        elif time.monotonic() - first > grace:
            raise KeyboardInterrupt
        wish.stop = True

    with ExitStack() as put_back:
        for each in (signal.SIGINT, signal.SIGTERM) if grace else (signal.SIGINT,):
            put_back.callback(signal.signal, each, signal.signal(each, wished))
        yield wish

"""Ctrl-C or SIGTERM -> a request to stop, honoured between two steps so that nothing is lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType


@contextmanager
def interrupts(grace: float = 0) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop; a second one interrupts at once.

    Outside the main thread, which alone can handle signals, no request is ever made.

    Args:
        grace: Seconds during which further signals count as the same request: a launcher of
            several processes forwards what the terminal has already sent.
    """
    request = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    first = 0.0

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal first
        if not request.is_set():
            first = time.monotonic()
        elif time.monotonic() - first > grace:
            raise KeyboardInterrupt
        request.set()

    with ExitStack() as handlers:
        for each in (signal.SIGINT, signal.SIGTERM):
            handlers.callback(signal.signal, each, signal.signal(each, handle))
        yield request

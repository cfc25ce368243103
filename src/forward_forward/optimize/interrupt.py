"""Ctrl-C -> a wish to stop, honoured between two steps so that nothing is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Wish:
    """Whether somebody wishes training to stop."""

    def __init__(self) -> None:
        self.stop = False


@contextmanager
def interrupts() -> Iterator[Wish]:
    """Turn the first Ctrl-C into a wish; a second one interrupts at once, as usual.

    Outside the main thread, where signals cannot be taken, the wish is never made.
    """
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = signal.getsignal(signal.SIGINT)

    def wished(signum: int, frame: FrameType | None) -> None:
        wish.stop = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, wished)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGINT, before)

"""The newest activities of a stage -> the next stage, each at its own pace; older ones are dropped.

One thread sends and one receives, so that the layers never wait for the network.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from forward_forward.parallel.messages import PackedTensors, TensorSpecs
from forward_forward.parallel.timeouts import Timeout

END_OF_EPOCH, STOP_TRAINING = -1, -2  # signals, sent in place of a step's number


class Latest(NamedTuple):
    """The newest message: the step and the size of the batch that it belongs to."""

    step: int
    batch: int
    message: PackedTensors


class _ChannelThread(threading.Thread, ABC):
    """A thread at one end of a channel; its error is raised in whoever waits for its work."""

    def __init__(self, peer: int, timeout: Timeout, device: torch.device) -> None:
        super().__init__(daemon=True)
        self.peer, self.timeout, self.device = peer, timeout, device
        self.changed = threading.Condition()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.work()
        except Exception as error:
            with self.changed:
                self.error = error
                self.changed.notify_all()

    @abstractmethod
    def work(self) -> None:
        """What the thread does until the epoch ends."""

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait, with the lock held, for a condition; raise the thread's error if it has failed."""
        self.changed.wait_for(lambda: ready() or self.error is not None)
        if self.error is not None:
            raise self.error


class LatestSender(_ChannelThread):
    """Sends the newest message as soon as the previous one has arrived."""

    def __init__(self, peer: int, timeout: Timeout, device: torch.device) -> None:
        super().__init__(peer, timeout, device)
        self.sent = 0  # bytes so far
        self._pending: Latest | None = None

    def offer(self, step: int, batch: int, message: PackedTensors) -> None:
        """Send a message next, in place of one that is still pending."""
        with self.changed:
            self.wait_for(lambda: True)
            self._pending = Latest(step, batch, message)
            self.changed.notify_all()

    def close(self, signal: int) -> None:
        """Send what is still pending, then a signal; the thread ends."""
        with self.changed:
            self.wait_for(lambda: self._pending is None)
            self._pending = Latest(signal, 0, PackedTensors({}))
            self.changed.notify_all()
        self.join()
        if self.error is not None:
            raise self.error

    def work(self) -> None:
        step = 0
        while step not in (END_OF_EPOCH, STOP_TRAINING):
            with self.changed:
                self.changed.wait_for(lambda: self._pending is not None)
                assert self._pending is not None  # by the line above
                step, batch, message = self._pending
                self._pending = None
                self.changed.notify_all()
            self._send(torch.tensor((step, batch), device=self.device))
            if len(message.payload):
                self._send(message.payload)

    def _send(self, content: Tensor) -> None:
        work = self.timeout.send(content, self.peer)
        self.timeout.wait(work, self.peer, "sends to")
        self.sent += content.nbytes


class LatestReceiver(_ChannelThread):
    """Receives messages as they arrive, and keeps the newest.

    ``specs`` gives the tensors in a message, by the size of its batch.
    """

    def __init__(
        self, peer: int, timeout: Timeout, device: torch.device, specs: Callable[[int], TensorSpecs]
    ) -> None:
        super().__init__(peer, timeout, device)
        self.specs = specs
        self.signal: int | None = None  # the last thing that arrives
        self.received: Latest | None = None
        self._unread = False

    def latest(self) -> Latest | None:
        """The newest message, the same one again if no newer one has arrived.

        None once the last message was returned and the signal that no more follow has arrived.
        """
        with self.changed:
            self.wait_for(lambda: self.received is not None or self.signal is not None)
            if self.signal is not None and not self._unread:
                return None
            self._unread = False
            return self.received

    def work(self) -> None:
        while True:
            header = torch.empty(2, dtype=torch.int64, device=self.device)
            self._receive(header)
            step, batch = header.tolist()
            if step in (END_OF_EPOCH, STOP_TRAINING):
                with self.changed:
                    self.signal = step
                    self.changed.notify_all()
                return
            message = PackedTensors(self.specs(batch), device=self.device)
            self._receive(message.payload)
            with self.changed:
                self.received, self._unread = Latest(step, batch, message), True
                self.changed.notify_all()

    def _receive(self, content: Tensor) -> None:
        work = self.timeout.receive(content, self.peer)
        self.timeout.wait(work, self.peer, "waits for")

"""The newest activities of a stage -> the next one, each at its own pace: older ones are dropped.

Two threads wait for the network, so that the layers never do.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from forward_forward.parallel.parcel import Fields, Parcel, size
from forward_forward.parallel.timeouts import Timeout

END, STOP = -1, -2  # instead of a step: an epoch is over; training stops


class _Courier(threading.Thread, ABC):
    """A thread whose error is raised where its work is wanted."""

    def __init__(self, peer: int, patience: Timeout, device: torch.device) -> None:
        super().__init__(daemon=True)
        self.peer, self.patience, self.device = peer, patience, device
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
        """What the thread does, until all is done."""

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait, with the lock held, until something is so, or the thread has failed."""
        self.changed.wait_for(lambda: ready() or self.error is not None)
        if self.error is not None:
            raise self.error


class Sender(_Courier):
    """Sends the newest parcel whenever the last one has arrived."""

    def __init__(self, peer: int, patience: Timeout, device: torch.device) -> None:
        super().__init__(peer, patience, device)
        self.sent = 0
        self._waiting: tuple[Tensor, Parcel] | None = None  # header and content
        self._spare = [torch.empty(0, dtype=torch.uint8, device=device) for _ in range(2)]

    def offer(
        self, header: tuple[int, int], fields: Fields, fill: Callable[[Parcel], None]
    ) -> None:
        """Let a parcel be sent, in the place of one that still waits."""
        with self.changed:
            if self.error is not None:
                raise self.error
            memory = self._waiting[1].memory if self._waiting else self._spare.pop()
            if len(memory) < size(fields):
                memory = torch.empty(size(fields), dtype=torch.uint8, device=self.device)
            parcel = Parcel(fields, memory)
            fill(parcel)
            self._waiting = (torch.tensor(header, device=self.device), parcel)
            self.changed.notify_all()

    def end(self, word: int) -> None:
        """Send what still waits, then a word; the thread ends."""
        with self.changed:
            self.wait_for(lambda: self._waiting is None)
            self._waiting = (torch.tensor((word, 0), device=self.device), Parcel({}))
            self.changed.notify_all()
        self.join()
        if self.error is not None:
            raise self.error

    def work(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._waiting is not None)
                assert self._waiting is not None  # as was waited for
                header, parcel = self._waiting
                self._waiting = None
                self.changed.notify_all()
            over = int(header[0]) in (END, STOP)
            for content in (header,) if over else (header, parcel.content):
                self._send(content)
            if over:
                return
            with self.changed:
                self._spare.append(parcel.memory)

    def _send(self, content: Tensor) -> None:
        work = self.patience.send(content, self.peer)
        self.patience.wait(work, self.peer, "sends to")
        self.sent += content.nbytes


class Receiver(_Courier):
    """Receives parcels as they come, and keeps the newest.

    Args:
        peer: The rank they come from.
        patience: How long to wait for it.
        device: Where they are wanted.
        fields: What a batch of a size comes as.
    """

    def __init__(
        self,
        peer: int,
        patience: Timeout,
        device: torch.device,
        fields: Callable[[int], Fields],
    ) -> None:
        super().__init__(peer, patience, device)
        self.fields = fields
        self.word = 0  # the last one, once it has come
        self._newest: tuple[int, int, Parcel] | None = None
        self._used: tuple[int, int, Parcel] | None = None
        self._spare = [torch.empty(0, dtype=torch.uint8, device=device) for _ in range(3)]

    def newest(self) -> tuple[int, int, Parcel] | None:
        """Step, batch size and content of the newest parcel, again if there is no newer one.

        None once the last was given and the word has come that no more will.
        """
        with self.changed:
            self.wait_for(lambda: bool(self._newest or self._used or self.word))
            if self._newest is not None:
                if self._used is not None:
                    self._spare.append(self._used[2].memory)
                self._used, self._newest = self._newest, None
            elif self.word:
                return None
            return self._used

    def again(self) -> tuple[int, int, Parcel]:
        """The parcel that was given last."""
        assert self._used is not None  # one was
        return self._used

    def work(self) -> None:
        while True:
            header = torch.empty(2, dtype=torch.int64, device=self.device)
            self._receive(header)
            step, batch = header.tolist()
            if step in (END, STOP):
                with self.changed:
                    self.word = step
                    self.changed.notify_all()
                return
            fields = self.fields(batch)
            with self.changed:
                memory = self._spare.pop()
            if len(memory) < size(fields):
                memory = torch.empty(size(fields), dtype=torch.uint8, device=self.device)
            parcel = Parcel(fields, memory)
            self._receive(parcel.content)
            with self.changed:
                if self._newest is not None:
                    self._spare.append(self._newest[2].memory)
                self._newest = (step, batch, parcel)
                self.changed.notify_all()

    def _receive(self, content: Tensor) -> None:
        work = self.patience.receive(content, self.peer)
        self.patience.wait(work, self.peer, "waits for")

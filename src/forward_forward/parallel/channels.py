"""Parcels of known shapes -> the next rank, in order: two on the way at once, and no more.

Sending waits where two parcels have not been taken yet, so a slow stage holds back those before it
rather than filling memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor

from forward_forward.parallel.parcel import Fields, Parcel, size
from forward_forward.parallel.timeouts import Timeout

SLOTS = 2


class _Memory:
    """Memory for parcels that are on the way, used in turn."""

    def __init__(self, device: torch.device, slots: int = SLOTS) -> None:
        self.device = device
        self._slots = [torch.empty(0, dtype=torch.uint8, device=device) for _ in range(slots)]
        self._turn = 0

    def next(self, fields: Fields) -> Parcel:
        """The parcel after those in the other slots; the one before it in this slot is spent."""
        self._turn = (self._turn + 1) % len(self._slots)
        return Parcel(fields, self._at_least(size(fields)))

    def _at_least(self, length: int) -> Tensor:
        if len(self._slots[self._turn]) < length:
            fresh = torch.empty(length, dtype=torch.uint8, device=self.device)
            self._slots[self._turn] = fresh
        return self._slots[self._turn]


class Outbox:
    """Sends parcels to one rank.

    Args:
        peer: The rank.
        patience: How long to wait for it.
        device: Where parcels are made.
    """

    def __init__(self, peer: int, patience: Timeout, device: torch.device) -> None:
        self.peer, self.patience = peer, patience
        self.sent = 0  # bytes so far
        self._memory = _Memory(device)
        self._on_the_way: list[dist.Work] = []

    def parcel(self, fields: Fields) -> Parcel:
        """One to be filled; waits until there is room for it."""
        if len(self._on_the_way) == SLOTS:
            self.patience.wait(self._on_the_way.pop(0), self.peer, "sends to")
        return self._memory.next(fields)

    def send(self, parcel: Parcel) -> None:
        """Send the parcel that `parcel` gave."""
        self._on_the_way.append(self.patience.send(parcel.content, self.peer))
        self.sent += len(parcel.content)

    def drain(self) -> None:
        """Wait until all is taken."""
        while self._on_the_way:
            self.patience.wait(self._on_the_way.pop(0), self.peer, "sends to")


class Inbox:
    """Receives parcels from one rank; while one is used, the next come in.

    Args:
        peer: The rank.
        patience: How long to wait for it.
        device: Where parcels are wanted.
        ahead: How many parcels come in while one is used.
    """

    def __init__(self, peer: int, patience: Timeout, device: torch.device, ahead: int = 1) -> None:
        self.peer, self.patience, self.ahead = peer, patience, ahead
        self._memory = _Memory(device, ahead + 1)
        self._expected: Iterator[Fields] = iter(())
        self._coming: list[tuple[Parcel, dist.Work]] = []

    def expect(self, fields: Iterator[Fields]) -> None:
        """Begin to receive a row of parcels; each is asked for when the one before it is used."""
        self._expected = fields
        for _ in range(self.ahead):
            self._ask()

    def take(self) -> Parcel:
        """The next parcel; it stands until the next call."""
        parcel, work = self._coming.pop(0)
        self.patience.wait(work, self.peer, "waits for")
        self._ask()  # into the memory of the one before, which is spent
        return parcel

    def _ask(self) -> None:
        fields = next(self._expected, None)
        if fields is None:
            return
        parcel = self._memory.next(fields)
        self._coming.append((parcel, self.patience.receive(parcel.content, self.peer)))

    def drain(self) -> None:
        """Give back all that was taken; here there is nothing to give."""

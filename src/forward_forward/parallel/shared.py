"""Parcels in memory that two ranks of one machine both see: only a word of each travels.

Sent over the loopback, each byte is copied twice by the processors that the layers need. Whether
two ranks see one memory is tried, not guessed from names; where they do not, as on two hosts or
outside Linux, parcels are sent as they are.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
import weakref
from collections import deque
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from forward_forward.parallel.channels import SLOTS, Inbox, Outbox
from forward_forward.parallel.parcel import Fields, Parcel, size
from forward_forward.parallel.timeouts import Timeout

BLOCKS = 2 * SLOTS  # as many as lie at both ends of a link over the network
NAME = "forward-forward"
TRIAL, SPENT = 1, 2  # tags of messages beside the parcels' own


class _Offer(NamedTuple):
    """Where a number lies that another rank is to read."""

    process: int
    file: int
    number: int
    host: int


class _Word(NamedTuple):
    """Where a parcel lies."""

    slot: int
    file: int
    length: int


def outbox(peer: int, patience: Timeout, device: torch.device) -> Outbox:
    """To a rank that calls `inbox` now: through memory that both see, if they do."""
    block, offer = None, _Offer(0, 0, 0, 0)
    if device.type == "cpu" and hasattr(os, "memfd_create"):
        block = Block(8)
        offer = _Offer(os.getpid(), block.file, secrets.randbits(62), _host())
        block.memory.view(torch.int64).fill_(offer.number)
    patience.wait(patience.send(torch.tensor(offer), peer, TRIAL), peer, "sends to")
    seen = torch.zeros(1, dtype=torch.int64)
    patience.wait(patience.receive(seen, peer, TRIAL), peer, "waits for")
    return (SharedOutbox if block and seen else Outbox)(peer, patience, device)


def inbox(peer: int, patience: Timeout, device: torch.device) -> Inbox:
    """From a rank that calls `outbox` now."""
    told = torch.zeros(len(_Offer._fields), dtype=torch.int64)
    patience.wait(patience.receive(told, peer, TRIAL), peer, "waits for")
    offer = _Offer(*told.tolist())
    seen = torch.tensor([int(_seen(offer))])
    patience.wait(patience.send(seen, peer, TRIAL), peer, "sends to")
    if seen:
        return SharedInbox(peer, patience, device, offer.process)
    return Inbox(peer, patience, device)


def _seen(offer: _Offer) -> bool:
    """Whether the number that is offered can be read here."""
    if not offer.process or offer.host != _host():
        return False
    try:
        memory = _opened(offer.process, offer.file, 8)
    except (OSError, ValueError):  # of another machine or container
        return False
    return int(memory.view(torch.int64)) == offer.number


def _host() -> int:
    """A number of this host since it was started, and of its network.

    Namespaces of the network stand for hosts of their own: what they tell each other is sent.
    """
    try:
        words = Path("/proc/sys/kernel/random/boot_id").read_bytes()
        words += os.readlink("/proc/self/ns/net").encode()
    except OSError:  # hidden: what is read decides alone
        return 0
    return int.from_bytes(hashlib.sha256(words).digest()[:7])


def _opened(process: int, file: int, length: int) -> Tensor:
    """Memory that another process has made.

    Raises:
        OSError: There is no such file, or it is no such memory: nothing else is opened.
    """
    path = f"/proc/{process}/fd/{file}"
    if not os.readlink(path).startswith(f"/memfd:{NAME} "):
        raise FileNotFoundError(f"{path} is no memory of another rank")
    own = os.open(path, os.O_RDWR)
    try:
        return _mapped(own, length)
    finally:
        os.close(own)


def _mapped(file: int, length: int) -> Tensor:
    return torch.frombuffer(mmap.mmap(file, length), dtype=torch.uint8)


class Block:
    """Memory without a name, which ends with the processes that hold it, however they end."""

    def __init__(self, length: int) -> None:
        self.length = max(length, 8)
        self.file = os.memfd_create(NAME)
        weakref.finalize(self, os.close, self.file)
        os.ftruncate(self.file, self.length)
        self.memory = _mapped(self.file, self.length)


class SharedOutbox(Outbox):
    """Leaves parcels where another rank reads them; the arguments are `Outbox`'s."""

    def __init__(self, peer: int, patience: Timeout, device: torch.device) -> None:
        super().__init__(peer, patience, device)
        self._blocks = [Block(0) for _ in range(BLOCKS)]
        self._words = [torch.zeros(len(_Word._fields), dtype=torch.int64) for _ in range(BLOCKS)]
        self._made = 0  # parcels so far

    def parcel(self, fields: Fields) -> Parcel:
        if len(self._on_the_way) == BLOCKS:
            self._hear()
        slot, needed = self._made % BLOCKS, size(fields)
        if self._blocks[slot].length < needed:
            self._blocks[slot] = Block(needed)
        return Parcel(fields, self._blocks[slot].memory)

    def send(self, parcel: Parcel) -> None:
        slot = self._made % BLOCKS
        block, word = self._blocks[slot], self._words[slot]
        word.copy_(torch.tensor(_Word(slot, block.file, block.length)))
        self._on_the_way.append(self.patience.send(word, self.peer))
        self._made += 1
        self.sent += len(parcel.content)

    def drain(self) -> None:
        while self._on_the_way:
            self._hear()

    def _hear(self) -> None:
        """Wait until the parcel that was sent longest ago is spent."""
        heard = self.patience.receive(torch.zeros(1), self.peer, SPENT)
        self.patience.wait(heard, self.peer, "sends to")
        self.patience.wait(self._on_the_way.pop(0), self.peer, "sends to")


class SharedInbox(Inbox):
    """Reads parcels where another rank leaves them; the arguments are `Inbox`'s.

    Args:
        process: The other rank's process.
    """

    def __init__(self, peer: int, patience: Timeout, device: torch.device, process: int) -> None:
        super().__init__(peer, patience, device)
        self.process = process
        self._known: dict[int, tuple[_Word, Tensor]] = {}
        self._heard: deque[tuple[Fields, Tensor, dist.Work]] = deque()
        self._used = False  # whether there is a parcel that is not spent
        self._spent: deque[dist.Work] = deque()

    def take(self) -> Parcel:
        self._spend()
        fields, word, work = self._heard.popleft()
        self.patience.wait(work, self.peer, "waits for")
        self._ask()
        self._used = True
        place = _Word(*word.tolist())
        memory = self.patience.guard(lambda: self._memory_of(place), self.peer, "waits for")
        return Parcel(fields, memory)

    def drain(self) -> None:
        self._spend()
        while self._spent:
            self.patience.wait(self._spent.popleft(), self.peer, "waits for")

    def _ask(self) -> None:
        fields = next(self._expected, None)
        if fields is None:
            return
        word = torch.empty(len(_Word._fields), dtype=torch.int64)
        self._heard.append((fields, word, self.patience.receive(word, self.peer)))

    def _spend(self) -> None:
        """Give the parcel back that was taken last."""
        if not self._used:
            return
        self._used = False
        self._spent.append(self.patience.send(torch.zeros(1), self.peer, SPENT))
        if len(self._spent) > BLOCKS:  # heard of long ago: the other rank has used its memory since
            self.patience.wait(self._spent.popleft(), self.peer, "waits for")

    def _memory_of(self, word: _Word) -> Tensor:
        known = self._known.get(word.slot)
        if known is None or known[0] != word:
            try:
                memory = _opened(self.process, word.file, word.length)
            except (OSError, ValueError) as error:
                raise RuntimeError(f"its memory is gone: {error}") from error
            known = self._known[word.slot] = word, memory
        return known[1]

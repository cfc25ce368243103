"""Messages of known shapes -> the next rank, in order, with at most two in transit.

A sender waits while two of its messages have not been received, so a slow stage holds back the
stages below it instead of filling memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.distributed as dist

from forward_forward.parallel.messages import PackedTensors, TensorSpecs, packed_size
from forward_forward.parallel.timeouts import Timeout

IN_TRANSIT = 2


class _BufferRing:
    """Message buffers that are reused in turn."""

    def __init__(self, device: torch.device, count: int) -> None:
        self._buffers = [torch.empty(0, dtype=torch.uint8, device=device) for _ in range(count)]
        self._next = 0

    def message(self, specs: TensorSpecs) -> PackedTensors:
        """A message in the next buffer; the one that was in it is overwritten."""
        index, needed = self._next, packed_size(specs)
        self._next = (index + 1) % len(self._buffers)
        if len(self._buffers[index]) < needed:
            self._buffers[index] = self._buffers[index].new_empty(needed)
        return PackedTensors(specs, self._buffers[index])


class SendChannel:
    """Sends messages, composed on the device, to one rank, the peer."""

    def __init__(self, peer: int, timeout: Timeout, device: torch.device) -> None:
        self.peer, self.timeout = peer, timeout
        self.sent = 0  # bytes so far
        self._ring = _BufferRing(device, IN_TRANSIT)
        self._in_transit: list[dist.Work] = []

    def message(self, specs: TensorSpecs) -> PackedTensors:
        """An empty message to fill; waits until a buffer is free."""
        if len(self._in_transit) == IN_TRANSIT:
            self._wait()
        return self._ring.message(specs)

    def send(self, message: PackedTensors) -> None:
        """Start to send the message that `message` returned last."""
        self._in_transit.append(self.timeout.send(message.payload, self.peer))
        self.sent += len(message.payload)

    def drain(self) -> None:
        """Wait until every message has been received."""
        while self._in_transit:
            self._wait()

    def _wait(self) -> None:
        self.timeout.wait(self._in_transit.pop(0), self.peer, "sends to")


class ReceiveChannel:
    """Receives messages from one rank; the next ``ahead`` ones arrive while one is in use."""

    def __init__(self, peer: int, timeout: Timeout, device: torch.device, ahead: int = 1) -> None:
        self.peer, self.timeout, self.ahead = peer, timeout, ahead
        self._ring = _BufferRing(device, ahead + 1)
        self._expected: Iterator[TensorSpecs] = iter(())
        self._in_transit: list[tuple[PackedTensors, dist.Work]] = []

    def expect(self, specs: Iterator[TensorSpecs]) -> None:
        """Start to receive a sequence of messages; each is requested when a buffer is free."""
        self._expected = specs
        for _ in range(self.ahead):
            self._request()

    def receive(self) -> PackedTensors:
        """The next message, valid until the next call."""
        message, work = self._in_transit.pop(0)
        self.timeout.wait(work, self.peer, "waits for")
        self._request()  # into the buffer of the message before, which is no longer in use
        return message

    def _request(self) -> None:
        specs = next(self._expected, None)
        if specs is not None:
            message = self._ring.message(specs)
            self._in_transit.append((message, self.timeout.receive(message.payload, self.peer)))

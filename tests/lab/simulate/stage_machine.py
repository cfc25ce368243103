"""Seconds, bytes and a link -> when stages end their turns, by processes that wait for tokens.

Written apart from `forward_forward.lab.simulate`, whose recurrences it checks.
"""

import heapq
import itertools
from collections.abc import Generator

from forward_forward.lab.simulate import Link


class Tokens:
    """Things one process puts somewhere and one other takes."""

    def __init__(self, count: int) -> None:
        self.count, self.taker = count, None


class Machine:
    """Processes that yield seconds to spend, or Tokens to take one from."""

    def __init__(self) -> None:
        self.now, self.queue, self.number = 0.0, [], itertools.count()

    def start(self, process: Generator, after: float = 0.0) -> None:
        heapq.heappush(self.queue, (self.now + after, next(self.number), process))

    def put(self, tokens: Tokens) -> None:
        tokens.count += 1
        if tokens.taker is not None:
            tokens.count -= 1
            self.start(tokens.taker)
            tokens.taker = None

    def put_after(self, delay: float, tokens: Tokens) -> None:
        def process() -> Generator:
            self.put(tokens)
            yield from ()

        self.start(process(), delay)

    def run(self) -> None:
        while self.queue:
            self.now, _, process = heapq.heappop(self.queue)
            wanted = next(process, None)
            if isinstance(wanted, Tokens) and not wanted.count:
                wanted.taker = process
            elif isinstance(wanted, Tokens):
                wanted.count -= 1
                self.start(process)
            elif wanted is not None:
                self.start(process, wanted)


def by_machine(
    seconds: tuple[float, ...], sent: tuple[int, ...], link: Link, steps: int, ahead: int | None
) -> list[list[float]]:
    """When stages of one layer each end their turns: two buffers at both ends of each link."""
    machine, last = Machine(), len(seconds) - 1
    inbox, outgoing = [Tokens(0) for _ in seconds], [Tokens(0) for _ in seconds]
    buffers_here, buffers_there = [Tokens(2) for _ in seconds], [Tokens(2) for _ in seconds]
    scores = Tokens(steps if ahead is None or not last else ahead + 1)
    ends = [[] for _ in seconds]

    def stage(k: int) -> Generator:
        for _ in range(steps):
            yield inbox[k] if k else scores
            yield (sent[k - 1] / link.copy if k else 0) + seconds[k]
            if k < last:
                yield buffers_here[k]
                yield sent[k] / link.copy
                machine.put(outgoing[k])
            if k:
                machine.put_after(link.delay, buffers_there[k - 1])
            if k == last:
                machine.put_after(link.delay, scores)
            ends[k].append(machine.now)

    def wire(k: int) -> Generator:
        for _ in range(steps):
            yield outgoing[k]
            yield buffers_there[k]
            yield sent[k] / link.bandwidth
            machine.put(buffers_here[k])
            machine.put_after(link.delay, inbox[k + 1])

    for k in range(last + 1):
        machine.start(stage(k))
        if k < last:
            machine.start(wire(k))
    machine.run()
    return ends

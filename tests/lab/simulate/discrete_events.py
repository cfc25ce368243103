"""Seconds, bytes and a link -> when stages end their turns, as processes that wait for tokens.

Independent of `forward_forward.lab.simulate`, whose recurrences it checks.
"""

import heapq
import itertools
from collections.abc import Generator

from forward_forward.lab.simulate import Link


class Tokens:
    """Tokens that one process adds and one other takes."""

    def __init__(self, count: int) -> None:
        self.count, self.taker = count, None


class Simulation:
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


def simulated_ends(
    seconds: tuple[float, ...], sent: tuple[int, ...], link: Link, steps: int, ahead: int | None
) -> list[list[float]]:
    """When stages of one layer each end their turns: two buffers at both ends of each link."""
    simulation, last = Simulation(), len(seconds) - 1
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
                simulation.put(outgoing[k])
            if k:
                simulation.put_after(link.delay, buffers_there[k - 1])
            if k == last:
                simulation.put_after(link.delay, scores)
            ends[k].append(simulation.now)

    def wire(k: int) -> Generator:
        for _ in range(steps):
            yield outgoing[k]
            yield buffers_there[k]
            yield sent[k] / link.bandwidth
            simulation.put(buffers_here[k])
            simulation.put_after(link.delay, inbox[k + 1])

    for k in range(last + 1):
        simulation.start(stage(k))
        if k < last:
            simulation.start(wire(k))
    simulation.run()
    return ends

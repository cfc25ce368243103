"""Forward and backward seconds, a split, a link -> a step of backprop with distributed layers.

Backprop's pipelines, with which docs/parallel.md compares layers that train on their own.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from forward_forward.lab.simulate.forecast import Link, check_layers, crossing
from forward_forward.parallel.balance import stage_costs

Turn = tuple[bool, int]  # forward or backward, microbatch
Program = list[Turn]


class Pipeline(NamedTuple):
    """The forecast for one batch.

    ``step_seconds`` from its first forward pass until the last stage is done; ``speed_up`` over one
    process; ``held``, the microbatches whose activities the first stage keeps at once.
    """

    step_seconds: float
    speed_up: float
    held: int


def gpipe(
    forward: Sequence[float],
    backward: Sequence[float],
    split: Sequence[int],
    microbatches: int,
    link: Link,
    sent: Sequence[int],
) -> Pipeline:
    """Backprop in a pipeline: all microbatches forward, all backward, then the next batch.

    Args:
        forward: Seconds of each layer's forward pass of a whole batch.
        backward: Seconds of each layer's backward pass of a whole batch, with its optimiser's step.
        split: The number of layers of each stage.
        microbatches: The number of equal parts of a batch.
        link: What connects two stages; here it never makes a stage wait for a buffer.
        sent: Bytes of a whole batch that each layer sends up, and receives as gradients.

    Raises:
        ValueError: If the split or a number of layers does not fit, or there is no microbatch.
    """
    _check_microbatches(microbatches)
    turns = [(True, part) for part in range(microbatches)]
    turns += [(False, part) for part in range(microbatches)]
    return _flushed([turns] * len(split), forward, backward, split, link, sent)


def one_f_one_b(
    forward: Sequence[float],
    backward: Sequence[float],
    split: Sequence[int],
    microbatches: int,
    link: Link,
    sent: Sequence[int],
) -> Pipeline:
    """As :func:`gpipe`, but each stage goes back as soon as it can, and keeps fewer activities.

    Stage s of R takes R - s microbatches forward, then alternates one backward and one forward.
    """
    _check_microbatches(microbatches)
    programs = []
    for above in reversed(range(len(split))):
        ahead = min(above, microbatches)
        turns = [(True, part) for part in range(ahead)]
        for part in range(microbatches):
            turns += [(True, part + ahead)] * (part + ahead < microbatches) + [(False, part)]
        programs.append(turns)
    return _flushed(programs, forward, backward, split, link, sent)


def _check_microbatches(microbatches: int) -> None:
    if microbatches < 1:
        raise ValueError(f"expected at least one microbatch, got {microbatches}")


def _flushed(
    programs: list[Program],
    forward: Sequence[float],
    backward: Sequence[float],
    split: Sequence[int],
    link: Link,
    sent: Sequence[int],
) -> Pipeline:
    """A batch's forecast; each stage takes the turns of its program in order."""
    check_layers("backward", backward, len(forward))
    check_layers("sent", sent, len(forward))
    work = [stage_costs(each, split) for each in (backward, forward)]
    parts = len(programs[0]) // 2
    seconds = [[each / parts for each in passes] for passes in work]
    sizes = [each / parts for each in crossing(sent, split)]
    step = _seconds(programs, seconds, sizes, link)
    alone = math.fsum(itertools.chain(*work))
    held = max(itertools.accumulate(1 if forth else -1 for forth, _ in programs[0]))
    return Pipeline(step, alone / step, held)


def _seconds(
    programs: list[Program], seconds: list[list[float]], sizes: list[float], link: Link
) -> float:
    """Until every stage has taken its last turn.

    Args:
        programs: Of each stage.
        seconds: Of a turn of each stage, backward and forward.
        sizes: Bytes of a microbatch over each boundary of the stages, the outer two included.
        link: What connects two stages.
    """
    last = len(programs) - 1
    there: dict[tuple[int, Turn], float] = {(0, turn): 0.0 for turn in programs[0] if turn[0]}
    free = [0.0] * len(programs)  # when a stage has taken its turns so far
    wires = [[0.0] * len(programs), [0.0] * len(programs)]  # the same of links down and up
    left = [deque(program) for program in programs]
    while any(left):  # in each round, at least one stage has what its next turn needs
        for stage, turns in enumerate(left):
            while turns and (stage, turns[0]) in there:
                forth, part = turn = turns.popleft()
                copies = (sizes[stage] + sizes[stage + 1]) / link.copy
                begin = max(free[stage], there[stage, turn])
                end = free[stage] = begin + copies + seconds[forth][stage]
                if forth and stage == last:
                    there[stage, (False, part)] = end
                    continue
                wire = sizes[stage + forth] / link.bandwidth
                gone = wires[forth][stage] = max(end, wires[forth][stage]) + wire
                there[stage + (1 if forth else -1), turn] = gone + link.delay
    return max(free)

"""Passes forward and back, a split and a link -> a step of backprop with its layers spread."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence

from forward_forward.lab.simulate.forecast import Forecast, Link, check_layers, crossing
from forward_forward.parallel.balance import stage_costs

__all__ = ["gpipe", "one_f_one_b"]

Turn = tuple[bool, int]  # forward or back, microbatch
Program = list[Turn]


def gpipe(
    forward: Sequence[float],
    backward: Sequence[float],
    split: Sequence[int],
    microbatches: int,
    link: Link,
    sent: Sequence[int],
) -> Forecast:
    """Backprop through a pipeline: all microbatches forward, then all back, then the next batch.

    Args:
        forward: Seconds of each layer's forward pass of a whole batch.
        backward: Seconds of each layer's backward pass of a whole batch, with its optimiser's step.
        split: The number of layers of each stage.
        microbatches: Equal parts that a batch is cut into.
        link: What joins two stages; it never makes a stage wait for a buffer here.
        sent: Bytes of a whole batch each layer sends up, and gets back as gradients.

    Returns:
        The forecast of one batch from its first forward pass until the last stage is done.

    Raises:
        ValueError: If the split or a number of layers does not fit, or there is no microbatch.

    >>> round(gpipe([1] * 4, [2] * 4, (1,) * 4, 12, Link(math.inf), [8] * 4).step_seconds, 9)
    3.75
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
) -> Forecast:
    """As :func:`gpipe`, but each stage goes back as soon as it can, and keeps fewer activities.

    Stage s of R takes R - s microbatches forward, then one back and one forward in turn; it takes
    the arguments of :func:`gpipe`, and raises the same.

    >>> one_f_one_b([1] * 4, [2] * 4, (1,) * 4, 12, Link(math.inf), [8] * 4).held
    4
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
        raise ValueError(f"expected one microbatch or more, got {microbatches}: 1 cuts nothing")


def _flushed(
    programs: list[Program],
    forward: Sequence[float],
    backward: Sequence[float],
    split: Sequence[int],
    link: Link,
    sent: Sequence[int],
) -> Forecast:
    """A batch's forecast; each stage takes its program's turns in their order."""
    check_layers("backward", backward, len(forward))
    check_layers("sent", sent, len(forward))
    split = tuple(split)
    work = [stage_costs(each, split) for each in (backward, forward)]
    turns = [sum(both) for both in zip(*work, strict=True)]
    parts = len(programs[0]) // 2
    seconds = [[each / parts for each in passes] for passes in work]
    sizes = [each / parts for each in crossing(sent, split)]
    step = _seconds(programs, seconds, sizes, link)
    unhindered = _seconds(programs, seconds, sizes, Link(math.inf))
    slowest = max(turns)
    lost = {
        f"stage {turns.index(slowest) + 1}": slowest,
        "bubble": unhindered - slowest,
        "links": step - unhindered,
    }
    return Forecast(
        ranks=len(split),
        split=split,
        step_seconds=step,
        mean_seconds=step,
        speed_up=math.fsum(turns) / step,
        balance_bound=math.fsum(turns) / slowest,
        limit=max(lost, key=lost.__getitem__),
        held=max(itertools.accumulate(1 if forth else -1 for forth, _ in programs[0])),
    )


def _seconds(
    programs: list[Program], seconds: list[list[float]], sizes: list[float], link: Link
) -> float:
    """Until every stage has done its last turn.

    Args:
        programs: Of each stage.
        seconds: Of a turn of each stage, of those back and of those forward.
        sizes: Bytes of a microbatch over each edge of the stages, the outer two included.
        link: What joins two stages.
    """
    last = len(programs) - 1
    there: dict[tuple[int, Turn], float] = {(0, turn): 0.0 for turn in programs[0] if turn[0]}
    free = [0.0] * len(programs)  # when a stage has done its turns so far
    wires = [[0.0] * len(programs), [0.0] * len(programs)]  # the same of links down and up
    left = [deque(program) for program in programs]
    while any(left):  # each time around, at least one stage has what its next turn needs
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

"""Work, a split into stages and a link -> a step of Forward-Forward with distributed layers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from forward_forward.lab.simulate.forecast import Forecast, Link, Work, crossing
from forward_forward.parallel.balance import balanced, stage_costs

__all__ = ["layers", "plan", "timeline"]


def layers(
    work: Work,
    split: Sequence[int],
    link: Link,
    *,
    steps: int = 500,
    look_ahead: int | None = None,
) -> Forecast:
    """Forward-Forward with the layers distributed over ranks.

    Links have two buffers at each end. For turn t of stage s, with ``wire = bytes / bandwidth``::

        worked(s, t)  = max(end(s, t-1), arrived(s-1, t)) + receive(s) + work(s)
        end(s, t)     = max(worked(s, t), sent(s, t-2)) + send(s)
        sent(s, t)    = max(end(s, t), sent(s, t-1), end(s+1, t-2) + delay) + wire(s)
        arrived(s, t) = sent(s, t) + delay

    ``end(s+1, t-2) + delay`` is when stage s learns that a buffer is free for the message of its
    turn t, so a slow stage holds back those below it. The steady step is the longest of each
    ``turn = receive + work + send``, each ``wire(s)`` and, for two buffers in a round trip, each
    ``(turn(s+1) + wire(s) + 2 delay) / 2``. The first of equal ones is the ``limit``.

    Args:
        work: Seconds and bytes of each layer.
        split: The number of layers of each stage.
        link: What connects two stages.
        steps: Number of batches over which ``mean_seconds`` is averaged.
        look_ahead: How many steps before its own step a batch is scored, in its neutral pass: in
            turn t each stage adds the neutral pass of batch t + 1 + look_ahead to its own step, and
            the first waits for its scores from the last. 0 makes the pipeline serial. None if
            wrong labels need no scores.

    Returns:
        The forecast; its ``speed_up`` is relative to one process with the same passes.

    Raises:
        ValueError: If the split does not fit, or ``work`` has no neutral pass for the look-ahead.

    >>> forecast = layers(Work((1.0, 2.0, 3.0), (8, 8, 8), (0, 0, 0)), (2, 1), Link(math.inf))
    >>> forecast.speed_up, forecast.balance_bound, forecast.limit
    (2.0, 2.0, 'stage 1')
    """
    stages = _stages(work, split, link, look_ahead)
    limits = _limits(stages, link.delay, look_ahead)
    limit = max(limits, key=limits.__getitem__)
    owned = [stage.work for stage in stages]
    _, last_end = _timeline(stages, link.delay, steps, look_ahead)[-1][-1]
    return Forecast(
        ranks=len(stages),
        split=tuple(split),
        step_seconds=limits[limit],
        mean_seconds=last_end / steps,
        speed_up=math.fsum(owned) / limits[limit],
        balance_bound=math.fsum(owned) / max(owned),
        limit=limit,
    )


def timeline(
    work: Work, split: Sequence[int], link: Link, *, steps: int, look_ahead: int | None = None
) -> list[list[tuple[float, float]]]:
    """When each stage begins and ends each of its turns, as :func:`layers` counts them.

    Args:
        work: Seconds and bytes of each layer.
        split: The number of layers of each stage.
        link: What connects two stages.
        steps: Turns of each stage.
        look_ahead: As in :func:`layers`; the scores for the first turns are available.

    Returns:
        For each stage, (begin, end) of each turn, in seconds from the beginning of the first.

    Raises:
        ValueError: As :func:`layers`.

    >>> timeline(Work((1.0, 2.0), (8, 8), (0, 0)), (1, 1), Link(8.0), steps=2)
    [[(0.0, 1.0), (1.0, 2.0)], [(2.0, 4.0), (4.0, 6.0)]]
    """
    return _timeline(_stages(work, split, link, look_ahead), link.delay, steps, look_ahead)


def plan(work: Work, ranks: Sequence[int], link: Link) -> list[Forecast]:
    """Forecasts of :func:`layers` for the balanced split on each number of ranks.

    Args:
        work: Seconds and bytes of each layer; the seconds are balanced.
        ranks: Numbers of processes.
        link: What connects two stages.

    Returns:
        One forecast for each number of ranks.

    Raises:
        ValueError: If there are more ranks than layers.

    >>> work = Work((1.0, 1.0, 2.0), (8, 8, 8), (0, 0, 0))
    >>> [(each.split, each.speed_up) for each in plan(work, [1, 2], Link(math.inf))]
    [((3,), 1.0), ((2, 1), 2.0)]
    """
    return [layers(work, balanced(work.seconds, each), link) for each in ranks]


@dataclass(frozen=True)
class _StageSeconds:
    """Seconds of a turn's three parts, and of its message on the wire."""

    receive: float
    work: float
    send: float
    wire: float

    @property
    def turn(self) -> float:
        return self.receive + self.work + self.send


def _stages(
    work: Work, split: Sequence[int], link: Link, look_ahead: int | None
) -> list[_StageSeconds]:
    seconds, sent = _with_neutral(work, look_ahead)
    owned = stage_costs(seconds, split)
    edges = itertools.pairwise(crossing(sent, split))
    return [
        _StageSeconds(before / link.copy, own, after / link.copy, after / link.bandwidth)
        for own, (before, after) in zip(owned, edges, strict=True)
    ]


def _with_neutral(work: Work, look_ahead: int | None) -> tuple[Sequence[float], Sequence[int]]:
    if look_ahead is None:
        return work.seconds, work.sent
    if look_ahead < 0 or not work.neutral:
        raise ValueError(
            f"look_ahead expects 0 or more and a Work with neutral seconds, got {look_ahead} and"
            f" {work.neutral}: omit it if wrong labels need no scores"
        )
    seconds = [own + more for own, more in zip(work.seconds, work.neutral, strict=True)]
    return seconds, [own + more for own, more in zip(work.sent, work.neutral_sent, strict=True)]


def _limits(stages: list[_StageSeconds], delay: float, look_ahead: int | None) -> dict[str, float]:
    """Seconds around each cycle of dependencies, over its turns; the largest is the step."""
    limits = {f"stage {k}": stage.turn for k, stage in enumerate(stages, 1)}
    for k, (below, above) in enumerate(itertools.pairwise(stages), 1):
        limits[f"link {k}"] = max(below.wire, (above.turn + below.wire + 2 * delay) / 2)
    if look_ahead is not None and len(stages) > 1:
        around = math.fsum(stage.turn + stage.wire + delay for stage in stages)
        limits["look-ahead"] = around / (look_ahead + 1)
    return limits


def _timeline(
    stages: list[_StageSeconds], delay: float, steps: int, look_ahead: int | None
) -> list[list[tuple[float, float]]]:
    if steps < 1:
        raise ValueError(f"expected at least one step, got {steps}: the first one fills the stages")
    begins: list[list[float]] = [[] for _ in stages]
    # Entry t + 2 belongs to turn t: both buffers of a link are free before the first turn.
    ends = [[-math.inf, -math.inf] for _ in stages]
    sent = [[-math.inf, -math.inf] for _ in stages]
    ends.append([-math.inf] * (steps + 2))  # the last stage sends nothing
    for turn in range(steps):
        arrived = 0.0
        if look_ahead is not None and turn > look_ahead and len(stages) > 1:
            arrived = ends[-2][turn - look_ahead + 1] + delay
        for k, stage in enumerate(stages):
            begins[k].append(max(ends[k][-1], arrived))
            worked = begins[k][-1] + stage.receive + stage.work
            ends[k].append(max(worked, sent[k][-2]) + stage.send)
            start = max(ends[k][-1], sent[k][-1], ends[k + 1][turn] + delay)
            sent[k].append(start + stage.wire)
            arrived = sent[k][-1] + delay
    return [list(zip(begins[k], ends[k][2:], strict=True)) for k in range(len(stages))]

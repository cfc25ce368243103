"""Work, a number of ranks and a link -> a step of Forward-Forward with distributed samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forward_forward.lab.simulate.forecast import Forecast, Link, Work, check_layers
from forward_forward.parallel.balance import stage_costs

__all__ = ["data"]


def data(work: Work, ranks: int, link: Link, fixed: Sequence[float] = ()) -> Forecast:
    """Each batch distributed over ranks, which sum each layer's gradients in a ring.

    A layer's all-reduce starts when its gradient is ready, after that of the layer below, and
    overlaps with the work of the layers above. The optimiser's steps come last, each after its
    all-reduce.

    Args:
        work: Seconds and bytes of each layer.
        ranks: Processes, each with all layers and ``1 / ranks`` of the samples.
        link: What connects a rank to the next in the ring.
        fixed: Seconds of each layer that do not shrink with the samples, such as its optimiser's;
            zeros if empty.

    Raises:
        ValueError: If there is no rank, or ``fixed`` is not between 0 and the layer's seconds.

    >>> data(Work((1.0, 3.0), (8, 8), (4, 4)), 4, Link(math.inf), (0.5, 0.5)).step_seconds
    1.75
    """
    fixed = tuple(fixed) or (0.0,) * len(work.seconds)
    check_layers("fixed", fixed, len(work.seconds))
    total = math.fsum(stage_costs(work.seconds, (len(work.seconds),)))
    if ranks < 1 or not all(0 <= f <= s for f, s in zip(fixed, work.seconds, strict=True)):
        raise ValueError(
            f"expected at least one rank, and fixed seconds from 0 to each layer's {work.seconds},"
            f" got {ranks} ranks and {fixed}"
        )
    shrinking = [(s - f) / ranks for s, f in zip(work.seconds, fixed, strict=True)]
    # What a rank sends, and receives.
    sizes = [2 * (ranks - 1) / ranks * each for each in work.weights]
    clock, summed = 0.0, [0.0]
    for seconds, size in zip(shrinking, sizes, strict=True):
        clock += seconds + size / link.copy
        ring = size / link.bandwidth + 2 * (ranks - 1) * link.delay
        summed.append(max(clock, summed[-1]) + ring)
    for arrived, size, own in zip(summed[1:], sizes, fixed, strict=True):
        clock = max(clock, arrived) + size / link.copy + own
    computing = math.fsum(shrinking) + math.fsum(fixed)
    return Forecast(
        ranks=ranks,
        split=(),
        step_seconds=clock,
        mean_seconds=clock,
        speed_up=total / clock,
        balance_bound=total / computing,
        limit="layers" if computing >= clock / 2 else "all-reduce",
    )

"""Work, a number of ranks and a link -> a step of Forward-Forward with its samples spread."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forward_forward.lab.simulate.forecast import Forecast, Link, Work, check_layers
from forward_forward.parallel.balance import stage_costs

__all__ = ["data"]


def data(work: Work, ranks: int, link: Link, fixed: Sequence[float] = ()) -> Forecast:
    """The samples of each batch spread over ranks, which sum up each layer's gradients in a ring.

    A layer's all-reduce starts when its gradient is there and runs beside the work of the layers
    above, after the one before it. The optimiser's steps come last, each after its all-reduce.

    Args:
        work: Seconds and bytes of each layer.
        ranks: Processes, each with all layers and ``1 / ranks`` of the samples.
        link: What joins a rank to the next in the ring.
        fixed: Seconds of each layer that stay with fewer samples: its optimiser's; zeros if empty.

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
            f"expected a rank or more and fixed seconds from 0 to each layer's, got {ranks} ranks"
            f" and {fixed} of {work.seconds}"
        )
    shares = [(s - f) / ranks for s, f in zip(work.seconds, fixed, strict=True)]
    sizes = [2 * (ranks - 1) / ranks * each for each in work.weights]  # what a rank sends, and gets
    clock, summed = 0.0, [0.0]
    for share, size in zip(shares, sizes, strict=True):
        clock += share + size / link.copy
        ring = size / link.bandwidth + 2 * (ranks - 1) * link.delay
        summed.append(max(clock, summed[-1]) + ring)
    for there, size, own in zip(summed[1:], sizes, fixed, strict=True):
        clock = max(clock, there) + size / link.copy + own
    computing = math.fsum(shares) + math.fsum(fixed)
    return Forecast(
        ranks=ranks,
        split=(),
        step_seconds=clock,
        mean_seconds=clock,
        speed_up=total / clock,
        balance_bound=total / computing,
        limit="layers" if computing >= clock / 2 else "all-reduce",
    )

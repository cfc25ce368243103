"""The cost of each layer and a number of stages -> how many consecutive layers each stage gets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

__all__ = ["balance_bound", "balanced", "ranges", "stage_costs"]


def balanced(costs: Sequence[float], stages: int) -> tuple[int, ...]:
    """The split into consecutive layers that minimises the cost of the slowest stage.

    Ties are broken by the smallest sum of squares of the stages' costs, and then by fewer layers in
    the first stage that differs.

    Args:
        costs: Seconds of each layer, or any other positive unit.
        stages: The number of stages, each with at least one layer.

    Returns:
        The number of layers of each stage.

    Raises:
        ValueError: If there are more stages than layers, or a cost is not positive and finite.

    >>> balanced([1, 1, 1, 3], 2)
    (3, 1)
    >>> balanced([1, 1, 1, 1, 9], 3)
    (2, 2, 1)
    """
    _check_costs(costs)
    if not 1 <= stages <= len(costs):
        raise ValueError(
            f"expected 1 to {len(costs)} stages for {len(costs)} layers, got {stages}: each stage"
            " needs at least one layer"
        )
    sums = [0, *itertools.accumulate(_integers(costs))]
    return _evenest(sums, stages, _slowest(sums, stages))


def ranges(split: Sequence[int]) -> list[range]:
    """The layers of each stage, counted from 0.

    Raises:
        ValueError: If there is no stage, or a stage has no layer.

    >>> ranges((3, 1))
    [range(0, 3), range(3, 4)]
    """
    if not split or min(split) < 1:
        raise ValueError(f"expected at least one layer in each stage, got split={tuple(split)}")
    ends = itertools.accumulate(split)
    return [range(end - count, end) for count, end in zip(split, ends, strict=True)]


def stage_costs(costs: Sequence[float], split: Sequence[int]) -> list[float]:
    """The total cost of each stage of a split, in the unit of the layers' costs.

    Raises:
        ValueError: If the split has another number of layers, or a cost is not positive and finite.

    >>> stage_costs([1, 2, 3, 3], (3, 1))
    [6.0, 3.0]
    """
    _check_costs(costs)
    owned = ranges(split)
    if owned[-1].stop != len(costs):
        raise ValueError(
            f"expected a split of {len(costs)} layers, got {tuple(split)}, which has"
            f" {owned[-1].stop}: assign each layer to one stage, or use balanced(costs, stages)"
        )
    return [math.fsum(costs[layer] for layer in each) for each in owned]


def balance_bound(costs: Sequence[float], split: Sequence[int]) -> float:
    """The total cost over that of the slowest stage: no pipeline of this split is faster.

    It is a speed-up over one process, at most the number of stages.

    Raises:
        ValueError: As :func:`stage_costs`.

    >>> balance_bound([1, 1, 1, 3], (2, 2))
    1.5
    """
    return math.fsum(costs) / max(stage_costs(costs, split))


def _check_costs(costs: Sequence[float]) -> None:
    for layer, cost in enumerate(costs, 1):
        if not 0 < cost < math.inf:
            raise ValueError(
                f"expected a positive, finite cost for each layer, got {cost} for layer {layer}:"
                " measure it again, over more steps"
            )


def _integers(costs: Sequence[float]) -> list[int]:
    # A float is an integer over a power of two. Sums of integers are exact, so equal stages compare
    # equal, and the split does not depend on the order of summation.
    ratios = [float(cost).as_integer_ratio() for cost in costs]
    finest = max(denominator for _, denominator in ratios)
    return [numerator * (finest // denominator) for numerator, denominator in ratios]


def _slowest(sums: list[int], stages: int) -> int:
    """The least possible cost of the slowest stage; ``sums[k]`` is that of the first k layers."""
    layers = len(sums) - 1
    least = [sums[-1] - before for before in sums[:-1]]  # of the layers from each index on
    for later in range(1, stages):  # stages that follow the one added in front
        least = [
            min(
                max(sums[cut] - sums[first], least[cut])
                for cut in range(first + 1, layers - later + 1)
            )
            for first in range(layers - later)
        ]
    return least[0]


def _evenest(sums: list[int], stages: int, slowest: int) -> tuple[int, ...]:
    """The split with the smallest sum of squares among those whose stages cost <= ``slowest``."""
    layers = len(sums) - 1
    best: dict[int, tuple[int, tuple[int, ...]]] = {layers: (0, ())}
    for _ in range(stages):
        longer: dict[int, tuple[int, tuple[int, ...]]] = {}
        for first in range(layers):
            ways = [
                ((sums[cut] - sums[first]) ** 2 + squares, (cut - first, *split))
                for cut, (squares, split) in best.items()
                if cut > first and sums[cut] - sums[first] <= slowest
            ]
            if ways:
                longer[first] = min(ways)
        best = longer
    return best[0][1]

"""A recurrent network -> multiply-adds of a training step, with and without recurrence."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from forward_forward.recurrent.network import RecurrentNetwork


class MultiplyAdds(NamedTuple):
    """Multiply-adds per sample of a ``recurrent`` and of a ``feed_forward`` training step."""

    recurrent: int
    feed_forward: int

    @property
    def ratio(self) -> float:
        """Cost of a recurrent step in feed-forward steps."""
        return self.recurrent / self.feed_forward


def multiply_adds(
    network: RecurrentNetwork, *, negatives: int = 1, learned: tuple[int, int] | None = None
) -> MultiplyAdds:
    """Multiply-adds per sample of a training step, and of a feed-forward network of equal size.

    Products with the image are computed once a step and serve all variants; products with a label
    are table look-ups and are not counted, nor is the scoring of hard negatives.

    Args:
        network: The recurrent network.
        negatives: Negatives per sample.
        learned: First and last iteration that are learned from; None for all.

    Returns:
        Both counts.

    >>> net = RecurrentNetwork(784, 500, 500, num_classes=10)
    >>> round(multiply_adds(net).ratio, 2)
    9.69
    """
    first, last = learned or (1, network.iterations)
    rows, count = 1 + negatives, last - first + 1
    units = [each.out_features for each in network.bottom_up]
    image = 2 * network.features * units[0]
    between = sum(below * above for below, above in pairwise(units))
    back = 0 if network.top_down == "zero" else between
    taught = back if network.top_down == "learned" else 0
    run = between + last * (between + back)
    learn = count * (between + taught)
    return MultiplyAdds(image + rows * (run + learn), image + rows * 2 * between)

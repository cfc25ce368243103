"""A link and the work of layers, as a forecast takes them -> the forecast, as it is given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from forward_forward.parallel.balance import ranges

__all__ = ["Forecast", "Link", "Work"]


@dataclass(frozen=True)
class Link:
    """What joins a rank to the next: the same in both directions, which do not disturb each other.

    Args:
        bandwidth: Bytes a second on the wire.
        delay: Seconds from one end to the other, one way.
        copy: Bytes a second at which the rank's own processor hands a message to the link or takes
            it from there; infinite where a device does that by itself.

    Raises:
        ValueError: If a rate is not positive or the delay is negative or infinite.
    """

    bandwidth: float
    delay: float = 0.0
    copy: float = math.inf

    def __post_init__(self) -> None:
        if not (self.bandwidth > 0 and self.copy > 0 and 0 <= self.delay < math.inf):
            raise ValueError(
                f"expected bandwidth > 0, copy > 0 and a finite delay >= 0, got {self}: math.inf"
                " stands for a rate without a limit"
            )


@dataclass(frozen=True)
class Work:
    """What each layer does in a step.

    Args:
        seconds: Of each layer's step in one process, with its optimiser's.
        sent: Bytes each layer sends to the next one; the last layer's go nowhere.
        weights: Bytes of each layer's gradients.
        neutral: Seconds of each layer's neutral pass, where wrong labels are drawn from scores.
        neutral_sent: Bytes each layer sends to the next one in that pass.

    Raises:
        ValueError: If one of them is below 0 or not of as many layers; only the neutral two may be
            empty.
    """

    seconds: tuple[float, ...]
    sent: tuple[int, ...]
    weights: tuple[int, ...]
    neutral: tuple[float, ...] = ()
    neutral_sent: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        layers = len(self.seconds)
        check_layers("sent", self.sent, layers)
        check_layers("weights", self.weights, layers)
        if self.neutral or self.neutral_sent:
            check_layers("neutral", self.neutral, layers)
            check_layers("neutral_sent", self.neutral_sent, layers)


@dataclass(frozen=True)
class Forecast:
    """What a step takes on several ranks.

    Args:
        ranks: Processes.
        split: The number of layers of each stage; empty where every rank has all layers.
        step_seconds: Of a step in the steady state.
        mean_seconds: Of a step, the filling and the draining of the pipeline included.
        speed_up: Seconds of one process over ``step_seconds``.
        balance_bound: The speed-up if links were free and nobody waited at the end of a batch.
        limit: What a faster step needs first: "stage 2", "link 1", "look-ahead", "all-reduce",
            "layers", "bubble" or "links".
        held: Batches, or microbatches, whose activities the first stage keeps at once.
    """

    ranks: int
    split: tuple[int, ...]
    step_seconds: float
    mean_seconds: float
    speed_up: float
    balance_bound: float
    limit: str
    held: int = 1


def check_layers(name: str, values: Sequence[float], layers: int) -> None:
    """Refuse values that are below 0 or not one for each layer."""
    if len(values) != layers or any(each < 0 for each in values):
        raise ValueError(
            f"expected {layers} values of {name}, none below 0, got {values}: give one a layer"
        )


def crossing(sent: Sequence[int], split: Sequence[int]) -> list[float]:
    """Bytes over the edges of the stages, the two outer ones included."""
    return [0, *(sent[each.stop - 1] for each in ranges(split)[:-1]), 0]

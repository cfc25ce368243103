"""The inputs of a forecast, a link and the work of layers, and its result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from forward_forward.parallel.balance import ranges

__all__ = ["Forecast", "Link", "Work"]


@dataclass(frozen=True)
class Link:
    """What connects a rank to the next: equal in both directions, which are independent.

    Args:
        bandwidth: Bytes per second on the wire.
        delay: Seconds from one end to the other, one way.
        copy: Bytes per second at which the rank's own processor moves a message to the link or from
            it; infinite if a device does that by itself.

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
                " for a rate without a limit"
            )


@dataclass(frozen=True)
class Work:
    """What each layer does in a step.

    Args:
        seconds: Seconds of each layer's step in one process, its optimiser included.
        sent: Bytes that each layer sends to the next one; those of the last layer do not count.
        weights: Bytes of each layer's gradients.
        neutral: Seconds of each layer's neutral pass, if wrong labels are drawn from scores.
        neutral_sent: Bytes that each layer sends to the next one in that pass.

    Raises:
        ValueError: If a value is below 0, or the numbers of layers differ; only the neutral two may
            be empty.
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
    """The duration of a step on several ranks.

    Args:
        ranks: Processes.
        split: The number of layers of each stage; empty if every rank has all layers.
        step_seconds: Of a step in the steady state.
        mean_seconds: Of a step, including the filling and draining of the pipeline.
        speed_up: Seconds of one process over ``step_seconds``.
        balance_bound: The speed-up if links were free and no rank waited for another.
        limit: What determines the step: "stage 2", "link 1", "look-ahead", "all-reduce" or
            "layers".
    """

    ranks: int
    split: tuple[int, ...]
    step_seconds: float
    mean_seconds: float
    speed_up: float
    balance_bound: float
    limit: str


def check_layers(name: str, values: Sequence[float], layers: int) -> None:
    """Raise a ValueError unless there is one value for each layer, none below 0."""
    if len(values) != layers or any(each < 0 for each in values):
        raise ValueError(
            f"expected {layers} values of {name}, one for each layer and none below 0, got {values}"
        )


def crossing(sent: Sequence[int], split: Sequence[int]) -> list[float]:
    """Bytes over the boundaries of the stages, the two outer ones included."""
    return [0, *(sent[each.stop - 1] for each in ranges(split)[:-1]), 0]

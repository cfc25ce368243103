"""Epochs (done, total) -> factor of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Warmup", "constant", "cosine", "half_cooldown", "linear"]

Schedule = Callable[[float, float], float]


def constant(epoch: float, epochs: float) -> float:
    """A constant learning rate.

    Args:
        epoch: Epochs done so far, with fractions.
        epochs: Total number of epochs.

    Returns:
        1.

    >>> constant(3.5, 10)
    1.0
    """
    return 1.0


def cosine(epoch: float, epochs: float) -> float:
    """Half a cosine from 1 to 0, updated at every step.

    Args:
        epoch: Epochs done so far, with fractions.
        epochs: Total number of epochs.

    Returns:
        ``(1 + cos(pi epoch / epochs)) / 2``.

    >>> cosine(0, 10), cosine(10, 10)
    (1.0, 0.0)
    """
    return (1 + math.cos(math.pi * epoch / epochs)) / 2


def linear(epoch: float, epochs: float) -> float:
    """A linear fall from 1 to 0, updated at every step.

    Args:
        epoch: Epochs done so far, with fractions.
        epochs: Total number of epochs.

    Returns:
        ``1 - epoch / epochs``.

    >>> linear(1, 4)
    0.75
    """
    return 1 - epoch / epochs


def half_cooldown(epoch: float, epochs: float) -> float:
    """Constant for the first half of the epochs, then linear to zero, updated once per epoch.

    Args:
        epoch: Epochs done so far, with fractions.
        epochs: Total number of epochs.

    Returns:
        1 while e <= epochs / 2, then ``(1 + 2 (epochs - e)) / epochs``, e counted from 1.

    References:
        Hinton (2022), ``ffnew.m``.

    >>> [half_cooldown(epoch, 4) for epoch in range(4)]
    [1.0, 1.0, 0.75, 0.25]
    """
    counted = math.floor(epoch) + 1
    if counted <= epochs / 2:
        return 1.0
    return (1 + 2 * (epochs - counted)) / epochs


@dataclass(frozen=True)
class Warmup:
    """A linear rise from 0 to 1, multiplied by another schedule that starts at the same time.

    Args:
        schedule: The other schedule.
        epochs: Length of the rise in epochs; may be fractional.

    >>> Warmup(constant, epochs=2)(0.5, 10)
    0.25
    """

    schedule: Schedule = cosine
    epochs: float = 1.0

    def __call__(self, epoch: float, epochs: float) -> float:
        rise = min(1.0, epoch / self.epochs) if self.epochs else 1.0
        return rise * self.schedule(epoch, epochs)

"""What a recipe gives: a trainer and the figures that `fit` needs besides the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from forward_forward.data import Source
from forward_forward.optimize import Trainer


@dataclass(frozen=True)
class Plan:
    """One experiment, ready to be run.

    Args:
        trainer: The trainer, with its untrained network.
        epochs: Passes over the training data.
        batch_size: Samples a step.
    """

    trainer: Trainer
    epochs: int
    batch_size: int


Recipe = Callable[..., Plan]  # (train: Source, *, seed, ...) -> Plan; its keywords are its settings


def features(train: Source) -> int:
    """Values in one sample."""
    return math.prod(train.shape)

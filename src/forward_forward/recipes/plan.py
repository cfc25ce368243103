"""What a recipe returns: a trainer, and the numbers that `fit` needs besides the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from forward_forward.data import Source
from forward_forward.optimize import Trainer


@dataclass(frozen=True)
class Plan:
    """One experiment, ready to run.

    Args:
        trainer: The trainer, with its untrained network.
        epochs: Passes over the training data.
        batch_size: Samples per step.
    """

    trainer: Trainer
    epochs: int
    batch_size: int


Recipe = Callable[..., Plan]  # (train: Source, *, seed, ...) -> Plan; its keywords are its settings


def features(train: Source) -> int:
    """The number of values in one sample."""
    return math.prod(train.shape)


def classes_of(train: Source) -> int:
    """The number of classes; raises a ValueError for a real-valued target."""
    if not train.classes:
        raise ValueError(
            "this recipe predicts classes, got data with a real-valued target: use the recipe"
            " regression, or for numbers in a table --task classes"
        )
    return len(train.classes)

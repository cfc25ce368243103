"""The state of a training -> its progress so far, and its result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forward_forward.track import Row


@dataclass
class Progress:
    """Epochs done, steps into the next one, and the best epoch so far."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    validation_seconds: float = 0.0
    best_epoch: int = 0
    best_error: float | None = None


@dataclass(frozen=True)
class Fitted:
    """The result of training.

    Args:
        history: One row of figures per epoch.
        best_epoch: The epoch with the lowest validation error, or the last one, counted from 1.
        validation_error: Of that epoch, in percent; None without validation data.
        seconds: Time of training and validation.
        validation_seconds: Time of validation alone.
        run: The run's folder, or None.
    """

    history: list[Row]
    best_epoch: int
    validation_error: float | None
    seconds: float
    validation_seconds: float
    run: Path | None = None

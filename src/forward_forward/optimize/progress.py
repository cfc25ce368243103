"""How far a training is, and what it gave in the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forward_forward.track import Row


@dataclass
class Progress:
    """Where training stands: whole epochs done, steps into the next one, and the best so far."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    validation_seconds: float = 0.0
    best_epoch: int = 0
    best_error: float | None = None


@dataclass(frozen=True)
class Fitted:
    """What training gave: a row of figures an epoch, and the best of them.

    ``validation_error`` is in percent and None without validation data; ``seconds`` is the time
    of training and validation together, ``validation_seconds`` that of validation alone.
    """

    history: list[Row]
    best_epoch: int
    validation_error: float | None
    seconds: float
    validation_seconds: float
    run: Path | None = None

"""The validation error of each epoch -> the end of the training once it no longer falls."""

from __future__ import annotations

from forward_forward.forward.arguments import whole_number
from forward_forward.track import Beginning, Callback, Row, StopTraining


class EarlyStopping(Callback):
    """Stops the training when the validation error has not fallen for some epochs.

    The best weights are those of the epoch with the lowest error, as always.

    Args:
        patience: Epochs without a fall after which training stops.
        min_delta: How far the error must fall below the lowest so far to count as a fall, in the
            error's unit.

    Raises:
        ValueError: ``patience`` is no whole number of 1 or more, or ``min_delta`` is negative.

    >>> stopping = EarlyStopping(patience=2)
    >>> for error in (3.0, 2.0, 2.0, 2.5):
    ...     try:
    ...         stopping.epoch({"epoch": 1, "validation_error": error})
    ...     except StopTraining as reason:
    ...         print(reason)
    the validation error has not fallen for 2 epochs
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        patience = whole_number("patience", patience, "10")
        if patience < 1 or min_delta < 0:
            raise ValueError(
                "EarlyStopping expects a patience of 1 epoch or more and a min_delta of 0 or more,"
                f" got patience={patience} and min_delta={min_delta}"
            )
        self.patience, self.min_delta = patience, min_delta
        self._begin()

    def _begin(self) -> None:
        self.lowest, self.waited = float("inf"), 0

    def start(self, beginning: Beginning) -> None:
        self._begin()
        for row in beginning.history:
            self._see(row)

    def epoch(self, row: Row) -> None:
        self._see(row)
        if self.waited >= self.patience:
            epochs = f"{self.waited} epoch{'s' if self.waited > 1 else ''}"
            raise StopTraining(f"the validation error has not fallen for {epochs}")

    def _see(self, row: Row) -> None:
        if "validation_error" not in row:
            raise ValueError(
                "EarlyStopping expects validation data, got none: pass validation=... to fit"
            )
        error = row["validation_error"]
        fell = error < self.lowest - self.min_delta
        self.waited = 0 if fell else self.waited + 1
        self.lowest = min(error, self.lowest) if fell else self.lowest

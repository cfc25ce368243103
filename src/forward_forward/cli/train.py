"""``ff train``: options -> a trained network in a run's folder, and its errors."""

from __future__ import annotations

from dataclasses import dataclass

from forward_forward.cli.train_settings import TrainOptions


@dataclass(frozen=True)
class TrainCommand(TrainOptions):
    """Train a network, and print its errors in total and by layer."""

    def __call__(self) -> int:
        from forward_forward.cli.training import Training

        return Training(self).run()

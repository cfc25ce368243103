"""A trainer and its training data -> thresholds that were given by name, as numbers."""

from __future__ import annotations

import torch

from forward_forward import seeds
from forward_forward.data import Source
from forward_forward.optimize.train_step import CALIBRATION_SAMPLES, TrainStep


def calibrate(trainer: TrainStep, source: Source, batch_size: int) -> None:
    """Set thresholds given by name from training samples, drawn in an order of their own."""
    order = seeds.generator(trainer.seed, "calibration")
    x, y = [], []
    for batch in source.batches(batch_size, shuffle=order):
        x.append(batch.x)
        y.append(batch.y)
        if sum(map(len, y)) >= CALIBRATION_SAMPLES:
            break
    trainer.calibrate(torch.cat(x)[:CALIBRATION_SAMPLES], torch.cat(y)[:CALIBRATION_SAMPLES])

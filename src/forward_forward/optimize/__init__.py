"""Batches -> trained layers: every layer takes its own step; nothing propagates back between them.

``trainer`` is the entry: its `fit` checks the data (``checks``), sets thresholds and runs the
epochs (``fit``) through a ``strategy``, in one process or several; ``frozen_cache`` keeps the
activities below the layer in training, and ``state`` converts a trainer for checkpoints.
``train_step`` takes one step: ``prepare`` readies a batch, ``look_ahead`` scores it for hard
negatives by ``scores``, and ``steps`` updates the layers by the ``gradients`` that ``engine``
selects. The remaining modules are their parts.
"""

from forward_forward.optimize.averaged_sgd import AveragedSGD
from forward_forward.optimize.checks import Diverged
from forward_forward.optimize.early_stopping import EarlyStopping
from forward_forward.optimize.muon import Muon
from forward_forward.optimize.schedules import Warmup, constant, cosine, half_cooldown, linear
from forward_forward.optimize.state import Fitted
from forward_forward.optimize.trainer import Trainer

__all__ = [
    "AveragedSGD",
    "Diverged",
    "EarlyStopping",
    "Fitted",
    "Muon",
    "Trainer",
    "Warmup",
    "constant",
    "cosine",
    "half_cooldown",
    "linear",
]

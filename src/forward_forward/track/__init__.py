"""Rows of figures, one per epoch -> a JSONL file, TensorBoard, MLflow and other services.

``callback`` defines the calls that a run makes, ``jsonl`` the file that every run has; ``numbers``
flattens rows and settings into named values for ``tensorboard``, for ``mlflow``, and for services
``by_project``: ``wandb`` and ``trackio``; ``progress_bar`` is shown on a terminal and in a
notebook; ``run_record`` shows a run's folder there as a table.
"""

from forward_forward.track.callback import (
    Beginning,
    Callback,
    Ending,
    Row,
    StopTraining,
    Tracker,
    as_callback,
    notified,
)
from forward_forward.track.jsonl import Jsonl
from forward_forward.track.mlflow import MLflow
from forward_forward.track.progress_bar import ProgressBar, interactive
from forward_forward.track.tensorboard import TensorBoard
from forward_forward.track.trackio import Trackio
from forward_forward.track.wandb import WandB

__all__ = [
    "Beginning",
    "Callback",
    "Ending",
    "Jsonl",
    "MLflow",
    "ProgressBar",
    "Row",
    "StopTraining",
    "TensorBoard",
    "Tracker",
    "Trackio",
    "WandB",
    "as_callback",
    "interactive",
    "notified",
]

"""Rows of figures, one per epoch -> a JSONL file, TensorBoard, MLflow and other watchers.

``watcher`` defines the calls that a run makes, ``jsonl`` the file that every run has; ``numbers``
flattens rows and settings into named values for ``tensorboard`` and ``mlflow``.
"""

from forward_forward.track.jsonl import Jsonl
from forward_forward.track.mlflow import MLflow
from forward_forward.track.tensorboard import TensorBoard
from forward_forward.track.watcher import Beginning, Ending, Row, Tracker, Watcher, watched

__all__ = [
    "Beginning",
    "Ending",
    "Jsonl",
    "MLflow",
    "Row",
    "TensorBoard",
    "Tracker",
    "Watcher",
    "watched",
]

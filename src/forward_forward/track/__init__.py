"""Rows of figures, one an epoch -> a JSONL file, and whoever else watches a run.

In reading order: ``watcher`` (what a run tells, and to whom), ``jsonl`` (the file that every run
has), ``numbers`` (rows and settings -> numbers and words by name), ``tensorboard`` and ``mlflow``
(other programs' files, for those who look at runs with them).
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

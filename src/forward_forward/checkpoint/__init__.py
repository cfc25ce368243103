"""A run <-> its folder: checkpoints and records that are checked when they are read."""

from forward_forward.checkpoint.identity import MADE_BY, is_run
from forward_forward.checkpoint.loading import INCOMPLETE, load, load_weights
from forward_forward.checkpoint.lock import locked
from forward_forward.checkpoint.refused import Refused
from forward_forward.checkpoint.run import Run, Which
from forward_forward.checkpoint.tensors import parted, progress_of, sharded, tensors_of

__all__ = [
    "INCOMPLETE",
    "MADE_BY",
    "Refused",
    "Run",
    "Which",
    "is_run",
    "load",
    "load_weights",
    "locked",
    "parted",
    "progress_of",
    "sharded",
    "tensors_of",
]

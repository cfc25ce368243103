"""A recipe and a space of settings -> trials that several processes share, and the best of them.

In reading order: ``space`` (text -> what is searched), ``trial`` (settings -> a validation error),
``trials`` (the search), ``heartbeat`` (which processes are alive), ``record`` (trials as plain
data), ``folder`` (files), ``storage`` (Optuna's study).
"""

from forward_forward.sweep.record import Outcome
from forward_forward.sweep.space import Choice, PartTemplate, Range, Space, default_space, read
from forward_forward.sweep.trials import TrialCallback, search

__all__ = [
    "Choice",
    "Outcome",
    "PartTemplate",
    "Range",
    "Space",
    "TrialCallback",
    "default_space",
    "read",
    "search",
]

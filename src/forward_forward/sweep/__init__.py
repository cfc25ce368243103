"""A recipe and a space of settings -> trials that several processes share, and the best of them.

In reading order: ``kinds`` (what a recipe's settings take), ``space`` (words -> what is searched),
``trial`` (settings -> a validation error), ``search`` (so many trials), ``lease`` (whose processes
are alive), ``record`` (what came of them), ``folder`` (files), ``storage`` (Optuna).
"""

from __future__ import annotations

from forward_forward.sweep.record import Outcome
from forward_forward.sweep.search import Watcher, search
from forward_forward.sweep.space import Choice, Part, Range, Space, default_space, read

__all__ = [
    "Choice",
    "Outcome",
    "Part",
    "Range",
    "Space",
    "Watcher",
    "default_space",
    "read",
    "search",
]

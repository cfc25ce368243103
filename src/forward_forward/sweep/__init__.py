"""A recipe and a space of settings -> trials that several processes share, and the best of them.

In reading order: ``kinds`` (what a recipe's settings take), ``space`` (words -> what is searched),
``trial`` (settings -> a validation error), ``trials`` (so many of them), ``lease`` (whose processes
are alive), ``record`` (what came of them), ``folder`` (files), ``storage`` (Optuna).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forward_forward.sweep.record import Outcome
    from forward_forward.sweep.space import Choice, Part, Range, Space, default_space, read
    from forward_forward.sweep.trials import Watcher, search

# Loaded at first use: a report of a sweep's files does not wait for torch.
_HOME = {
    "Choice": "space",
    "Outcome": "record",
    "Part": "space",
    "Range": "space",
    "Space": "space",
    "Watcher": "trials",
    "default_space": "space",
    "read": "space",
    "search": "trials",
}

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


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"forward_forward.sweep.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Installed packages -> the parts, recipes and data sets that they add by name, as entry points."""

from __future__ import annotations

import functools
import warnings
from importlib.metadata import EntryPoint, entry_points
from typing import Any

KINDS = "goodness", "readouts", "losses", "terms", "negatives", "recipes", "datasets"


def plugins(kind: str) -> dict[str, Any]:
    """What installed packages add of a kind, by name.

    A package that cannot be imported is left out with a warning.

    Args:
        kind: The end of the entry points' group: "losses" for ``forward_forward.losses``.

    >>> plugins("nothing")
    {}
    """
    return dict(_loaded(kind))


def plugin_names(kind: str) -> list[str]:
    """Their names, each with that of its package, without importing anything.

    >>> plugin_names("nothing")
    []
    """
    return [f"{each.name} ({_package(each)})" for each in _found(kind)]


def _found(kind: str) -> list[EntryPoint]:
    if kind not in KINDS:  # reading what is installed takes 10 ms
        return []
    return sorted(entry_points(group=f"forward_forward.{kind}"), key=lambda each: each.name)


@functools.cache
def _loaded(kind: str) -> dict[str, Any]:
    found = {}
    for each in _found(kind):
        try:
            found[each.name] = each.load()
        except Exception as error:  # another's package may raise anything
            warnings.warn(
                f"{each.name!r} of the package {_package(each)} cannot be used"
                f" ({type(error).__name__}: {error}): update or uninstall it",
                stacklevel=2,
            )
    return found


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown"

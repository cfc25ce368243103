"""What ``ff train`` was told of the data -> the sets, as every command on its run reads them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forward_forward.data import Source
    from forward_forward.datasets import Sets


def absolute(data: str) -> str:
    """A path that is valid from any folder; a set's name, and what is no path, as it is."""
    from forward_forward import datasets

    known = data in datasets.available() or not os.path.exists(data)
    return data if known else os.path.abspath(data)


def sets_of(command: Mapping[str, Any]) -> Sets:
    """The sets of a run.

    Args:
        command: What run.json says was typed: ``data``, and for some ``target`` and ``size``.
    """
    from forward_forward import datasets

    if os.path.exists(command["data"]):
        print(f"{'data':>8}  reading {command['data']}", file=sys.stderr)
    options = {name: command[name] for name in ("target", "size") if command.get(name) is not None}
    return datasets.load(command["data"], **options)


def sets_of_run(about: Mapping[str, Any]) -> Sets:
    """The sets of a run, which may have been begun from Python on a set that is known by its name.

    Args:
        about: What run.json says.

    Raises:
        ValueError: It does not say where its data are.
    """
    from forward_forward import datasets

    command = about.get("command") or {}
    if "data" in command:
        return sets_of(command)
    name = about["data"]["name"]
    if name not in datasets.available():
        raise ValueError(f"the run does not say where its data, called {name!r}, are: give --data")
    return datasets.load(name)


def unchanged(about: Mapping[str, Any], sets: Sets, fix: str) -> None:
    """Refuse sets that are no longer those of a run.

    Args:
        about: What run.json says.
        sets: What was found where the run's data were.
        fix: What the user may do.

    Raises:
        ValueError: Samples or labels are others now.
    """
    from forward_forward.data import check_unchanged

    parts = {"train": sets.train, "validation": sets.validation, "test": sets.test}
    check_unchanged(about.get("checksums", {}), parts, fix)


def test_of(about: Mapping[str, Any], data: str | None) -> Source:
    """What a run is to be judged by.

    Args:
        about: What run.json says.
        data: Other data of the same kind, all of which are read; None for the run's own test set.

    Raises:
        ValueError: The run does not say what its data were, they have changed since, or the others
            are of another kind.
    """
    from forward_forward import datasets
    from forward_forward.data.tables.table import Layout

    command = about.get("command", {})
    if data is None:
        sets = sets_of_run(about)
        if "data" in command:  # else it may have been trained on all that was set aside here
            unchanged(about, sets, "Put them back, or name what to judge the run by with --data")
        return sets.test
    return datasets.alike(
        absolute(data),
        classes=about["data"]["classes"],
        shape=about["data"]["shape"],
        layout=Layout.from_json(about["table"]) if about.get("table") else None,
        size=command.get("size"),
        name=data,
    )

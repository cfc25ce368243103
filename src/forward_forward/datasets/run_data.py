"""What run.json says of a run's data -> the sets, as every command on the run reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forward_forward.data import Source, check_unchanged
from forward_forward.datasets.builtin import available
from forward_forward.datasets.hugging_face import absolute_hub, is_hub
from forward_forward.datasets.load_like import load_like
from forward_forward.datasets.splits import Sets, load

if TYPE_CHECKING:
    from forward_forward.data.tables.layout import TableLayout

# Those of a command line that `load` takes; of older runs, some may be missing.
OPTIONS = "target", "task", "size", "drop", "missing"


def absolute(data: str) -> str:
    """A path that is valid from any folder; the name of a set, or anything else, unchanged."""
    if is_hub(data):
        return absolute_hub(data)
    return data if data in available() or not os.path.exists(data) else os.path.abspath(data)


def sets_of(command: Mapping[str, Any], table: Mapping[str, Any] | None = None) -> Sets:
    """The sets that a command line names by ``data``, and possibly further options in `OPTIONS`.

    A table is encoded by the layout in run.json, if it has one, as it was before.
    """
    options = {name: command.get(name) for name in OPTIONS}
    return load(command["data"], layout=_layout(table), **options)


def sets_like(
    command: Mapping[str, Any], table: Mapping[str, Any] | None = None, *, before: str
) -> Sets:
    """`sets_of` for other data with the options of a run, whose own data are called ``before``.

    Raises:
        ValueError: There are no such data, or those options do not suit them.
    """
    data = command["data"]
    try:
        return sets_of(command, table)
    except ValueError as error:
        if data == before or not (data in available() or os.path.exists(data)):
            raise
        raise ValueError(
            f"expected data like those of the run, {before!r}, got {data!r}, which cannot be read"
            " like them: leave out --data, or name the place to which they were moved"
        ) from error


def sets_of_run(about: Mapping[str, Any]) -> Sets:
    """The sets of a run by its run.json; one that was started from Python has a set with a name."""
    command = about.get("command") or {}
    if "data" in command:
        data = command["data"]
        if os.path.isabs(data) and not os.path.exists(data):  # which nobody has typed here
            raise ValueError(
                f"expected the data of the run at {data!r}, got nothing there: put them back, or"
                " name the place to which they were moved with --data"
            )
        return sets_of(command, about.get("table"))
    name = about["data"]["name"]
    if name not in available():
        raise ValueError(f"run.json does not say where the data {name!r} are: pass --data")
    return load(name)


def unchanged(about: Mapping[str, Any], sets: Sets, fix: str) -> None:
    """Reject sets that are no longer those of run.json; the message ends in what to do."""
    parts = {"train": sets.train, "validation": sets.validation, "test": sets.test}
    check_unchanged(about.get("checksums", {}), parts, fix)


def validation_of(about: Mapping[str, Any], sets: Sets) -> Source:
    """The samples that a run was validated on, from its sets.

    Raises:
        ValueError: None were held out, others than now, or the data have changed since.
    """
    held, now = (about.get("fit") or {}).get("validation") or 0, len(sets.validation)
    if held != now:
        raise ValueError(f"the run had {held:,} validation samples, and its data have {now:,}")
    unchanged(about, sets, "Restore them to calibrate probabilities")
    return sets.validation


def test_of(about: Mapping[str, Any], data: str | None, sets: Sets | None) -> Source:
    """The samples to evaluate a run on.

    Args:
        about: The content of run.json.
        data: Other data of the same kind, all of which are read, or the name of a set, of which
            the test set is; None for the run's own test set.
        sets: The run's own sets if they have been read already, or None.

    Raises:
        ValueError: run.json does not say what the data were, they have changed since, or the other
            data are of another kind.
    """
    command = about.get("command", {})
    if data is None:
        sets = sets_of_run(about) if sets is None else sets
        if "data" in command:  # a run from Python may have trained on all that is set aside here
            unchanged(about, sets, "Restore them, or name other data to evaluate on with --data")
        return sets.test
    return load_like(
        absolute(data),
        classes=about["data"]["classes"],
        shape=about["data"]["shape"],
        layout=_layout(about.get("table")),
        size=command.get("size"),
        target=command.get("target"),
        name=data,
    )


def _layout(table: Mapping[str, Any] | None) -> TableLayout | None:
    if not table:
        return None
    from forward_forward.data.tables.layout import TableLayout

    return TableLayout.from_json(table)

"""A sweep's folder: sweep.json (what was asked), journal.log (Optuna's), trials.json (for reports).

sweeps/NAME/sweep.json      data, recipe, fixed settings, space, seed, storage, versions, machine
sweeps/NAME/journal.log     every trial, as Optuna keeps it; a database has it where one is given
sweeps/NAME/trials.json     the same in plain words, written anew after each trial
sweeps/NAME/.lock           held for as long as one of these is written
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forward_forward import files
from forward_forward.checkpoint import MADE_BY, machine
from forward_forward.sweep.storage import LOCK, Lock

if TYPE_CHECKING:
    import optuna

    from forward_forward.sweep.record import Outcome

ABOUT, TRIALS = "sweep.json", "trials.json"
ASKED = "sweep"  # attribute of Optuna's study


def is_sweep(path: Path) -> bool:
    """Whether a folder is a sweep of this package."""
    return _read(path / ABOUT).get("made_by") == MADE_BY


def about(path: Path) -> dict[str, Any]:
    """What a sweep's sweep.json says.

    Raises:
        ValueError: The folder holds no sweep.
    """
    if not is_sweep(path):
        raise ValueError(
            f"expected a sweep's folder with a sweep.json in it, got {str(path)!r}: name the folder"
            " that `ff sweep --out` made"
        )
    return _read(path / ABOUT)


def trials(path: Path) -> dict[str, Any]:
    """What a sweep's trials.json says; before the first trial is over, that there are none."""
    return {"trials": [], "importance": None, **_read(path / TRIALS)}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def begin(path: Path, asked: Mapping[str, Any], *, trials: int, storage: str | None) -> None:
    """Make a sweep's folder, or check that it is that of the same sweep.

    Args:
        path: The folder.
        asked: What makes this sweep and no other.
        trials: How many are asked for; the last number is kept.
        storage: A database's URL without its password, or None.

    Raises:
        ValueError: The folder holds another sweep, or something else.
    """
    import optuna

    if path.exists() and not path.is_dir():
        raise ValueError(f"expected a folder, got the file {str(path)!r}: choose another --out")
    if path.exists() and not is_sweep(path) and _holds_something(path):
        raise ValueError(
            f"{str(path)!r} holds something that is no sweep already: choose another --out"
        )
    path.mkdir(parents=True, exist_ok=True)
    with Lock(path):
        made = {"made_by": MADE_BY, "optuna": optuna.__version__, "machine": machine()}
        before = _read(path / ABOUT)
        if before:
            check_same(before["asked"], asked, where=str(path))
            check_same({"storage": before["storage"]}, {"storage": storage}, where=str(path))
            made = {name: before[name] for name in made}
        said = {**made, "trials": trials, "storage": storage, "asked": asked}
        if said != before:
            files.write_json(path / ABOUT, said)


def join(study: optuna.Study, asked: Mapping[str, Any]) -> None:
    """Say in a study what is asked of it, or check that others asked the same.

    Raises:
        ValueError: Others did not: a database holds another sweep of this name.
    """
    plain = json.loads(json.dumps(asked))
    before = study.user_attrs.get(ASKED)
    if before is None:
        study.set_user_attr(ASKED, plain)
    else:
        check_same(before, plain, where=f"the storage's study {study.study_name!r}")


def check_same(before: Mapping[str, Any], asked: Mapping[str, Any], *, where: str) -> None:
    """Refuse to go on with another sweep.

    Raises:
        ValueError: Something differs; the message says what.
    """
    then, now = _flat(json.loads(json.dumps(before))), _flat(json.loads(json.dumps(asked)))
    differs = [
        f"{name.partition('.')[2]} data have changed since"
        if name.startswith("checksums.")
        else f"{name}: {then.get(name, 'none')} there, {now.get(name, 'none')} asked"
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
    ]
    if differs:
        raise ValueError(
            f"{where} holds another sweep ({'; '.join(differs)}): ask for the same, or choose"
            " another --out"
        )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    if not isinstance(value, dict):
        return {name: value}
    flat: dict[str, Any] = {}
    for key, each in value.items():
        flat |= _flat(each, f"{name}.{key}".lstrip("."))
    return flat


def _holds_something(path: Path) -> bool:
    """Whether a folder holds more than what a sweep leaves before its sweep.json."""
    return any(entry.name not in (LOCK, f".{ABOUT}.partial") for entry in path.iterdir())


def write_trials(path: Path, outcome: Outcome) -> None:
    """Write trials.json anew; processes that share the folder do so one after the other."""
    with Lock(path):
        files.write_json(path / TRIALS, outcome.as_json())

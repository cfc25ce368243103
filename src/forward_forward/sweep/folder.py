"""A sweep <-> its folder: sweep.json (options), journal.log (Optuna's), trials.json (for reports).

sweeps/NAME/sweep.json      data, recipe, fixed settings, space, seed, storage, versions, machine
sweeps/NAME/journal.log     every trial, as Optuna stores it, unless a database is used
sweeps/NAME/trials.json     the same as plain records, rewritten after each trial
sweeps/NAME/.lock           held while one of these is written
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from forward_forward import manifest
from forward_forward.checkpoint import MADE_BY
from forward_forward.entries import OPTIONAL_NUMBER, Kind, check_kinds
from forward_forward.sweep.record import COUNTED, Outcome, outcome
from forward_forward.sweep.storage import LOCK, lock
from forward_forward.track.run_record import machine

if TYPE_CHECKING:
    import optuna


ABOUT, TRIALS = "sweep.json", "trials.json"
ASKED = "sweep"  # attribute of Optuna's study
# The entries of a trial in trials.json, and their types.
TRIAL: dict[str, Kind] = {
    "number": int,
    "state": str,
    "validation_error": OPTIONAL_NUMBER,
    "curve": list,
    "settings": dict,
    "searched": dict,
}


def is_sweep(path: Path) -> bool:
    """Whether a folder is a sweep of this package; a broken sweep.json is a ValueError."""
    return _read(path / ABOUT).get("made_by") == MADE_BY


def about(path: Path) -> dict[str, Any]:
    """The content of a sweep's sweep.json.

    Raises:
        ValueError: There is none, or it is broken.
    """
    if not is_sweep(path):
        fix = "name a folder that `ff sweep --out` created"
        expected = "expected a sweep's folder with a sweep.json in it"
        raise ValueError(f"{expected}, got {str(path)!r}: {fix}")
    found = _read(path / ABOUT)
    check_kinds(path / ABOUT, found, {"asked": dict, "trials": int, "storage": (str, NoneType)})
    kinds: dict[str, Kind] = {"space": dict, "samples": dict, "fixed": (dict, NoneType)}
    check_kinds(path / ABOUT, {"fixed": None, **found["asked"]}, kinds)
    check_kinds(path / ABOUT, found["asked"]["samples"], {"train": int, "validation": int})
    return found


def trials(path: Path) -> dict[str, Any]:
    """The content of a sweep's trials.json; no trials if none has ended yet.

    Raises:
        ValueError: It is broken.
    """
    try:
        found = {"trials": [], "importance": None, **_read(path / TRIALS)}
        check_kinds(path / TRIALS, found, {"trials": list, "importance": (dict, NoneType)})
        for each in found["trials"]:
            check_kinds(path / TRIALS, each, TRIAL)
    except ValueError as error:
        # All that it holds is in the study.
        raise ValueError(f"{error}, or remove this file and continue the sweep") from error
    return found


def _read(path: Path) -> dict[str, Any]:
    return manifest.read_record(path) if path.is_file() else {}


def begin(path: Path, asked: Mapping[str, Any], *, trials: int, storage: str | None) -> None:
    """Create a sweep's folder, or refuse one of another sweep, or of something else.

    ``asked`` identifies the sweep. Of the total numbers of trials, the last one given is kept.
    """
    import optuna

    if path.exists() and not path.is_dir():
        raise ValueError(f"expected a folder, got the file {str(path)!r}: choose another --out")
    own = LOCK, f".{ABOUT}.partial"  # what a sweep writes before its sweep.json
    found = [each.name for each in path.iterdir()] if path.exists() and not is_sweep(path) else []
    if not set(found) <= set(own):
        expected = f"{str(path)!r} contains files that are not of a sweep"
        raise ValueError(f"{expected}: choose another --out")
    path.mkdir(parents=True, exist_ok=True)
    with lock(path):
        made: dict[str, Any] = {
            "made_by": MADE_BY,
            "optuna": optuna.__version__,
            "machine": machine(),
        }
        before = about(path) if is_sweep(path) else {}
        if before:
            check_same(before["asked"], asked, where=str(path))
            check_same({"storage": before["storage"]}, {"storage": storage}, where=str(path))
            made = {name: before.get(name) for name in made}
        said = {**made, "trials": trials, "storage": storage, "asked": asked}
        if said != before:
            manifest.write_record(path / ABOUT, said)


def join(study: optuna.Study, asked: Mapping[str, Any]) -> None:
    """Record in a study which sweep it is, or refuse one of another sweep of this name."""
    plain = json.loads(json.dumps(asked))
    before = study.user_attrs.get(ASKED)
    if before is None:
        study.set_user_attr(ASKED, plain)
    else:
        check_same(before, plain, where=f"the storage's study {study.study_name!r}")


def check_same(before: Mapping[str, Any], asked: Mapping[str, Any], *, where: str) -> None:
    """Refuse to continue another sweep; the message lists the options that differ."""
    then, now = _flat(json.loads(json.dumps(before))), _flat(json.loads(json.dumps(asked)))
    differs = [
        f"the {name.partition('.')[2]} data have changed"
        if name.startswith("checksums.")
        else f"{name}: {then.get(name, 'none')} in the sweep, {now.get(name, 'none')} given"
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
    ]
    if differs:
        fix = "give the same options, or choose another --out"
        raise ValueError(f"{where} holds another sweep ({'; '.join(differs)}): {fix}")


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    if not isinstance(value, dict):
        return {name: value}
    flat: dict[str, Any] = {}
    for key, each in value.items():
        flat |= _flat(each, f"{name}.{key}".lstrip("."))
    return flat


def check_recorded(path: Path, study: optuna.Study, place: str) -> None:
    """Refuse a study, stored at ``place``, that lacks trials of trials.json or has other figures.

    Optuna's journal has no checksum: a damaged figure in it would go unnoticed.
    """
    kept = trials(path)["trials"]  # read first: another process may end a trial at this moment
    known = {each["number"]: each for each in outcome(study).trials}
    for each in kept:
        if each["state"] not in COUNTED:
            continue
        found = known.get(each["number"], {})
        differs = [name for name in TRIAL if json.dumps(found.get(name)) != json.dumps(each[name])]
        if differs:
            raise ValueError(
                f"expected trial {each['number']} as in {str(path / TRIALS)!r}, got another"
                f" {differs[0]!r} in {place!r}, so one of the two is damaged: restore it from a"
                f" copy, or if it is {TRIALS}, remove it"
            )


def write_trials(path: Path, found: Outcome) -> None:
    """Rewrite trials.json; processes that share the folder do so one after the other."""
    with lock(path):
        manifest.write_record(path / TRIALS, found.as_json())

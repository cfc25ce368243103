"""A run's folder -> what its files say, its trained network, and samples to look at it with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from forward_forward import checkpoint, datasets, notation, seeds
from forward_forward.checkpoint import MADE_BY
from forward_forward.data import Source, check_unchanged
from forward_forward.datasets import Sets
from forward_forward.datasets.run_data import sets_of
from forward_forward.forward import Network

LOOKED_AT = 2_000  # samples: enough for a histogram, few enough for a page that is there at once


@dataclass(frozen=True)
class RunRead:
    """What a run's folder says: its name on the page, run.json, and one row of figures an epoch."""

    name: str
    folder: Path
    about: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]


def read_run(folder: Path, name: str) -> RunRead:
    """What a run's files say.

    Args:
        folder: The run's folder.
        name: What the page calls it.

    Raises:
        ValueError: The folder holds no run.
    """
    try:
        about = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        about = None
    if not isinstance(about, dict) or about.get("made_by") != MADE_BY:
        raise ValueError(
            f"expected a run's folder with a run.json of {MADE_BY} in it, got {str(folder)!r}: name"
            " the folder that `ff train --out` printed"
        )
    return RunRead(name, folder, about, _rows(folder / "metrics.jsonl"))


def _rows(path: Path) -> list[dict[str, Any]]:
    """One row an epoch; a line that a crash cut short is left out, a run not begun has none."""
    rows: list[dict[str, Any]] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break
        if not isinstance(row, dict) or "epoch" not in row:
            raise ValueError(
                f"{str(path)!r} expects one JSON object with an 'epoch' a line, got {line[:60]!r}:"
                " is it a file of `ff train`?"
            )
        rows.append(row)
    return rows


def network_of(run: RunRead) -> Network:
    """A run's trained network, with its best weights.

    Args:
        run: The run.

    Raises:
        ValueError: It cannot be built from its files alone.
    """
    try:
        return checkpoint.load(run.folder)
    except notation.OwnCode as error:
        raise ValueError(
            f"the network has code of your own ({error.text}), which is not run because a file"
            " names it"
        ) from error
    except (KeyError, SafetensorError) as error:
        raise ValueError(f"the run's files are not whole: {error}") from error


@dataclass(frozen=True)
class Samples:
    """Some of a run's data: ``x`` [batch, ...], ``y`` [batch], and what they are in words."""

    x: Tensor
    y: Tensor
    words: str


class SampleFinder:
    """Samples of the data that runs were trained on; data that several runs name are read once."""

    def __init__(self) -> None:
        self._known: dict[str, Sets] = {}

    def of(self, about: Mapping[str, Any]) -> Samples:
        """Samples that a run was validated on or, where it had none such, trained on.

        Args:
            about: What run.json says.

        Raises:
            ValueError: The data are not to be had, or are no longer the same.
        """
        sets = self._sets(about)
        fit = about.get("fit") or {}
        training, validation = fit.get("samples", 0), fit.get("validation", 0)
        name, there = sets.train.name, (len(sets.train), len(sets.validation))
        if there == (training, validation):
            parts = {"train": sets.train, "validation": sets.validation}
            fix = "Put them back to see these figures"
            check_unchanged(about.get("checksums") or {}, parts, fix)
            return _some(sets.validation, f"validation samples of {name}")
        if sum(there) == training:  # a named set, of which none were set aside
            return _some(sets.train, f"training samples of {name}")
        raise ValueError(
            f"the data {name!r} have {there[0]:,} and {there[1]:,} samples to train and to validate"
            f" on, the run had {training:,} and {validation:,}"
        )

    def _sets(self, about: Mapping[str, Any]) -> Sets:
        command = about.get("command") or {}
        # A run that was begun from Python says no more than what its data are called.
        what = command.get("data") or (about.get("data") or {}).get("name")
        if "data" not in command and what not in datasets.available():
            known = ", ".join(datasets.available())
            raise ValueError(
                f"the run's data are called {what!r}, and only {known} are found by their names"
            )
        options = {key: command[key] for key in ("target", "size") if command.get(key) is not None}
        table = about.get("table")
        key = json.dumps([what, options, table])
        if key not in self._known:
            try:
                self._known[key] = sets_of({"data": what, **options}, table)
            except (ValueError, OSError) as error:
                reason = str(error).partition(". ")[0]  # what was tried would fill a page
                raise ValueError(f"the data {what!r} are not to be had here: {reason}") from error
        return self._known[key]


def _some(data: Source, words: str) -> Samples:
    """Rows in an order of their own: a set may be sorted by class."""
    count = min(LOOKED_AT, len(data))
    x, y, _ = next(iter(data.batches(count, shuffle=seeds.generator(0, "report"))))
    of = f"{count:,} of the {len(data):,}" if count < len(data) else f"the {count:,}"
    return Samples(x, y, f"{of} {words}")

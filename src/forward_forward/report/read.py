"""A run's folder -> the content of its files, its trained network, and samples for figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from forward_forward import checkpoint, datasets, notation, predict, seeds
from forward_forward.data import Source, check_unchanged
from forward_forward.datasets import Sets
from forward_forward.datasets.run_data import OPTIONS, sets_of, test_of, validation_of
from forward_forward.forward import Network
from forward_forward.plot.layers import Metrics

MOST_SAMPLES = 2_000  # enough for a histogram, few enough for a page that is made in seconds


@dataclass(frozen=True)
class Samples:
    """Some of a run's data: ``x`` [batch, ...], ``y`` [batch], and a description of them."""

    x: Tensor
    y: Tensor
    description: str


class SampleFinder:
    """Finds samples of the data that runs were trained on; data that runs share are read once."""

    def __init__(self) -> None:
        self._sets: dict[str, Sets] = {}

    def of(self, about: Mapping[str, Any]) -> Samples:
        """Samples that a run, of which ``about`` is the run.json, was validated or trained on.

        Raises:
            ValueError: The data are not available, or have changed since.
        """
        sets = self._sets_of(about)
        fit = about.get("fit") or {}
        training, validation = fit.get("samples", 0), fit.get("validation", 0)
        name, found = sets.train.name, (len(sets.train), len(sets.validation))
        if found == (training, validation):
            splits = {"train": sets.train, "validation": sets.validation}
            fix = "Restore them to see these figures"
            check_unchanged(about.get("checksums") or {}, splits, fix)
            return _some(sets.validation, f"validation samples of {name}")
        if sum(found) == training:  # a built-in set, none of which was held out
            return _some(sets.train, f"training samples of {name}")
        raise ValueError(
            f"the data {name!r} have {found[0]:,} training and {found[1]:,} validation samples, but"
            f" the run had {training:,} and {validation:,}"
        )

    def tested(self, about: Mapping[str, Any]) -> tuple[Source, Source | None]:
        """A run's test set, and its validation data if it has any.

        Raises:
            ValueError: The data are not available, or have changed since.
        """
        sets = self._sets_of(about)
        held = (about.get("fit") or {}).get("validation")
        return test_of(about, None, sets), validation_of(about, sets) if held else None

    def _sets_of(self, about: Mapping[str, Any]) -> Sets:
        command = about.get("command") or {}
        # For a run started from Python only the name of the data is recorded.
        what = command.get("data") or (about.get("data") or {}).get("name")
        if "data" not in command and what not in datasets.available():
            names = ", ".join(datasets.available())
            raise ValueError(
                f"the run's data are called {what!r}, and only {names} can be found by name"
            )
        options = {key: command[key] for key in OPTIONS if command.get(key) is not None}
        table = about.get("table")
        key = json.dumps([what, options, table])
        if key not in self._sets:
            try:
                self._sets[key] = sets_of({"data": what, **options}, table)
            except (ValueError, OSError) as error:
                reason = str(error).partition(". ")[0]  # all the places tried would fill a page
                raise ValueError(f"the data {what!r} are not available: {reason}") from error
        return self._sets[key]


def _some(data: Source, kind: str) -> Samples:
    """Samples in random order: a set may be sorted by class."""
    count = min(MOST_SAMPLES, len(data))
    x, y, _ = next(iter(data.batches(count, shuffle=seeds.generator(0, "report"))))
    of = f"{count:,} of the {len(data):,}" if count < len(data) else f"the {count:,}"
    return Samples(x, y, f"{of} {kind}")


@dataclass(frozen=True)
class RunRead(Metrics):
    """A run's files: run.json, a row per epoch, its name on the page; and what they lead to.

    The network and the samples are read when first used, and raise a ValueError that says why if
    they are not available.
    """

    name: str
    folder: Path
    finder: SampleFinder

    @cached_property
    def network(self) -> Network:
        """The network with its best weights."""
        try:
            return checkpoint.load(self.folder)
        except notation.OwnCode as error:
            raise ValueError(
                f"the network has code of your own ({error.text}), and reports never import code"
                " that a file names"
            ) from error

    @cached_property
    def samples(self) -> Samples:
        """Samples of the run's data."""
        return self.finder.of(self.about)

    @cached_property
    def predictions(self) -> predict.Predictions:
        """What the network predicts for the test set, all of it."""
        fitted = self.about.get("temperature")
        tested = self.finder.tested(self.about)
        return predict.predictions(self.network, *tested, temperature=fitted)


def unavailable(error: Exception) -> str:
    """Why a part of the page is missing, as a sentence."""
    return f"Not available: {str(error).splitlines()[0].rstrip('.')}."


def read_run(folder: Path, name: str, finder: SampleFinder) -> RunRead:
    """The content of a run's files; a folder that holds no run is a ValueError."""
    run = checkpoint.Run(folder)
    rows = run.rows()
    for row in rows:
        if not isinstance(row, dict) or "epoch" not in row:
            raise ValueError(
                f"{str(run.metrics.path)!r} expects one JSON object with an 'epoch' on each line,"
                f" got {str(row)[:60]!r}: is it a file of `ff train`?"
            )
    return RunRead(rows, run.about, name, folder, finder)

"""Rules -> a folder with every run, and the table of their errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from forward_forward import manifest
from forward_forward.data import checksum
from forward_forward.datasets.run_data import absolute
from forward_forward.lab.compare.job import CompareJob, Record, data_of, perform
from forward_forward.lab.compare.rule import Rule, read_rule, search_space
from forward_forward.lab.compare.table import differences, frame_of, ranks, rows_of
from forward_forward.lab.compare.tuning import RuleTuning, tune
from forward_forward.lab.ledger import Ledger
from forward_forward.lab.workers import performed

if TYPE_CHECKING:
    import pandas as pd

NAME, ASKED = "compare.json", "asked.json"
SHOWN = 300_000  # samples in all epochs together
SEEDS = 5


class CompareProgress:
    """Called as a comparison advances; override what to show. This one shows nothing."""

    def tuned(self, rule: Rule, chosen: Mapping[str, Any]) -> None:
        """A rule is tuned."""

    def runs(self, missing: int, total: int) -> None:
        """The runs start; so many are missing of all."""

    def run(self, record: Record) -> None:
        """A run is done."""


def compare(
    rules: Sequence[str],
    *,
    data: str | Mapping[str, Any] = "mnist",
    network: str | None = None,
    seeds: int = SEEDS,
    epochs: int | None = None,
    images: int | None = None,
    trials: int = 0,
    reference: str | None = None,
    out: Path | str | None = None,
    jobs: int = 1,
    device: str | None = None,
    progress: CompareProgress | None = None,
) -> pd.DataFrame:
    """Train rules on the same data with the same network, epochs and seeds, and compare them.

    The same call continues a comparison that was interrupted; rules and seeds may be added.

    Args:
        rules: Two or more, each the name of a recipe and, if any, its settings: ``"one_pass"``,
            ``"one_pass rule=backprop"``, ``"my_rule.py:recipe"``.
        data: What `datasets.load` takes by name, or a mapping with ``data`` and its options.
        network: ``mlp-2x1000`` or ``cnn-32+64``; None for each recipe's own.
        seeds: Final runs of each rule, two or more.
        epochs: Passes over the training data; None for about 300,000 samples, in 5 to 30 epochs.
        images: Training samples; None for all.
        trials: Trials of each rule to choose its learning rate, and the first of its own numbers,
            on the validation data; 0 to leave them as they are.
        reference: The rule that the others are compared with; None for the first one.
        out: Folder of the comparison; None keeps nothing.
        jobs: Runs at a time, each with one thread, by joblib's current backend.
        device: Where to train.
        progress: Called as the comparison advances.

    Returns:
        A frame [rules, figures]: mean test error in %, its 95 % t interval, the difference to the
        reference with Holm's p over all pairs, seconds, operations, memory, epochs.

    Raises:
        ValueError: Too few rules or seeds, an unknown rule, or a folder with another comparison.

    >>> frame = compare(["one_pass", "one_pass rule=backprop"], data="digits", network="mlp-8",
    ...                 seeds=2, epochs=1, images=100)
    >>> sorted(frame.index)
    ['one_pass', 'one_pass rule=backprop']
    """
    request = _CompareArguments(
        [*rules],
        {"data": data} if isinstance(data, str) else dict(data),
        network,
        seeds,
        epochs,
        images,
        trials,
        reference,
        jobs,
        device,
        progress or CompareProgress(),
    )
    if out is None:
        with TemporaryDirectory() as folder:
            return _compare(Path(folder), request)
    return _compare(Path(out), request)


@dataclass(frozen=True)
class _CompareArguments:
    """The arguments of `compare` but for its folder."""

    rules: Sequence[str]
    data: Mapping[str, Any]
    network: str | None
    seeds: int
    epochs: int | None
    images: int | None
    trials: int
    reference: str | None
    jobs: int
    device: str | None
    progress: CompareProgress


def _compare(folder: Path, given: _CompareArguments) -> pd.DataFrame:
    read = _checked(given)
    command = dict(given.data)
    command["data"] = absolute(command["data"])
    text = json.dumps(command, sort_keys=True)
    sets = data_of(text, given.images)
    if not sets.train.classes:
        raise ValueError("expected data with classes, got a number to predict")
    count = len(sets.train)
    epochs = given.epochs or min(30, max(5, round(SHOWN / count)))
    about = {
        "data": command,
        "network": given.network,
        "epochs": epochs,
        "images": given.images,
        "trials": given.trials,
        "samples": {"train": count, "validation": len(sets.validation), "test": len(sets.test)},
        "checksums": {name: checksum(getattr(sets, name)) for name in ("train", "test")},
    }
    _same(folder, about)
    common = (text, given.images, epochs)
    chosen = _tuned(read, common, given, folder)
    wanted = [
        CompareJob(
            rule.text,
            given.network,
            json.dumps(chosen[rule.text]),
            *common,
            seed,
            given.device,
        )
        for seed in range(given.seeds)
        for rule in read
    ]
    ledger = Ledger(folder)
    missing = ledger.missing(wanted)
    given.progress.runs(len(missing), len(wanted))
    for record in performed(perform, missing, given.jobs):
        ledger.add(record)
        given.progress.run(record)
    records = {rule.text: [ledger[job] for job in wanted if job.rule == rule.text] for rule in read}
    comparison = {
        **about,
        "reference": given.reference or read[0].text,
        "searched": {rule.text: search_space(rule) for rule in read} if given.trials else {},
        "rows": rows_of(records),
        "differences": differences(records),
        "ranks": ranks(records),
        "errors": {rule: [run["test_error"] for run in runs] for rule, runs in records.items()},
        "curves": {rule: [run["curve"] for run in runs] for rule, runs in records.items()},
        "machine": ledger[wanted[0]]["machine"],
    }
    manifest.write_record(folder / NAME, comparison)
    return frame_of(comparison)


def read(folder: Path) -> dict[str, Any]:
    """The content of compare.json in the folder of a finished comparison."""
    return dict(manifest.read_record(folder / NAME))


def _checked(given: _CompareArguments) -> list[Rule]:
    """The rules, if all that is asked for is possible."""
    texts = given.rules
    if len(texts) < 2 or len({*texts}) < len(texts):
        raise ValueError(f"expected two or more different rules to compare, got {texts}")
    for name, least in (("seeds", 2), ("jobs", 1), ("trials", 0), ("epochs", 1), ("images", 1)):
        value = getattr(given, name)
        if value is None and name in ("epochs", "images"):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} expects a whole number of {least} or more, got {value!r}")
    if given.reference not in (None, *texts):
        raise ValueError(f"reference expects one of the rules, got {given.reference!r}")
    return [read_rule(text, given.network) for text in texts]


def _same(folder: Path, about: Mapping[str, Any]) -> None:
    """Refuse a folder whose comparison was of something else; otherwise name this one in it."""
    path = folder / ASKED
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(
                f"expected a new folder or a comparison in {str(folder)!r}, got other files"
            )
        folder.mkdir(parents=True, exist_ok=True)
        manifest.write_record(path, about)
        return
    before = manifest.read_record(path)
    for name, value in json.loads(json.dumps(about)).items():
        if before.get(name) != value:
            raise ValueError(
                f"expected the comparison in {str(folder)!r}, with {name} {before.get(name)!r}, got"
                f" {value!r}: choose another folder"
            )


def _tuned(
    rules: Sequence[Rule],
    common: tuple[str, int | None, int],
    given: _CompareArguments,
    folder: Path,
) -> dict[str, dict[str, Any]]:
    """The settings chosen for each rule, by its text."""
    tunings = [
        RuleTuning(rule, *common, given.trials, folder / "tuning", given.device) for rule in rules
    ]
    if not given.trials:
        return {rule.text: {} for rule in rules}
    found = {}
    for tuning, chosen in performed(tune, tunings, given.jobs):
        found[tuning.rule.text] = chosen
        given.progress.tuned(tuning.rule, chosen)
    return found

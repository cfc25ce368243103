"""``ff sweep``: a recipe and a search space -> trials, and the command for the best run."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from forward_forward.cli.flags import Count, Folder, Name, Switch, Url, option
from forward_forward.cli.train_settings import (
    DataOptions,
    check_counts,
    check_settings,
    chosen,
    flag,
)
from forward_forward.files import as_name, unused

if TYPE_CHECKING:
    from forward_forward.cli.sweep_output import SweepProgress
    from forward_forward.recipes import Plan
    from forward_forward.sweep import Outcome

TRIALS = 30


@dataclass(frozen=True)
class SweepCommand:
    """Search a recipe's settings by validation error; the test set is not read.

    The same --out continues an interrupted sweep, up to --trials in total. Several processes may
    run the same sweep. Options that are omitted are read from the sweep in --out, if there is one.
    """

    data: DataOptions
    # Folder of the sweep; sweeps/DATA-DATE by default.
    out: Folder = None
    # Settings and their search spaces, such as lr=1e-4..1e-2 hidden=2x100..500
    # "loss=sigmoid,SymBa(alpha=1..8)"; or default, the default space, which further settings
    # override. A single value fixes a setting.
    search: Annotated[tuple[str, ...], option("NAME=VALUES [...]")] = ()
    # Total number of trials; 30 by default.
    trials: Count = None
    # Epochs of each trial; the recipe's number by default.
    epochs: Count = None
    # Random seed of the search, and of the weights, negatives and sample order of every trial; 0 by
    # default.
    seed: Count = None
    # cpu (the default), cuda or mps.
    device: Name = None
    # Number of CPU threads; use 1 if several processes share the machine.
    threads: Count = None
    # URL of a database that several machines share, such as postgresql://host/name or
    # sqlite:///sweep.db; by default, a file in the folder.
    storage: Url = None
    # Print the result as one JSON object.
    json: Switch = False

    def __call__(self) -> int:
        return _Request(self).run()


def _check_stored(out: Path, storage: str) -> None:
    """Refuse a database that only the folder names: that is no leave to write there."""
    from forward_forward.sweep.storage import is_within

    if ":***@" in storage:
        raise ValueError("the storage's password is not stored: pass --storage again")
    if not is_within(out, storage):
        raise ValueError(
            f"expected a database in the folder {str(out)!r}, or one that you type, got {storage!r}"
            f" from its sweep.json: to continue there, add --storage {shlex.quote(storage)}"
        )


class _Request:
    """One call of ``ff sweep``, with what its folder says of the options that were omitted."""

    def __init__(self, options: SweepCommand) -> None:
        from forward_forward.datasets.run_data import absolute
        from forward_forward.recipes.settings import default_recipe, recipe_named
        from forward_forward.sweep import folder, read

        check_counts(vars(options))
        self.options = options
        out = None if options.out is None else Path(options.out)
        before: dict[str, Any] = {}
        if out is not None and folder.is_sweep(out):
            before = folder.about(out)
        elif out is not None and options.data.data is None:
            fix = "to start one, pass --data, such as mnist"
            raise ValueError(f"expected a sweep to continue in {options.out!r}, found none: {fix}")
        stored = before.get("asked", {})
        kept = {name: stored.get(name) for name in vars(options.data)}
        self.command: dict[str, Any] = {**kept, **chosen(options.data)}
        self.command["data"] = absolute(self.command["data"] or "mnist")
        searched = dict(each.partition("=")[::2] for each in options.search or ())
        name = self.command["recipe"] = self.command["recipe"] or default_recipe(searched)
        fixable = {each: getattr(options, each) for each in ("epochs", "seed", "device")}
        typed = {each: value for each, value in fixable.items() if value is not None}
        self.command["fixed"] = self.fixed = {**stored.get("fixed", {}), **typed}
        stored_trials = before.get("trials", TRIALS)
        self.trials: int = stored_trials if options.trials is None else options.trials
        if self.trials < 1:
            raise ValueError(f"--trials expects 1 or more, got {self.trials}")
        self.storage: str | None = options.storage or before.get("storage")
        if options.storage is None and out is not None and self.storage is not None:
            _check_stored(out, self.storage)
        data = as_name(Path(self.command["data"]).stem)
        self.out = out or unused(Path(f"sweeps/{data}-{datetime.now():%Y%m%d-%H%M%S}"))
        self.recipe = recipe_named(name, typed=options.data.recipe is not None)
        check_settings(self.recipe, name, self.fixed)
        space = [f"{name}={text}" for name, text in stored.get("space", {}).items()]
        self.space = read(options.search or space or ["default"], self.recipe)
        if both := [each for each in self.fixed if each in self.space]:
            raise ValueError(f"{both[0]} is in the search space: omit {flag(both[0])}")
        self.typed = frozenset(self.space) if options.search else frozenset()

    def run(self) -> int:
        """Search and print; returns the exit code."""
        from forward_forward.cli import sweep_output

        progress = sweep_output.SweepProgress()
        try:
            outcome = self._search(progress)
        except KeyboardInterrupt:
            if progress.outcome is None:
                raise
            command = self._command(self.trials)
            self._finish(progress.outcome, "continue", command)
            sys.stdout.flush()
            raise KeyboardInterrupt(f"finished trials are kept; continue with: {command}") from None
        self._finish(outcome, "more trials", self._command(self.trials + TRIALS))
        return 0

    def _search(self, progress: SweepProgress) -> Outcome:
        from forward_forward.cli import sweep_output, train_output
        from forward_forward.cli.training import set_threads
        from forward_forward.datasets.run_data import sets_of
        from forward_forward.recipes.settings import parts
        from forward_forward.sweep import search

        set_threads(self.options.threads)
        train_output.say_reading(self.command["data"])
        sets = sets_of(self.command)

        def make(settings: Mapping[str, Any]) -> Plan:
            return self.recipe(sets.train, **parts({**self.fixed, **settings}, typed=self.typed))

        sweep_output.announce(self.command, self.space, sets, self.out)
        return search(
            make,
            sets.train,
            sets.validation,
            self.space,
            trials=self.trials,
            out=self.out,
            about=self.command,
            storage_url=self.storage,
            seed=self.fixed.get("seed", 0),
            callback=progress,
        )

    def _command(self, trials: int) -> str:
        """The command that continues this sweep, up to so many trials."""
        from forward_forward.sweep.storage import hidden

        args = ["ff", "sweep", "--out", str(self.out), "--trials", str(trials)]
        if self.options.threads is not None:
            args += ["--threads", str(self.options.threads)]
        if self.options.storage is not None:
            args += ["--storage", hidden(self.options.storage)]
        # The folder names the user's own code, but code is never run because a file names it.
        own_code = [each for each in self.options.search if ":" in each]
        return shlex.join([*args, *(["--search", *own_code] if own_code else [])])

    def _finish(self, outcome: Outcome, purpose: str, command: str) -> None:
        from forward_forward.cli.sweep_output import finish

        finish(outcome, self.out, self.command, purpose, command, as_json=self.options.json)

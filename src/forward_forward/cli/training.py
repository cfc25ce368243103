"""One call of ``ff train``: its options -> a plan, a trained network, its run and its errors."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import inspect
import os
import shlex
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from forward_forward import checkpoint, notation, predict
from forward_forward.checkpoint import Run, locked
from forward_forward.cli import train_output
from forward_forward.cli.config import ConfigFile
from forward_forward.cli.distributed import distributed_run
from forward_forward.cli.progress import TrainingProgress
from forward_forward.cli.trackers import trackers
from forward_forward.cli.train_settings import (
    TrainOptions,
    check_counts,
    check_settings,
    chosen,
    flag,
    settings_without_flag,
)
from forward_forward.data import checksum
from forward_forward.datasets.run_data import absolute, sets_like, sets_of, unchanged
from forward_forward.files import as_name, unused
from forward_forward.optimize import EarlyStopping
from forward_forward.recipes.settings import default_recipe, defaults, parts, recipe_named
from forward_forward.track import Tracker

if TYPE_CHECKING:
    from forward_forward.data import Source
    from forward_forward.datasets import Sets
    from forward_forward.optimize.state import Fitted
    from forward_forward.recipes import Plan


def set_threads(threads: int | None) -> None:
    """Set the number of CPU threads that was given as ``--threads``; None leaves it."""
    if threads is not None and threads < 1:
        raise ValueError(f"--threads expects 1 or more, got {threads}")
    if threads is not None:
        torch.set_num_threads(threads)


class Training:
    """One call of ``ff train``: its options, and those of the run that it resumes."""

    def __init__(self, options: TrainOptions) -> None:
        data, settings, run = options.data, chosen(options.training), options.run
        check_counts({**settings, "patience": run.patience})
        self.processes = distributed_run(options.parallel, settings.get("device"))
        if self.processes is not None:
            restarted = self.processes.restarted(run.out, run.resume)
            if restarted is not None:  # the options of a new run are already in its folder
                new = {"out": None, "init_from": None, "overwrite": False}
                run = dataclasses.replace(run, resume=restarted, **new)  # type: ignore[arg-type]
        self.options = run
        self.is_leader = self.processes is None or self.processes.is_leader
        if not self.is_leader:
            warnings.simplefilter("ignore")  # the first process issues the same warnings
        self.resumed = None if run.resume is None else Run(run.resume)
        before: dict[str, Any] = {}
        if self.resumed is not None:
            before = self.resumed.about.get("command", {})
            if not before:
                fix = "resume it from Python, with trainer.fit(..., out=..., resume=True)"
                raise ValueError(f"{run.resume!r} was not started by `ff train`: {fix}")
        typed = chosen(data)
        for name in ("drop", "missing"):
            if before and typed.get(name, before.get(name)) != before.get(name):
                fix = f"omit {flag(name)}, or start a new run"
                raise ValueError(f"a resumed run reads its table as it did before: {fix}")
        # Where the data of a resumed run were, if only their place is typed again.
        self.moved = before.get("data") if typed.keys() == {"data"} else None
        self.typed = frozenset(settings)
        self.settings: dict[str, Any] = {**before.get("settings", {}), **settings}
        self.command: dict[str, Any] = {
            **dict.fromkeys(vars(data)),
            "data": "mnist",
            "threads": None,
            "track": None,
            **before,
            **chosen(data),
            **({"threads": run.threads} if run.threads is not None else {}),
            **({"track": [*run.track]} if run.track else {}),
            **({"patience": run.patience} if run.patience is not None else {}),
            "settings": self.settings,
            "parallel": None if self.processes is None else self.processes.summary,
        }
        self.recipe_typed = data.recipe is not None
        self.trackers: list[Tracker] = []

    def run(self) -> int:
        """Train, test and print; returns the exit code."""
        set_threads(self.command["threads"])
        # An absolute path, so that the run and its data are found from any folder.
        self.command["data"] = absolute(self.command["data"])
        file, colon, model = str(self.settings.get("model", "")).partition(":")
        if colon and os.path.exists(file):
            self.settings["model"] = f"{os.path.abspath(file)}:{model}"
        train_output.say_reading(self.command["data"])
        table = None if self.resumed is None else self.resumed.about.get("table")
        sets = self._sets(table)
        if self.resumed is not None:
            unchanged(self.resumed.about, sets, "Restore them, or start a new run")
        plan = self._plan(sets.train)
        self._load_initial_weights(plan)
        folder = self._folder(sets.train.name)
        if self.is_leader:
            names, resumed = self.command["track"] or (), self.resumed is not None
            self.trackers, places = trackers(names, folder, resumed=resumed)
            train_output.announce(self.command, plan, sets, places)
        # Until it is tested, too. Of several processes, `fit` tells all if the folder is locked.
        with locked(folder) if self.processes is None else contextlib.nullcontext():
            result = self._fit(plan, sets, folder)
            if self.processes is not None:
                self.processes.leave()
            if self.is_leader:
                about = self._test(folder, plan, sets)
                train_output.finish(result, about, folder, as_json=self.options.json)
        return 0

    def _sets(self, table: Mapping[str, Any] | None) -> Sets:
        if self.resumed is None or self.moved is None:
            return sets_of(self.command, table)
        return sets_like(self.command, table, before=self.moved)

    def _plan(self, training: Source) -> Plan:
        pairs = [pair for several in self.options.set for pair in several]
        typed = dict(each.partition("=")[::2] for each in pairs)
        name = self.command["recipe"] = self.command["recipe"] or default_recipe(
            {**self.settings, **typed}, numbers=not training.classes
        )
        recipe = recipe_named(name, typed=self.recipe_typed)
        more = settings_without_flag(pairs, recipe)
        self.settings |= more
        self.typed |= more.keys()
        check_settings(recipe, name, self.settings)
        try:
            settings = parts(self.settings, typed=self.typed)
        except notation.OwnCode as error:
            raise ValueError(
                f"this run uses custom parts ({error.text}), and code is never run merely"
                " because a file names it: name them again, as in `ff train --resume RUN --loss"
                " package.module:name`"
            ) from error
        if self.resumed is not None and "readout" in inspect.signature(recipe).parameters:
            # A run from before layers were chosen keeps the range that it was begun with.
            before = ast.literal_eval(self.resumed.about["network"]["readout"])
            settings = {"readout": before, **settings}
        return recipe(training, **settings)

    def _load_initial_weights(self, plan: Plan) -> None:
        if self.resumed is not None and self.options.init_from is not None:
            raise ValueError("a resumed run continues from its own weights: omit --init-from")
        # A run interrupted before its first checkpoint starts from the same weights again.
        source = self.options.init_from or self.command.get("init_from")
        if source is not None and (self.resumed is None or self.resumed.checkpoint("last") is None):
            checkpoint.load(source, network=plan.trainer.network)
            self.command["init_from"] = os.path.abspath(source)

    def _folder(self, data: str) -> Path:
        out, overwrite, start = self.options.out, self.options.overwrite, self.options.init_from
        if self.resumed is not None:
            if out is not None or overwrite:
                raise ValueError("a resumed run stays in its folder: omit --out and --overwrite")
            return self.resumed.path
        if out is None:
            return unused(Path("runs") / f"{as_name(data)}-{datetime.now():%Y%m%d-%H%M%S}")
        if overwrite and start is not None and Path(out).resolve() == Path(start).resolve():
            raise ValueError("--overwrite would delete the run that --init-from reads")
        return Path(out)

    def _fit(self, plan: Plan, sets: Sets, folder: Path) -> Fitted:
        about = {
            "command": self.command,
            "table": None if sets.layout is None else sets.layout.as_json(),
            "checksums": {"test": checksum(sets.test)},
            **({} if self.processes is None else {"launch": self.processes.launch}),
        }
        recipe = recipe_named(self.command["recipe"], typed=self.recipe_typed)
        config = ConfigFile(self.command, defaults(recipe, plan))
        patience = self.command.get("patience")
        stopping = [] if patience is None else [EarlyStopping(patience)]
        try:
            return plan.trainer.fit(
                sets.train,
                epochs=plan.epochs,
                batch_size=plan.batch_size,
                validation=sets.validation,
                out=folder,
                resume=self.resumed is not None,
                overwrite=self.options.overwrite,
                about=about,
                callbacks=[config, *self.trackers, TrainingProgress(), *stopping],
                verbose=False,
                parallel=None if self.processes is None else self.processes.layout,
            )
        except KeyboardInterrupt:
            if not checkpoint.is_run(folder):
                raise
            command = "the same torchrun command, with --resume instead of --out"
            if self.processes is None:
                command = shlex.join(["ff", "train", "--resume", str(folder)])
            raise KeyboardInterrupt(f"saved; continue with: {command}") from None

    def _test(self, folder: Path, plan: Plan, sets: Sets) -> dict[str, Any]:
        """Evaluate the test set once, with the best weights; a finished run keeps its metrics."""
        run = Run(folder)
        if run.about.get("test") is None:
            network = checkpoint.load(folder, network=plan.trainer.network)
            metrics = predict.evaluate(network, sets.test)
            if sets.classes:
                run.update(temperature=predict.fitted_temperature(network, sets.validation))
            measured = {"test": metrics, "test_error": metrics["error"]}
            run.update(**measured, test_samples=len(sets.test), status="finished")
        about = run.about
        for tracker in self.trackers:
            tracker.result(about["test"])
        return about

"""One call of ``ff train``: what was asked -> a plan, a trained network, its run and its errors."""

from __future__ import annotations

import shlex
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from forward_forward.cli.distributed import Asked
    from forward_forward.data import Source
    from forward_forward.datasets import Sets
    from forward_forward.recipes import Plan
    from forward_forward.track import Tracker


class Training:
    """One call of ``ff train``."""

    def __init__(
        self,
        command: dict[str, Any],
        given: dict[str, Any],
        further: tuple[str, ...],
        resume: str | None,
        asked: Asked | None,
    ) -> None:
        from forward_forward.checkpoint import Run

        self.typed, self.further, self.asked = frozenset(given), further, asked
        self.leads = asked is None or asked.leads
        if not self.leads:
            warnings.simplefilter("ignore")  # the first process gives the same
        self.resumed = None if resume is None else Run(resume)
        before: dict[str, Any] = {}
        if self.resumed is not None:
            before = self.resumed.about.get("command", {})
            if not before:
                raise ValueError(
                    f"{resume!r} was not begun by `ff train`: resume it from Python, with"
                    " trainer.fit(..., out=..., resume=True)"
                )
        chosen = {name: value for name, value in command.items() if value is not None}
        self.settings: dict[str, Any] = {**before.get("settings", {}), **given}
        self.command: dict[str, Any] = {
            "data": "mnist",
            "target": None,
            "size": None,
            "recipe": "standard",
            "threads": None,
            "track": None,
            **before,
            **chosen,
            "settings": self.settings,
            "parallel": None if asked is None else asked.words,
        }
        self.recipe_typed = command["recipe"] is not None
        self.trackers: list[Tracker] = []

    def run(self, *, out: str | None, init_from: str | None, overwrite: bool, as_json: bool) -> int:
        import torch

        from forward_forward.cli import tracking, train_output
        from forward_forward.datasets.run_data import absolute, sets_of, unchanged

        threads = self.command["threads"]
        if threads is not None:
            if threads < 1:
                raise ValueError(f"--threads expects 1 or more, got {threads}")
            torch.set_num_threads(threads)
        # A run is found again from any folder, and so are its data.
        self.command["data"] = absolute(self.command["data"])
        train_output.say_reading(self.command["data"])
        table = None if self.resumed is None else self.resumed.about.get("table")
        sets = sets_of(self.command, table)
        if self.resumed is not None:
            unchanged(self.resumed.about, sets, "Put them back, or begin a new run")
        plan = self._plan(sets.train)
        self._begin_from(init_from, plan)
        folder = self._folder(sets.train.name, out, init_from, overwrite)
        if self.leads:
            self.trackers, places = tracking.trackers(
                self.command["track"] or (), folder, resumed=self.resumed is not None
            )
            train_output.announce(self.command, plan, sets, places)
        result = self._fit(plan, sets, folder, overwrite)
        if self.leads:
            figures = self._test(folder, plan, sets.test)
            train_output.finish(result, figures, folder, as_json=as_json)
        return 0

    def _plan(self, training: Source) -> Plan:
        from forward_forward import notation
        from forward_forward.cli import train_settings

        name = self.command["recipe"]
        recipe = train_settings.recipe_named(name, typed=self.recipe_typed)
        further = train_settings.further(self.further, recipe)
        self.settings |= further
        self.typed |= further.keys()
        train_settings.check_settings(recipe, name, self.settings)
        try:
            settings = train_settings.parts(self.settings, typed=self.typed)
        except notation.OwnCode as error:
            raise ValueError(
                f"this run has parts of your own ({error.text}), and code is never run because a"
                " file names it: give them again, as in `ff train --resume RUN --loss"
                " package.module:name`"
            ) from error
        return recipe(training, **settings)

    def _begin_from(self, init_from: str | None, plan: Plan) -> None:
        from forward_forward import checkpoint

        if self.resumed is not None and init_from is not None:
            raise ValueError("a resumed run has weights of its own: leave --init-from out")
        # A run that broke off before its first checkpoint begins from the same weights again.
        source = init_from or self.command.get("init_from")
        if source is not None and (self.resumed is None or self.resumed.checkpoint("last") is None):
            checkpoint.load(source, network=plan.trainer.network)
            self.command["init_from"] = source

    def _folder(self, data: str, out: str | None, init_from: str | None, overwrite: bool) -> Path:
        from datetime import datetime
        from pathlib import Path

        if self.resumed is not None:
            if out is not None or overwrite:
                raise ValueError("a resumed run stays in its folder: leave --out and --overwrite")
            return self.resumed.path
        if out is None:
            return Path("runs") / f"{data}-{datetime.now():%Y%m%d-%H%M%S}"
        if overwrite and init_from is not None and Path(out).resolve() == Path(init_from).resolve():
            raise ValueError("--overwrite would remove the run that --init-from reads")
        return Path(out)

    def _fit(self, plan: Plan, sets: Sets, folder: Path, overwrite: bool) -> Any:
        from forward_forward.checkpoint import is_run
        from forward_forward.cli.progress import progress
        from forward_forward.data import checksum

        about = {
            "command": self.command,
            "table": None if sets.layout is None else sets.layout.as_json(),
            "checksums": {"test": checksum(sets.test)},
            **({} if self.asked is None else {"launch": self.asked.launch}),
        }
        try:
            return plan.trainer.fit(
                sets.train,
                epochs=plan.epochs,
                batch_size=plan.batch_size,
                validation=sets.validation,
                out=folder,
                resume=self.resumed is not None,
                overwrite=overwrite,
                about=about,
                watch=[*self.trackers, progress()],
                parallel=None if self.asked is None else self.asked.layout,
            )
        except KeyboardInterrupt:
            if not is_run(folder):
                raise
            command = shlex.join(["ff", "train", "--resume", str(folder)])
            if self.asked is not None:
                command = "the same torchrun command with --resume in the place of --out"
            raise KeyboardInterrupt(f"saved; go on with: {command}") from None

    def _test(self, folder: Path, plan: Plan, test: Source) -> dict[str, Any]:
        """Read the test set once, with the best weights; a finished run keeps its figures."""
        from forward_forward import predict
        from forward_forward.checkpoint import Run, load

        run = Run(folder)
        if run.about.get("test") is None:
            network = load(folder, network=plan.trainer.network)
            figures = predict.evaluate(network, test)
            run.update(test=figures, test_error=figures["error"], status="finished")
        about = dict(run.about)
        for tracker in self.trackers:
            tracker.result(about["test"])
        return about

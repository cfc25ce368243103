"""``ff sweep``: a recipe and what to search -> trials, and the command that makes the best run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import tyro

from forward_forward.cli.train import Count, Folder, Name

if TYPE_CHECKING:
    from pathlib import Path

Words = Annotated[
    tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUES [...]", help_behavior_hint="")
]
Url = Annotated[str | None, tyro.conf.arg(metavar="URL", help_behavior_hint="")]

TRIALS = 30


def sweep(
    out: Folder = None,
    data: Name = None,
    target: Name = None,
    size: Count = None,
    recipe: Name = None,
    search: Words = (),
    trials: Count = None,
    epochs: Count = None,
    seed: Count = None,
    device: Name = None,
    threads: Count = None,
    storage: Url = None,
    json: bool = False,
) -> int:
    """Search a recipe's settings by validation error; the test set is not read.

    A sweep that was broken off goes on with the same --out, up to --trials in all. Several
    processes may run the same one.

    Args:
        out: The sweep's folder, sweeps/DATA-DATE by default. What is not given below is taken from
            it where it holds a sweep.
        data: A set's name or data of your own, as in ff train; mnist by default.
        target: The column of labels of a table, as in ff train.
        size: Pixels a side of pictures, as in ff train.
        recipe: As in ff train; standard by default.
        search: Settings and where to search them, such as lr=1e-4..1e-2 hidden=2x100..500
            "loss=sigmoid,SymBa(alpha=1..8)"; or default, a space that suits the recipe, alone or
            with others that replace its settings. A single value fixes a setting.
        trials: How many trials in all; 30 by default.
        epochs: Epochs of each trial; by default the recipe's.
        seed: Of every trial's weights, negatives and order, and of the search; 0 by default.
        device: cpu (the default), cuda or mps.
        threads: CPU threads; 1 where several processes share the machine.
        storage: Of a database that several machines share, such as postgresql://host/name or
            sqlite:///sweep.db; a file in the folder by default.
        json: Print the result as one JSON object.
    """
    import sys

    from forward_forward.cli import sweep_output

    fixed = {"epochs": epochs, "seed": seed, "device": device}
    command = {"data": data, "target": target, "size": size, "recipe": recipe}
    asked = _Asked(out, command, fixed, search, trials=trials, storage=storage)
    progress = sweep_output.Lines()
    typed = {"threads": threads, "storage": storage}
    again = sweep_output.again(asked.out, asked.trials, typed, asked.own_words)
    try:
        outcome = asked.run(threads, progress)
    except KeyboardInterrupt:
        if progress.outcome is None:
            raise
        go_on = "go on", again
        sweep_output.finish(progress.outcome, asked.out, asked.command, go_on, as_json=json)
        sys.stdout.flush()
        raise KeyboardInterrupt(f"finished trials are kept; go on with: {again}") from None
    more = sweep_output.again(asked.out, asked.trials + TRIALS, typed, asked.own_words)
    sweep_output.finish(outcome, asked.out, asked.command, ("more trials", more), as_json=json)
    return 0


class _Asked:
    """One call of ``ff sweep``, with what its folder says of what was not typed."""

    def __init__(
        self,
        out: str | None,
        command: dict[str, Any],
        fixed: dict[str, Any],
        words: tuple[str, ...],
        *,
        trials: int | None,
        storage: str | None,
    ) -> None:
        from pathlib import Path

        from forward_forward.cli import train_settings
        from forward_forward.datasets.run_data import absolute
        from forward_forward.sweep import folder, read

        before: dict[str, Any] = {}
        if out is not None and folder.is_sweep(Path(out)):
            before = folder.about(Path(out))
        elif out is not None and command["data"] is None:
            raise ValueError(
                f"expected a sweep to go on with in {out!r}, got none there: to begin one, name its"
                " --data, such as mnist"
            )
        there = before.get("asked", {})
        kept = {name: there.get(name) for name in command}
        self.command = {**kept, **_given(command)}
        self.command["data"] = absolute(self.command["data"] or "mnist")
        name = self.command["recipe"] = self.command["recipe"] or "standard"
        self.command["fixed"] = self.fixed = {**there.get("fixed", {}), **_given(fixed)}
        self.trials: int = before.get("trials", TRIALS) if trials is None else trials
        if self.trials < 1:
            raise ValueError(f"--trials expects 1 or more, got {self.trials}")
        self.storage: str | None = storage or before.get("storage")
        if storage is None and self.storage is not None and ":***@" in self.storage:
            raise ValueError("the storage's password is not kept: give --storage again")
        self.out = _folder(out, self.command["data"])
        self.recipe = train_settings.recipe_named(name, typed=command["recipe"] is not None)
        train_settings.check_settings(self.recipe, name, self.fixed)
        space = [f"{name}={text}" for name, text in there.get("space", {}).items()]
        self.space = read(words or space or ["default"], self.recipe)
        if both := [each for each in self.fixed if each in self.space]:
            raise ValueError(f"{both[0]} is to be searched: leave --{both[0]} out")
        self.typed = frozenset(self.space) if words else frozenset()
        self.own_words = [each for each in words if ":" in each]

    def run(self, threads: int | None, progress: Any) -> Any:
        import torch

        from forward_forward.cli import sweep_output, train_settings
        from forward_forward.cli.train_output import say_reading
        from forward_forward.datasets.run_data import sets_of
        from forward_forward.sweep import search

        if threads is not None:
            if threads < 1:
                raise ValueError(f"--threads expects 1 or more, got {threads}")
            torch.set_num_threads(threads)
        say_reading(self.command["data"])
        sets = sets_of(self.command)

        def make(settings: Any) -> Any:
            parts = train_settings.parts({**self.fixed, **settings}, typed=self.typed)
            return self.recipe(sets.train, **parts)

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
            watch=progress,
        )


def _given(words: dict[str, Any]) -> dict[str, Any]:
    """What was typed."""
    return {name: value for name, value in words.items() if value is not None}


def _folder(out: str | None, data: str) -> Path:
    from datetime import datetime
    from pathlib import Path

    return Path(out or f"sweeps/{Path(data).stem}-{datetime.now():%Y%m%d-%H%M%S}")

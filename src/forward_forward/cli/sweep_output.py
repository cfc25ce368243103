"""A sweep, its trials and its outcome -> lines on stderr, the result on stdout, and commands."""

from __future__ import annotations

import inspect
import json
import shlex
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forward_forward.cli.progress import duration
from forward_forward.cli.train import train
from forward_forward.datasets import Sets
from forward_forward.sweep import Outcome, Range, Space, folder
from forward_forward.sweep.record import COUNTED, Record, short
from forward_forward.sweep.storage import hidden


def announce(command: Mapping[str, Any], space: Space, sets: Sets, out: Path) -> None:
    """Say what is about to be searched, on stderr."""
    fixed = "".join(f", {name} {value}" for name, value in command["fixed"].items())
    said = [
        f"sweep {out}: recipe {command['recipe']}{fixed}",
        f"data {command['data']}: {len(sets.train):,} to train on,"
        f" {len(sets.validation):,} to judge by",
    ]
    width = max(map(len, space))
    for name, each in space.items():
        scale = ", log scale" if isinstance(each, Range) and each.log else ""
        said.append(f"  {name:<{width}}  {each}{scale}")
    print("\n".join(said), file=sys.stderr, flush=True)


class Lines:
    """A line for each trial, on stderr."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None

    def start(self, outcome: Outcome, trials: int) -> None:
        self.outcome, self.trials = outcome, trials
        self.before, self.began = len(outcome.counted), time.perf_counter()
        if self.before:
            print(f"{self.before} of {trials} trials are over", file=sys.stderr, flush=True)

    def trial(self, done: Record, outcome: Outcome) -> None:
        self.outcome = outcome
        count = len(outcome.counted)
        best = outcome.best
        words = [
            f"trial {done['number']:>3}",
            f"{verdict(done):<28}",
            f"best {best['validation_error']:.2f} %" if best else "none complete yet",
            f"{count}/{self.trials}, {duration(self._left(count))} left",
            ", ".join(f"{name} {short(value)}" for name, value in done["settings"].items()),
        ]
        print("  ".join(words), file=sys.stderr, flush=True)

    def _left(self, count: int) -> float:
        """Seconds until all are over, at the pace of all processes since this one began."""
        here = max(count - self.before, 1)
        return (time.perf_counter() - self.began) / here * max(self.trials - count, 0)

    def wait(self, running: int) -> None:
        print(f"waiting for others, who run {_trials(running)}", file=sys.stderr, flush=True)


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"


def verdict(trial: Record) -> str:
    """How a trial ended, in words."""
    error, epochs = trial["validation_error"], len(trial["curve"])
    if trial["state"] == "complete":
        return f"error {error:.2f} % (epoch {trial['best_epoch']})"
    if trial["state"] == "pruned":
        return f"pruned at {error:.2f} % (epoch {epochs})"
    return f"{trial['state']} in epoch {epochs + 1}"


def reproduction(best: Record, command: Mapping[str, Any], out: Path) -> str:
    """The command that makes a trial's run again.

    Args:
        best: The trial.
        command: The sweep's data, recipe and fixed settings.
        out: The sweep's folder, within which the run's shall be.
    """
    flags = inspect.signature(train).parameters
    given = {name: command.get(name) for name in ("data", "target", "size", "recipe")}
    words = ["ff", "train"]
    words += [word for name, value in given.items() if value for word in (f"--{name}", str(value))]
    further = []
    for name, value in {**command["fixed"], **best["settings"]}.items():
        values = [str(each) for each in (value if isinstance(value, list) else [value])]
        if name in flags:
            words += [f"--{name.replace('_', '-')}", *values]
        else:
            further.append(f"{name}={'+'.join(values)}")
    words += ["--set", *further] if further else []
    # Sums in another order differ in their last bits, and so may what is learnt.
    words += ["--threads", str(best["threads"]), "--out", str(out / f"trial-{best['number']}")]
    return shlex.join(words)


def page_of(paths: Sequence[Path]) -> str:
    """The page of a sweep, with the command that makes its best run again.

    Raises:
        ValueError: There is more than one folder.
    """
    from forward_forward.report import sweep_page

    if len(paths) > 1:
        raise ValueError(f"a page shows one sweep, got {len(paths)} folders: name one of them")
    (path,) = paths
    best = Outcome(folder.trials(path)["trials"]).best
    asked = folder.about(path)["asked"]
    return sweep_page(path, command=None if best is None else reproduction(best, asked, path))


def again(out: Path, trials: int, typed: Mapping[str, Any], own_words: Sequence[str]) -> str:
    """The command that goes on with a sweep, up to so many trials.

    Args:
        out: The sweep's folder.
        trials: How many in all.
        typed: What else was typed that the folder does not keep; None for what was not.
        own_words: What was typed of the space with code in it, which is not run from a file.
    """
    words = ["ff", "sweep", "--out", str(out), "--trials", str(trials)]
    for name, value in typed.items():
        words += [f"--{name}", hidden(str(value))] if value is not None else []
    words += ["--search", *own_words] if own_words else []
    return shlex.join(words)


def finish(
    outcome: Outcome,
    out: Path,
    command: Mapping[str, Any],
    next_: tuple[str, str],
    *,
    as_json: bool,
) -> None:
    """Print the best trial, the command that makes it again, and a next one with its purpose."""
    counts = Counter(each["state"] for each in outcome.counted)
    best = outcome.best
    made = None if best is None else reproduction(best, command, out)
    if as_json:
        keys = ("number", "validation_error", "best_epoch", "settings", "threads", "seconds")
        figures = {
            "sweep": str(out),
            "trials": len(outcome.counted),
            **{state: counts[state] for state in COUNTED},
            "best": None if best is None else {key: best[key] for key in keys},
            "command": made,
            "next": next_[1],
        }
        print(json.dumps(figures))
        return
    said = ", ".join(f"{counts[state]} {state}" for state in COUNTED if counts[state])
    print(f"{_trials(len(outcome.counted))}{f': {said}' if said else ''}")
    if best is None:
        print("no trial is complete, so none is the best")
    else:
        print(
            f"best: trial {best['number']}, validation error {best['validation_error']:.2f} %"
            f" (epoch {best['best_epoch']})"
        )
        width = max(map(len, best["settings"]))
        for name, value in best["settings"].items():
            print(f"  {name:<{width}}  {short(value)}")
        print("one seed is a search and no result: try the best with others, by --seed")
        print(f"the same run: {made}")
    print(f"a page:       {shlex.join(['ff', 'report', str(out)])}")
    print(f"{next_[0] + ':':<13} {next_[1]}")

"""A sweep, its trials and its result -> lines on stderr, a summary on stdout, and commands."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forward_forward.cli.progress import Display
from forward_forward.cli.train_settings import FLAGS, flag
from forward_forward.datasets import Sets
from forward_forward.datasets.run_data import OPTIONS
from forward_forward.sweep import Outcome, Range, Space, TrialCallback, folder
from forward_forward.sweep.record import COUNTED, Record, short


def announce(command: Mapping[str, Any], space: Space, sets: Sets, out: Path) -> None:
    """Print on stderr what will be searched."""
    fixed = "".join(f", {name} {value}" for name, value in command["fixed"].items())
    lines = [
        f"sweep {out}: recipe {command['recipe']}{fixed}",
        f"data {command['data']}: {len(sets.train):,} training and"
        f" {len(sets.validation):,} validation samples",
    ]
    width = max(map(len, space))
    for name, each in space.items():
        scale = ", log scale" if isinstance(each, Range) and each.log else ""
        lines.append(f"  {name:<{width}}  {each}{scale}")
    print("\n".join(lines), file=sys.stderr, flush=True)


class SweepProgress(TrialCallback):
    """A line on stderr for each trial, and on a terminal a bar."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None

    def start(self, outcome: Outcome, trials: int) -> None:
        self.outcome, self.trials = outcome, trials
        done = len(outcome.counted)
        self.display = Display(trials, done)
        if done:
            self.display.line(f"{done} of {trials} trials are done")

    def trial(self, done: Record, outcome: Outcome) -> None:
        self.outcome = outcome
        count, best = len(outcome.counted), outcome.best
        # The pace is that of all processes since this one started.
        left = self.display.left(max(count, self.display.first + 1))
        fields = [
            f"trial {done['number']:>3}",
            f"{result(done):<28}",
            f"best {best['validation_error']:.2f} %" if best else "none complete yet",
            f"{count}/{self.trials}, {left}",
            ", ".join(f"{name} {short(value)}" for name, value in done["settings"].items()),
        ]
        self.display.line("  ".join(fields))
        if self.display.bar is not None:
            self.display.show(count, left)

    def wait(self, running: int) -> None:
        self.display.line(f"waiting for {_trials(running)} in other processes")

    def stop(self) -> None:
        self.display.stop()


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"


def result(trial: Record) -> str:
    """How a trial ended, as text."""
    error, epochs = trial["validation_error"], len(trial["curve"])
    if trial["state"] == "complete":
        return f"error {error:.2f} % (epoch {trial['best_epoch']})"
    if trial["state"] == "pruned":
        return f"pruned at {error:.2f} % (epoch {epochs})"
    return f"{trial['state']} in epoch {epochs + 1}"


def reproduction(best: Record, command: Mapping[str, Any], out: Path) -> str:
    """The ``ff train`` command that repeats a trial's run, in a folder within the sweep's."""
    args = ["ff", "train"]
    for name in ("data", *OPTIONS, "recipe"):
        if value := command.get(name):
            args += [flag(name), *(value if isinstance(value, list) else [str(value)])]
    without_flag = []
    for name, value in {**command["fixed"], **best["settings"]}.items():
        values = [str(each) for each in (value if isinstance(value, list) else [value])]
        if name in FLAGS:
            args += [flag(name), *values]
        else:
            without_flag.append(f"{name}={'+'.join(values)}")
    args += ["--set", *without_flag] if without_flag else []
    # The number of threads changes the order of sums, hence their last bits, and so the run.
    args += ["--threads", str(best["threads"]), "--out", str(out / f"trial-{best['number']}")]
    return shlex.join(args)


def page_of(paths: Sequence[Path]) -> str:
    """The page of a sweep, the only one of the paths, with the command of its best run."""
    from forward_forward.report import sweep_page

    if len(paths) > 1:
        raise ValueError(f"a page shows one sweep, got {len(paths)} folders: name one of them")
    (path,) = paths
    best = Outcome(folder.trials(path)["trials"]).best
    asked = folder.about(path)["asked"]
    return sweep_page(path, command=None if best is None else reproduction(best, asked, path))


def finish(
    outcome: Outcome, out: Path, sweep: Mapping[str, Any], purpose: str, then: str, *, as_json: bool
) -> None:
    """Print the best trial, the command that repeats it, and the next command with its purpose."""
    counts = Counter(each["state"] for each in outcome.counted)
    best = outcome.best
    repeat = None if best is None else reproduction(best, sweep, out)
    if as_json:
        keys = ("number", "validation_error", "best_epoch", "settings", "threads", "seconds")
        summary = {
            "sweep": str(out),
            "trials": len(outcome.counted),
            **{state: counts[state] for state in COUNTED},
            "best": None if best is None else {key: best[key] for key in keys},
            "command": repeat,
            "next": then,
        }
        print(json.dumps(summary))
        return
    states = ", ".join(f"{counts[state]} {state}" for state in COUNTED if counts[state])
    print(f"{_trials(len(outcome.counted))}{f': {states}' if states else ''}")
    if best is None:
        print("no trial is complete, so there is no best trial")
    else:
        error = f"{best['validation_error']:.2f} % (epoch {best['best_epoch']})"
        print(f"best: trial {best['number']}, validation error {error}")
        width = max(map(len, best["settings"]))
        for name, value in best["settings"].items():
            print(f"  {name:<{width}}  {short(value)}")
        print("each trial has one seed: repeat the best settings with other seeds")
        print(f"the same run: {repeat}")
    print(f"report:       {shlex.join(['ff', 'report', str(out)])}")
    print(f"{purpose + ':':<13} {then}")

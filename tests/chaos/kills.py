"""A command that writes, killed anywhere, and then repeated -> what an undisturbed one leaves."""

import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.sandbox import Kill, Outcome, run

TRAIN = ["train", "--data", "digits", "--hidden", 8, 8, "--epochs", 3, "--batch-size", 256]
TRAIN += ["--threads", 1, "--lr", 0.01]
SWEEP = ["sweep", "--data", "digits", "--epochs", 1, "--threads", 1, "--trials", 2]
SWEEP += ["--search", "lr=1e-3..1e-1", "hidden=8", "batch_size=512", "--out", "s"]
LEFT = (".partial", ".previous", ".lock")
Commands = Sequence[Sequence[object]]
Prints = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A command to kill, and the commands that then lead to the end.

    Args:
        words: The command.
        before: Commands that prepare the folder.
        after: Commands for a folder in which it was killed.
        prints: What must be equal in the end, from the folder.
        weight: How often it is chosen.
    """

    words: Sequence[object]
    before: Commands
    after: Callable[[Path], Commands]
    prints: Callable[[Path], Prints]
    weight: int


def run_prints(folder: Path) -> Prints:
    """A run's weights, optimisers, figures and errors."""
    path = folder / "r"
    sums = {
        str(each.relative_to(path)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(path.glob("checkpoints/*/*.safetensors"))
    }
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    about = json.loads((path / "run.json").read_text())
    figures = [{name: row[name] for name in row if name != "seconds"} for row in rows]
    return {**sums, "rows": figures, "test": about["test"], "status": about["status"]}


def sweep_prints(folder: Path) -> Prints:
    """A sweep's finished trials: their settings and errors."""
    done = run(["sweep", "--out", "s", "--trials", 2, "--json"], folder)
    return {"code": done.code, "trials": json.loads(done.out)["trials"]}


def export_prints(folder: Path) -> Prints:
    """The files of an export, each of which is as its export.json says."""
    path = folder / "r/export"
    about = json.loads((path / "export.json").read_text())
    sums = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in path.iterdir()}
    text = json.dumps(about)
    wrong = [name for name in about["models"] if sums[name] not in text]
    return {"files": sorted(sums), "wrong": wrong}


def file_prints(name: str) -> Callable[[Path], Prints]:
    """The content of one file."""
    return lambda folder: {name: (folder / name).read_text()}


def resumed(folder: Path) -> Commands:
    """Resume a run that was begun, or begin it."""
    begun = (folder / "r/run.json").exists()
    return [["train", "--resume", "r"] if begun else [*TRAIN, "--out", "r"]]


BASE = [[*TRAIN, "--out", "r"]]
OTHER = [[*TRAIN, "--seed", 5, "--out", "r"]]
OVERWRITE = [*TRAIN, "--out", "r", "--overwrite"]
CASES = {
    "train": Case(BASE[0], [], resumed, run_prints, 8),
    "train --overwrite": Case(OVERWRITE, OTHER, lambda _: [OVERWRITE], run_prints, 4),
    "evaluate --out": Case(
        ["evaluate", "r", "--out", "e.csv"],
        BASE,
        lambda _: [["evaluate", "r", "--out", "e.csv"]],
        file_prints("e.csv"),
        2,
    ),
    "report": Case(
        ["report", "r", "--out", "page.html"],
        BASE,
        lambda _: [["report", "r", "--out", "page.html"]],
        lambda folder: {"whole": (folder / "page.html").read_text().rstrip().endswith("</html>")},
        1,
    ),
    "sweep": Case(SWEEP, [], lambda _: [SWEEP], sweep_prints, 2),
    "export": Case(
        ["export", "r", "--predictor", "scan"],
        BASE,
        lambda _: [["export", "r", "--predictor", "scan"]],
        export_prints,
        1,
    ),
}


class Killer:
    """Kills commands, and tells what was lost.

    Args:
        folder: Where to work; its content is removed.
        seed: For the commands and the moments.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.known: dict[str, tuple[Path, Outcome, Prints]] = {}

    def strike(self) -> tuple[str, str | None]:
        """Kill one command: its name, and what went wrong, if anything."""
        names = list(CASES)
        (name,) = self.random.choices(names, [CASES[each].weight for each in names])
        case = CASES[name]
        if name not in self.known:
            self.known[name] = self._undisturbed(name, case)
        ready, whole, prints = self.known[name]
        if self.random.random() < 0.7:
            kill = Kill(change=self.random.randint(1, whole.changes))
        else:
            kill = Kill(seconds=self.random.uniform(0.02, whole.seconds))
        place = self.folder / "now"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(ready, place)
        run(case.words, place, kill)
        return name, self._lost(case, place, prints, kill)

    def _undisturbed(self, name: str, case: Case) -> tuple[Path, Outcome, Prints]:
        ready = Path(tempfile.mkdtemp(dir=self.folder))
        for words in case.before:
            assert run(words, ready).code == 0, words
        place = self.folder / "whole"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(ready, place)
        whole = run(case.words, place)
        assert whole.code == 0, (name, whole.err)
        return ready, whole, case.prints(place)

    def _lost(self, case: Case, place: Path, prints: Prints, kill: Kill) -> str | None:
        """What differs in the end from an undisturbed command."""
        if (place / "r").is_dir() and not (seen := run(["evaluate", "r"], place)).sound:
            return f"{kill}: ff evaluate: {seen.code}, {seen.err[-2000:]}"
        for words in case.after(place):
            done = run(words, place)
            if done.code != 0:
                return f"{kill}: then {words}: {done.code}, {done.err[-2000:]}"
        if (found := case.prints(place)) != prints:
            return f"{kill}: expected {prints}, got {found}"
        left = [path for path in (place / "r").rglob("*") if path.name.endswith(LEFT)]
        return f"{kill}: left behind: {left}" if left else None

"""A comparison of learning rules -> progress on stderr, its page, and the command for it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forward_forward import files
from forward_forward.cli.progress import Display, duration
from forward_forward.lab.compare import CompareProgress, formatted, read, texts
from forward_forward.lab.compare.rule import Rule
from forward_forward.report import comparison_page

PAGE = "compare.html"
# Options in the order of the command, with their defaults.
DEFAULTS: Mapping[str, Any] = {
    "data": None,
    **dict.fromkeys(("target", "missing", "size", "network")),
    "seeds": 5,
    **dict.fromkeys(("epochs", "images")),
    "trials": 0,
    "reference": None,
}


class ComparisonProgress(CompareProgress):
    """A line for each tuned rule, and a bar, or lines, for the runs."""

    def tuned(self, rule: Rule, chosen: Mapping[str, Any]) -> None:
        values = ", ".join(f"{name} {value:.3g}" for name, value in chosen.items())
        print(f"tuned {rule.text}: {values or 'nothing to tune'}", file=sys.stderr, flush=True)

    def runs(self, missing: int, total: int) -> None:
        self.done, self.total = total - missing, total
        self.display = Display(total, self.done) if missing else None

    def run(self, record: Mapping[str, Any]) -> None:
        assert self.display is not None
        self.done += 1
        seconds = duration(record["seconds"])
        run = f"{record['rule']}, seed {record['seed']}: {record['test_error']:.2f} %, {seconds}"
        if self.display.due() or self.done == self.total:
            self.display.show(self.done, f"{self.done} of {self.total} runs; {run}")
        if self.done == self.total:
            self.display.stop()


def command_of(settings: Mapping[str, Any], rules: Sequence[str], out: Path | str) -> str:
    """The command of a comparison, as it can be typed again."""
    args = ["ff", "compare", *rules]
    for name, default in DEFAULTS.items():
        value = settings.get(name)
        args += [f"--{name}", str(value)] if value != default else []
    drop = settings.get("drop") or ()
    args += ["--drop", *drop] if drop else []
    return shlex.join([*args, "--out", str(out)])


def page_of(folder: Path) -> str:
    """The page of a comparison."""
    found = read(folder)
    rules = [*found["curves"]]
    settings = {**found, **found["data"], "seeds": len(next(iter(found["curves"].values())))}
    if found["reference"] == rules[0]:
        settings["reference"] = None
    command = command_of(settings, rules, folder)
    return comparison_page(found, texts(found), formatted(found, "csv"), command)


def write_page(folder: Path) -> Path:
    """Write the page of a comparison into its folder."""
    page = folder / PAGE
    files.write(page, page_of(folder).encode())
    return page

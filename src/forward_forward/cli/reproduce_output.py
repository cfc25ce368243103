"""Runs and results of claims -> progress on stderr, rows of tables, and the page."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from forward_forward import files, report
from forward_forward.cli.progress import Display, duration
from forward_forward.cli.tables import Rows
from forward_forward.lab.reproduce import results
from forward_forward.lab.reproduce.claims import CLAIMS, POSTER
from forward_forward.lab.reproduce.job import Job
from forward_forward.lab.reproduce.rules import BETTER, EXACT, SAME
from forward_forward.lab.reproduce.runner import RunProgress
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.recipes.settings import recipes_by_name

PAGE = "report.html"


class ReproductionProgress(RunProgress):
    """Follows a reproduction: its claims, their runs, and the time left.

    The first seconds are not counted in the time left, since workers must start.
    """

    INTERVAL = 30.0  # seconds between two lines
    RELIABLE = 10.0  # seconds of runs from which the time left is estimated

    def start(self, work: float) -> None:
        self.work, self.worked = work, 0.0
        self.runs = self.expected = 0
        self.name = ""
        self.busy = 0.0  # seconds in which runs were under way
        self.mark = time.perf_counter()
        self.display = Display(work, interval=self.INTERVAL)

    def claim(self, name: str, number: int, claims: int) -> None:
        self.name = f"{name} ({number + 1} of {claims})"
        self.runs = self.expected = 0
        self.display.show(self.worked, self._text(), total=self.work)

    def expect(self, jobs: Sequence[Job]) -> None:
        self.mark = time.perf_counter()
        self.expected += len(jobs)
        # Runs that were not planned, such as rates added at the end of a range, count as well.
        self.work = max(self.work, self.worked + sum(job.cost for job in jobs))

    def done(self, job: Job) -> None:
        now = time.perf_counter()
        self.busy, self.mark = self.busy + now - self.mark, now
        self.runs += 1
        self.worked += job.cost
        if self.display.due() or self.runs == self.expected:
            self.display.show(self.worked, self._text(), total=self.work)

    def stop(self) -> None:
        self.display.stop()

    def _text(self) -> str:
        runs = f": {self.runs} of {self.expected} runs" if self.expected else ""
        if not self.worked or self.busy < self.RELIABLE:
            return f"{self.name}{runs}"
        rest = (self.work - self.worked) / self.worked * self.busy
        return f"{self.name}{runs}, about {duration(max(rest, 0))} left"


def claims_rows(folder: Path) -> Rows:
    """Every claim: name, title, source, and verdict and estimate if there is a result."""
    found = results.read(folder)
    rows = [["name", "about", "source", "verdict", "estimate"]]
    for claim in CLAIMS.values():
        result = found.get(claim.name)
        outcome = [result["verdict"], results.estimate(result)] if result else ["not run", ""]
        rows.append([f"{POSTER}.{claim.name}", claim.title, claim.source, *outcome])
    return rows


def results_rows(found: Mapping[str, results.Result]) -> Rows:
    """Results: name, verdict, estimate and p."""
    rows = [["claim", "verdict", "estimate, 95 % interval", "p"]]
    for name, result in found.items():
        p = result["statistic"].get("p_holm", result["statistic"]["p"])
        shown = "" if p is None else f"{p:.2g}"
        rows.append([name, result["verdict"], results.estimate(result), shown])
    return rows


def recipes_rows() -> Rows:
    """Every recipe: name, and the claim on the first line of its docstring."""
    recipes = recipes_by_name().items()
    claims = [[name, (inspect.getdoc(recipe) or "").partition("\n")[0]] for name, recipe in recipes]
    return [["name", "claim"], *claims]


def write_page(folder: Path, found: Mapping[str, results.Result], scale: Scale) -> Path:
    """Write the page of all results to a folder; returns its path."""
    path = folder / PAGE
    files.write(path, page_of(found, scale).encode())
    return path


def page_of(found: Mapping[str, results.Result], scale: Scale) -> str:
    """The HTML page of results."""
    conditions = "; ".join(f"{name}: {value}" for name, value in results.conditions(scale).items())
    return report.page(
        [*found.values()],
        title="Forward-Forward: the claims of the poster, tested",
        introduction=(
            f"{len(found)} of the poster's {len(CLAIMS)} statements, tested at the {scale.name}"
            " scale. The rules were fixed before the runs, except for those that docs/poster.md"
            " lists as changed later. Settings were chosen on validation images; each final run"
            " then read the test set once."
        ),
        rules="\n\n".join([BETTER, SAME, EXACT, f"All arms have in common: {conditions}."]),
    )

"""Runs of a reproduction -> stderr: a progress bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from forward_forward.cli.progress import duration
from forward_forward.lab.reproduce.job import Job
from forward_forward.lab.reproduce.runner import RunProgress

EVERY = 30.0  # seconds between two lines
SURE = 10.0  # seconds of runs before the time left is guessed: workers must have started


def progress() -> RunProgress:
    """The watcher that fits where stderr goes."""
    return Bar() if sys.stderr.isatty() else Lines()


class _Count(RunProgress, ABC):
    """Claims, runs and work done, and the time left."""

    def start(self, work: float) -> None:
        self.work, self.worked = work, 0.0
        self.runs = self.expected = 0
        self.name = ""
        self.busy = 0.0  # seconds in which runs went on
        self.mark = time.perf_counter()

    def claim(self, name: str, number: int, claims: int) -> None:
        self.name = f"{name} ({number + 1} of {claims})"
        self.runs = self.expected = 0
        self.show()

    def expect(self, jobs: Sequence[Job]) -> None:
        self.mark = time.perf_counter()
        self.expected += len(jobs)
        # What was not foreseen, such as rates added at an end, is work all the same.
        self.work = max(self.work, self.worked + sum(job.cost for job in jobs))

    def done(self, job: Job) -> None:
        now = time.perf_counter()
        self.busy, self.mark = self.busy + now - self.mark, now
        self.runs += 1
        self.worked += job.cost
        self.show()

    def left(self) -> str:
        if not self.worked or self.busy < SURE:
            return ""
        rest = (self.work - self.worked) / self.worked * self.busy
        return f", about {duration(max(rest, 0))} left"

    def words(self) -> str:
        runs = f": {self.runs} of {self.expected} runs" if self.expected else ""
        return f"{self.name}{runs}{self.left()}"

    @abstractmethod
    def show(self) -> None:
        """Show how far it is now."""


class Lines(_Count):
    """A line at each claim, and every half minute."""

    def start(self, work: float) -> None:
        super().start(work)
        self.shown = 0.0
        self.last = ""

    def show(self) -> None:
        now = time.perf_counter()
        if self.name != self.last or now - self.shown > EVERY:
            self.shown, self.last = now, self.name
            print(self.words(), file=sys.stderr, flush=True)

    def stop(self) -> None:
        pass


class Bar(_Count):
    """A bar over all work, with the claim, its runs and the time left."""

    def start(self, work: float) -> None:
        super().start(work)
        self.bar = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[about]}"),
            console=Console(stderr=True),
        )
        self.task: TaskID = self.bar.add_task("", total=max(work, 1.0), about="")
        self.bar.start()

    def show(self) -> None:
        self.bar.update(
            self.task, total=max(self.work, 1.0), completed=self.worked, about=self.words()
        )

    def stop(self) -> None:
        self.bar.stop()

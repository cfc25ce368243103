"""A run's steps and epochs -> stderr: a progress bar on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from forward_forward.track import Beginning, Ending, Row, Watcher


def progress() -> Watcher:
    """The watcher that fits where stderr goes."""
    return Bar() if sys.stderr.isatty() else Lines()


def line(row: Row, epochs: int, left: float) -> str:
    """One epoch in words."""
    words = [f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}"]
    if "validation_error" in row:
        words.append(f"validation error {row['validation_error']:5.2f} %")
    layers = row.get("validation_goodness_error_by_layer")
    if layers:
        words.append("by layer " + " ".join(f"{error:.2f}" for error in layers))
    words.append(f"{row['seconds']:.1f} s, {duration(left)} left")
    return "  ".join(words)


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(75), duration(7.2)
    ('1 min 15 s', '7 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class _Clock:
    """Time left, from the epochs of this session."""

    def __init__(self, epochs: int, epoch: int) -> None:
        self.epochs, self.first = epochs, epoch
        self.began = time.perf_counter()

    def left(self, done: float) -> float:
        """Seconds until all epochs are done, after ``done`` of them."""
        here = max(done - self.first, 1e-9)
        return (time.perf_counter() - self.began) / here * (self.epochs - done)


class Lines(Watcher):
    """One line an epoch, for logs and pipes."""

    def start(self, beginning: Beginning) -> None:
        self.clock = _Clock(beginning.epochs, beginning.epoch)

    def epoch(self, row: Row) -> None:
        left = self.clock.left(row["epoch"])
        print(line(row, self.clock.epochs, left), file=sys.stderr, flush=True)


class Bar(Watcher):
    """A progress bar over all epochs, with the last validation error and the time left."""

    def start(self, beginning: Beginning) -> None:
        epochs, epoch = beginning.epochs, beginning.epoch
        self.clock = _Clock(epochs, epoch)
        self.steps = beginning.steps or 1
        self.done = float(epoch)
        self.error = ""
        self.bar = Progress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[about]}"),
            console=Console(stderr=True),
            expand=True,
        )
        self.task: TaskID = self.bar.add_task("", total=epochs, completed=epoch, about="")
        self.bar.start()
        self.shown = 0.0

    def step(self) -> None:
        self.done = min(self.done + 1 / self.steps, float(self.clock.epochs))
        now = time.perf_counter()
        if now - self.shown > 0.1:  # more would cost more than it shows
            self.shown = now
            self._show()

    def _show(self) -> None:
        about = f"{self.error}{duration(self.clock.left(self.done))} left"
        self.bar.update(self.task, about=about)

    def epoch(self, row: Row) -> None:
        self.done = float(row["epoch"])
        if "validation_error" in row:
            self.error = f"validation error {row['validation_error']:.2f} %, "
        self.bar.update(self.task, completed=row["epoch"])
        self._show()

    def stop(self, ending: Ending) -> None:
        self.bar.stop()

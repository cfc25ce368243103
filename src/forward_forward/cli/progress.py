"""Steps and epochs -> progress on stderr: a bar on a terminal, lines of text elsewhere."""

from __future__ import annotations

import os
import sys
import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from forward_forward.track import Beginning, Callback, Ending, Row
from forward_forward.track.numbers import by_layer

REDRAW = 0.1  # seconds between two updates of a bar: more would cost more than it shows
SILENCE = 10.0  # seconds without a line, after which one is printed where there is no terminal


def draws() -> bool:
    """Whether stderr draws a bar in place: a terminal does, but not the cell of a notebook.

    In a cell, ``!ff train`` has a terminal whose output is kept, with each state of the bar.
    """
    of_kernel = os.environ.get("MPLBACKEND", "").startswith("module://matplotlib_inline")
    return sys.stderr.isatty() and not (of_kernel or "JPY_PARENT_PID" in os.environ)


class Display:
    """A progress bar with text if stderr draws it; otherwise a line every few seconds."""

    def __init__(self, total: float, done: float = 0.0, *, interval: float = SILENCE) -> None:
        self.total, self.first, self.interval = total, done, interval
        self.started = self.shown = time.perf_counter()
        self.bar: Progress | None = None
        if draws():
            text = TextColumn("{task.percentage:>3.0f} %  {task.description}")
            self.bar = Progress(BarColumn(), text, console=Console(stderr=True))
            self.task = self.bar.add_task("", total=total or 1.0)
            self.bar.update(self.task, completed=done)
            self.bar.start()

    def due(self) -> bool:
        """Whether nothing was shown for so long that something should be."""
        return time.perf_counter() - self.shown >= (self.interval if self.bar is None else REDRAW)

    def show(self, done: float, text: str, *, total: float | None = None) -> None:
        """Show the amount that is done: move the bar, or print the text as a line."""
        self.total = self.total if total is None else total
        if self.bar is None:
            self.line(text)
            return
        self.shown, total = time.perf_counter(), self.total or 1.0
        self.bar.update(self.task, completed=done, total=total, description=escape(text))

    def line(self, text: str) -> None:
        """Print a line that stays, above the bar if there is one."""
        self.shown = time.perf_counter()
        if self.bar is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self.bar.console.print(escape(text), highlight=False, soft_wrap=True)

    def left(self, done: float) -> str:
        """The time that the rest will take, at the pace of this session."""
        pace = (time.perf_counter() - self.started) / max(done - self.first, 1e-9)
        return f"{duration(pace * max(self.total - done, 0))} left"

    def stop(self) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.stop()


def duration(seconds: float) -> str:
    """Seconds as text.

    >>> duration(75), duration(7.2)
    ('1 min 15 s', '7 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class TrainingProgress(Callback):
    """Follows one training: a bar over all epochs, or a line per epoch and every ten seconds."""

    def start(self, beginning: Beginning) -> None:
        self.epochs, self.steps = beginning.epochs, beginning.steps
        self.done, self.step_in_epoch = beginning.epoch, 0
        self.error, self.settings = "", beginning.settings
        self.display = Display(beginning.epochs, beginning.epoch)

    def step(self) -> None:
        self.step_in_epoch += 1
        if not self.display.due():
            return
        part = 0.0 if not self.steps else min(self.step_in_epoch / self.steps, 1.0)
        of_steps = f"/{self.steps}" if self.steps else ""
        text = f"{self._epoch(self.done + 1)}  step {self.step_in_epoch}{of_steps}"
        # Without a number of steps, the time left is known once an epoch is done.
        if done := self.done - self.display.first + part:
            text += f"  {self.display.left(self.display.first + done)}"
        self.display.show(self.done + part, text + self.error)

    def epoch(self, row: Row) -> None:
        self.done, self.step_in_epoch = row["epoch"], 0
        fields = [self._epoch(row["epoch"])]
        if "validation_rmse" in row:
            fields.append(f"validation error {row['validation_rmse']:.4g}")
            self.error = f"  {fields[-1]}"
        elif "validation_error" in row:
            fields.append(f"validation error {row['validation_error']:5.2f} %")
            self.error = f"  validation error {row['validation_error']:.2f} %"
        name, form = "validation_goodness_error_by_layer", ".2f"
        if "validation_rmse" in row:
            name, form = "validation_rmse_by_layer", ".4g"
        layers = by_layer(row, name, self.settings).values()
        if len(layers) > 1 and self.display.bar is None:
            fields.append("by layer " + " ".join(f"{error:{form}}" for error in layers))
        fields.append(f"{row['seconds']:.1f} s, {self.display.left(self.done)}")
        self.display.show(self.done, "  ".join(fields))

    def stop(self, ending: Ending) -> None:
        self.display.stop()

    def _epoch(self, number: int) -> str:
        return f"epoch {number:>{len(str(self.epochs))}}/{self.epochs}"

"""Steps and epochs -> a progress bar on a terminal or in a notebook."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from forward_forward.track.callback import Beginning, Callback, Ending, Row


def interactive() -> bool:
    """Whether somebody watches: stderr is a terminal, or the code runs in a notebook."""
    python: Any = sys.modules.get("IPython")
    shell = None if python is None else python.get_ipython()
    in_notebook = shell is not None and hasattr(shell, "kernel")
    return in_notebook or (sys.stderr is not None and sys.stderr.isatty())


class ProgressBar(Callback):
    """A bar of `tqdm` that shows the epochs, the time left and the latest error.

    >>> bar = ProgressBar()
    >>> bar.start(Beginning(epochs=2, steps=10)); bar.stop("finished")
    """

    def start(self, beginning: Beginning) -> None:
        with warnings.catch_warnings():
            # In a notebook without ipywidgets, its bar is text; a warning would say so.
            warnings.filterwarnings("ignore", "IProgress not found")
            from tqdm.auto import tqdm  # it looks for a notebook as it is imported

        self.steps = beginning.steps or 1
        total = beginning.epochs * self.steps
        done = beginning.epoch * self.steps
        bar = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
        self.bar = tqdm(total=total, initial=done, bar_format=bar, leave=True)
        self.bar.set_description(f"epoch {beginning.epoch}/{beginning.epochs}")
        self.epochs = beginning.epochs

    def step(self) -> None:
        self.bar.update()

    def epoch(self, row: Row) -> None:
        self.bar.n = row["epoch"] * self.steps  # also where the number of steps was not known
        self.bar.set_description(f"epoch {row['epoch']}/{self.epochs}", refresh=False)
        if "validation_error" in row:
            self.bar.set_postfix_str(f"validation error {row['validation_error']:.2f} %")
        else:
            losses = " ".join(f"{each:.3g}" for each in row["loss"])
            self.bar.set_postfix_str(f"loss {losses}")

    def stop(self, ending: Ending) -> None:
        self.bar.close()

"""A run's start, steps, epochs and end -> calls to its watchers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

Row = dict[str, Any]
Ending = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Beginning:
    """The state of a run as training starts or resumes.

    Args:
        epochs: Total number of epochs.
        epoch: Epochs that are already done.
        steps: Steps per epoch, or None if that is not known in advance.
        resumed: Whether an earlier run is resumed; perhaps none of its epochs was completed.
        settings: The run's settings, as in run.json.
        history: The rows of the epochs that are done.
        run: The run's folder, or None if nothing is written to disk.
    """

    epochs: int
    epoch: int = 0
    steps: int | None = None
    resumed: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Row] = ()
    run: Path | None = None


class Watcher:
    """Follows a run: override what you need. The training loop calls all methods, in order."""

    def start(self, beginning: Beginning) -> None:
        """Called as training starts or resumes."""

    def step(self) -> None:
        """Called after each step."""

    def epoch(self, row: Row) -> None:
        """Called after each epoch, once its checkpoint is written."""

    def stop(self, ending: Ending) -> None:
        """Called when training has finished, was interrupted by Ctrl-C, or failed."""


class Tracker(Watcher):
    """A watcher that records a run, and the test set's figures too."""

    def result(self, figures: Mapping[str, Any]) -> None:
        """Called after training with the test set's figures from `predict.evaluate`."""


@contextmanager
def watched(watchers: Sequence[Watcher], beginning: Beginning) -> Iterator[None]:
    """Start watchers and, however the block ends, stop each that was started.

    Args:
        watchers: Started in this order, stopped in reverse.
        beginning: Passed to ``start``.
    """
    with ExitStack() as started:
        for watcher in watchers:
            watcher.start(beginning)
            started.push(partial(_stop, watcher))
        yield


def _stop(watcher: Watcher, kind: type[BaseException] | None, *_: object) -> None:
    interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
    watcher.stop("finished" if kind is None else "interrupted" if interrupted else "failed")

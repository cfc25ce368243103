"""A run's beginning, steps, rows of figures and ending -> whoever watches it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

Row = dict[str, Any]
Ending = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Beginning:
    """What training begins with, or goes on from.

    Args:
        epochs: Epochs in all.
        epoch: Epochs that are done already.
        steps: Steps an epoch, or None where that is not known beforehand.
        resumed: Whether a run goes on that was begun before; it may have been broken off so early
            that no epoch is done.
        settings: What run.json says of the run's settings.
        history: The rows of the epochs that are done.
        run: The run's folder, or None where all stays in memory.
    """

    epochs: int
    epoch: int = 0
    steps: int | None = None
    resumed: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Row] = ()
    run: Path | None = None


class Watcher(Protocol):
    """Follows a run. All methods are called from the training loop, in order."""

    def start(self, beginning: Beginning) -> None:
        """Training begins, or goes on."""
        ...

    def step(self) -> None:
        """A step was taken."""
        ...

    def epoch(self, row: Row) -> None:
        """An epoch is over, and its checkpoint is written."""
        ...

    def stop(self, ending: Ending) -> None:
        """Training is over: finished, interrupted by Ctrl-C, or broken off by an error."""
        ...


class Tracker(Watcher, Protocol):
    """A watcher that keeps what it is told, and wants the figures of the test set too."""

    def result(self, figures: Mapping[str, Any]) -> None:
        """The test set was read, after training: what `predict.evaluate` gave."""
        ...


@contextmanager
def watched(watchers: Sequence[Watcher], beginning: Beginning) -> Iterator[None]:
    """Tell watchers that training begins and, however it ends, each of them that it is over.

    Args:
        watchers: Told in this order of the beginning, and in the opposite one of the end.
        beginning: What they are told.
    """
    with ExitStack() as told:
        for watcher in watchers:
            watcher.start(beginning)
            told.push(partial(_stop, watcher))
        yield


def _stop(watcher: Watcher, kind: type[BaseException] | None, *_: object) -> None:
    interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
    watcher.stop("finished" if kind is None else "interrupted" if interrupted else "failed")

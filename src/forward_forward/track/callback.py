"""A run's start, steps, epochs and end -> calls to its callbacks, one of which may stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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


class StopTraining(Exception):  # a request, not an error
    """Raised by a callback after an epoch: training ends here, and the run is complete.

    The message says why; it is kept with the run.
    """


class Callback:
    """Follows a run: override what you need. The training loop calls all methods, in order.

    >>> class Threshold(Callback):
    ...     def epoch(self, row):
    ...         if row["validation_error"] < 2:
    ...             raise StopTraining("fewer than 2 % errors")
    """

    def start(self, beginning: Beginning) -> None:
        """Called as training starts or resumes."""

    def step(self) -> None:
        """Called after each step."""

    def epoch(self, row: Row) -> None:
        """Called after each epoch, once its checkpoint is written; may raise `StopTraining`."""

    def stop(self, ending: Ending) -> None:
        """Called when training has finished, was interrupted by Ctrl-C, or failed."""


class Tracker(Callback):
    """A callback that records a run, and the test set's figures too."""

    def result(self, figures: Mapping[str, Any]) -> None:
        """Called after training with the test set's figures from `predict.evaluate`."""


METHODS = "start", "step", "epoch", "stop"


class _Adapter(Callback):
    """A callback with some methods of another object."""

    def __init__(self, methods: Mapping[str, Callable[..., Any]]) -> None:
        vars(self).update(methods)


def as_callback(given: Any) -> Callback:
    """An object with any of the methods of `Callback`, or a function of an epoch's row.

    Raises:
        ValueError: It is a class, or has none of the methods and cannot be called.

    >>> rows = []
    >>> as_callback(rows.append).epoch({"epoch": 1})
    >>> rows
    [{'epoch': 1}]
    """
    if isinstance(given, Callback):
        return given
    found = {name: getattr(given, name, None) for name in METHODS}
    methods = {name: each for name, each in found.items() if callable(each)}
    if isinstance(given, type) or not (methods or callable(given)):
        got = f"the class {given.__name__}" if isinstance(given, type) else repr(given)
        raise ValueError(
            "callbacks expects objects with any of the methods start, step, epoch and stop, or"
            f" functions of an epoch's row, got {got}: define at least one of them"
        )
    return _Adapter(methods or {"epoch": given})


@contextmanager
def notified(callbacks: Sequence[Callback], beginning: Beginning) -> Iterator[None]:
    """Start callbacks and, however the block ends, stop each that was started.

    Args:
        callbacks: Started in this order, stopped in reverse.
        beginning: Passed to ``start``.
    """
    with ExitStack() as started:
        for callback in callbacks:
            callback.start(beginning)
            started.push(partial(_stop, callback))
        yield


def _stop(callback: Callback, kind: type[BaseException] | None, *_: object) -> None:
    interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
    callback.stop("finished" if kind is None else "interrupted" if interrupted else "failed")

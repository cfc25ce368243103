"""A run's rows of figures -> a service that keeps runs by project, each epoch once."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from forward_forward import manifest
from forward_forward.track.callback import Beginning, Ending, Row, Tracker
from forward_forward.track.memory import recorded
from forward_forward.track.numbers import scalars, settings_of

PROJECT = "forward-forward"


class Sent(NamedTuple):
    """What a service has of a run, kept in the run's folder."""

    project: str
    run: str  # the service's own name or number of the run
    epoch: int = 0
    tested: bool = False


def sent(folder: Path, memory: str) -> Sent | None:
    """What a service has of the run in this folder, or None if it was never sent there.

    Raises:
        ValueError: The record is broken.
    """
    return recorded(folder / memory, Sent)


class ProjectTracker(Tracker, ABC):
    """Sends a run to a service: its settings as the configuration, each epoch's figures.

    A resumed run continues the run of the service, which the run's folder records in a file, and no
    epoch appears twice. After a finished training the service's run stays open for `result`; if
    that is not called, the service closes it when Python ends.

    Args:
        project: The project's name; None for that of the resumed run, or ``forward-forward``.

    Raises:
        ImportError: The service's package is missing.
    """

    package: ClassVar[str]  # of the service, and the extra that installs it
    memory: ClassVar[str]  # the file in the run's folder

    def __init__(self, project: str | None = None) -> None:
        self.project = project
        try:
            importlib.import_module(self.package)
        except ImportError as error:
            fix = f'pip install "forward-forward[{self.package}]"'
            name = type(self).__name__
            raise ImportError(f"{name} needs the package {self.package}: {fix}") from error

    def start(self, beginning: Beginning) -> None:
        """Open a new run of the service, or the one recorded in the run's folder."""
        self._about, self._epochs = beginning.settings, beginning.epochs
        self._folder = beginning.run
        known = None
        if self._folder is not None and beginning.resumed:
            known = sent(self._folder, self.memory)
        project = self.project or (known.project if known else PROJECT)
        run = self._open(project, known.run if known else None, settings_of(self._about))
        self._keep(Sent(*known) if known else Sent(project, run))
        for row in beginning.history:
            if row["epoch"] > self._sent.epoch:
                self.epoch(row)

    def epoch(self, row: Row) -> None:
        """Send the row's figures."""
        self._log(scalars(row, self._about), row["epoch"])
        self._keep(self._sent._replace(epoch=row["epoch"]))

    def stop(self, ending: Ending) -> None:
        """Close the service's run, unless training has finished and the test set follows."""
        if ending != "finished":
            self._close(failed=True)

    def result(self, figures: Mapping[str, Any]) -> None:
        """Send the test set's figures, unless they were sent before, and close the run."""
        if not self._sent.tested:
            self._log(scalars(figures, self._about, "test_"), self._epochs)
            self._keep(self._sent._replace(tested=True))
        self._close(failed=False)

    def _keep(self, now: Sent) -> None:
        self._sent = now
        if self._folder is not None:
            manifest.write_record(self._folder / self.memory, now._asdict())

    @abstractmethod
    def _open(self, project: str, run: str | None, settings: dict[str, Any]) -> str:
        """Open a new run, or the one with this name or number, which is returned."""

    @abstractmethod
    def _log(self, numbers: dict[str, float], epoch: int) -> None:
        """Send the figures of an epoch."""

    @abstractmethod
    def _close(self, *, failed: bool) -> None:
        """End the service's run."""

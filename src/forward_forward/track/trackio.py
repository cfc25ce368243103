"""Rows of figures -> a run of trackio, in an sqlite file: metrics by epoch, configuration."""

from __future__ import annotations

import secrets
import sys
from contextlib import redirect_stdout
from typing import Any

from forward_forward.track.by_project import ProjectTracker


class Trackio(ProjectTracker):
    """Writes a run for trackio: its settings, and each epoch's figures with ``step = epoch``.

    The file is ``PROJECT.db`` in the folder of the environment variable ``TRACKIO_DIR``, by default
    in the cache of Hugging Face. A resumed run continues the run that the run's folder records in
    trackio.json.

    Args:
        project: The project's name; None for that of the resumed run, or ``forward-forward``.

    Raises:
        ImportError: The package trackio is missing.
    """

    package = "trackio"
    memory = "trackio.json"

    def _open(self, project: str, run: str | None, settings: dict[str, Any]) -> str:
        import trackio

        # Trackio finds a run by its name, and runs in different folders may have the same one.
        folder = "run" if self._folder is None else self._folder.resolve().name
        name = run or f"{folder}-{secrets.token_hex(3)}"
        with redirect_stdout(sys.stderr):
            self._run = trackio.init(
                project=project, name=name, config=settings, resume="allow", embed=False
            )
        return name

    def _log(self, numbers: dict[str, float], epoch: int) -> None:
        self._run.log(numbers, step=epoch)

    def _close(self, *, failed: bool) -> None:
        import trackio

        with redirect_stdout(sys.stderr):
            trackio.finish()

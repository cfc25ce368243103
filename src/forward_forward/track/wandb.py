"""Rows of figures -> a run of Weights & Biases: history by epoch, configuration, summary."""

from __future__ import annotations

import os
import secrets
from typing import Any

from forward_forward.track.by_project import ProjectTracker


class WandB(ProjectTracker):
    """Writes a run for Weights & Biases: its settings, and each epoch's figures.

    Where it goes is decided by the service's own environment variables: with ``WANDB_MODE=offline``
    everything stays in the run's folder, or in ``WANDB_DIR``. A resumed run continues the run that
    the run's folder records in wandb.json.

    Args:
        project: The project's name; None for that of the resumed run, or ``forward-forward``.

    Raises:
        ImportError: The package wandb is missing.
    """

    package = "wandb"
    memory = "wandb.json"

    def _open(self, project: str, run: str | None, settings: dict[str, Any]) -> str:
        import wandb

        number = run or secrets.token_hex(4)
        # Absolute: the process that writes may be one that another program started elsewhere.
        folder = None if self._folder is None else self._folder.resolve()
        try:
            self._run = wandb.init(
                project=project,
                id=number,
                name=None if folder is None else folder.name,
                dir=os.environ.get("WANDB_DIR", folder),
                config=settings,
                resume="allow",
                reinit="create_new",  # a run that the user has open stays open
                settings=wandb.Settings(console="off"),  # stdout is left as it is
            )
        except wandb.errors.Error as error:
            fix = "run `wandb login`, or set WANDB_MODE=offline"
            raise RuntimeError(f"Weights & Biases cannot keep the run: {error}: {fix}") from error
        self._run.define_metric("epoch")
        self._run.define_metric("*", step_metric="epoch")
        return number

    def _log(self, numbers: dict[str, float], epoch: int) -> None:
        self._run.log({"epoch": epoch, **numbers})

    def _close(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))

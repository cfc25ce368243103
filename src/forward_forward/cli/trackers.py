"""Names of ``--track`` -> the trackers of a run, where each writes and the command to view it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from forward_forward.track import MLflow, TensorBoard, Tracker, Trackio, WandB, mlflow, tensorboard
from forward_forward.track.by_project import PROJECT, sent


def trackers(
    names: Iterable[str], folder: Path, *, resumed: bool
) -> tuple[list[Tracker], list[str]]:
    """The trackers of a run; and of each, where it writes and the command that shows it.

    A resumed run is logged to the same place as before.
    """
    made: list[Tracker] = []
    places = []
    for name in dict.fromkeys(names):
        if name not in MAKE:  # from the run's folder: what is typed was checked before
            expected = f"one of {', '.join(MAKE)}"
            raise ValueError(f"expected {expected} as a tracker, got {name!r}: pass --track")
        tracker, place, view = MAKE[name](folder, resumed)
        made.append(tracker)
        places.append(f"{name}: {place} (to view: {shlex.join(view)})")
    return made, places


def _tensorboard(folder: Path, resumed: bool) -> tuple[Tracker, str, list[str]]:
    place = folder / tensorboard.FOLDER
    return TensorBoard(place), str(place), ["tensorboard", "--logdir", str(folder.parent)]


def _mlflow(folder: Path, resumed: bool) -> tuple[Tracker, str, list[str]]:
    before = mlflow.remembered(folder) if resumed else None
    if before is not None:
        mlflow.check_chosen(before, folder)
    uri = before.uri if before else mlflow.default_uri()
    experiment = before.experiment if before else mlflow.EXPERIMENT
    view = ["mlflow", "ui", "--backend-store-uri", uri]
    return MLflow(uri), f"experiment {experiment} in {uri}", view


def _wandb(folder: Path, resumed: bool) -> tuple[Tracker, str, list[str]]:
    project = _project(folder, WandB.memory, resumed)
    place = str(Path(os.environ.get("WANDB_DIR", folder), "wandb", "latest-run"))
    return WandB(), f"project {project}, as WANDB_MODE says", ["wandb", "leet", place]


def _trackio(folder: Path, resumed: bool) -> tuple[Tracker, str, list[str]]:
    tracker, project = Trackio(), _project(folder, Trackio.memory, resumed)
    from trackio.utils import TRACKIO_DIR

    view = ["trackio", "show", "--project", project]
    return tracker, f"project {project} in {TRACKIO_DIR}", view


def _project(folder: Path, memory: str, resumed: bool) -> str:
    known = sent(folder, memory) if resumed else None
    return known.project if known else PROJECT


MAKE = {"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb, "trackio": _trackio}

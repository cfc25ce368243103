"""Names given as ``--track`` and a run's folder -> trackers, and where each of them writes."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from forward_forward.track import MLflow, TensorBoard, Tracker, mlflow, tensorboard


def trackers(
    names: Iterable[str], folder: Path, *, resumed: bool
) -> tuple[list[Tracker], list[str]]:
    """The trackers of a run; and of each, where it writes and the command that shows it.

    A resumed run is logged to the same place as before.
    """
    made: list[Tracker] = []
    places = []
    for name in dict.fromkeys(names):
        if name == "tensorboard":
            place = folder / tensorboard.FOLDER
            view = shlex.join(["tensorboard", "--logdir", str(folder.parent)])
            made.append(TensorBoard(place))
            places.append(f"tensorboard: {place} (to view: {view})")
        else:
            before = mlflow.remembered(folder) if resumed else None
            uri = before.uri if before else mlflow.default_uri()
            experiment = before.experiment if before else mlflow.EXPERIMENT
            view = shlex.join(["mlflow", "ui", "--backend-store-uri", uri])
            made.append(MLflow(uri))
            places.append(f"mlflow: experiment {experiment} in {uri} (to view: {view})")
    return made, places

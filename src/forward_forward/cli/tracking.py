"""Names given as ``--track`` and a run's folder -> trackers, and where each of them writes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from forward_forward.track import MLflow, TensorBoard, Tracker, mlflow, tensorboard


def trackers(
    names: Iterable[str], folder: Path, *, resumed: bool
) -> tuple[list[Tracker], list[str]]:
    """The trackers of a run, without duplicates.

    Args:
        names: "tensorboard", "mlflow" or both.
        folder: The run's folder.
        resumed: Whether the run is resumed, so that it is logged to the same place as before.

    Returns:
        The trackers, and a line about each: where it writes, and the command that shows it.

    Raises:
        ImportError: A package is missing.
    """
    made = [_MAKERS[name](folder, resumed) for name in dict.fromkeys(names)]
    return [tracker for tracker, _ in made], [place for _, place in made]


def _tensorboard(folder: Path, resumed: bool) -> tuple[Tracker, str]:
    place = folder / tensorboard.FOLDER
    view = shlex.join(["tensorboard", "--logdir", str(folder.parent)])
    return TensorBoard(place), f"tensorboard: {place} (to view: {view})"


def _mlflow(folder: Path, resumed: bool) -> tuple[Tracker, str]:
    before = mlflow.remembered(folder) if resumed else None
    uri = before.uri if before else mlflow.default_uri()
    experiment = before.experiment if before else mlflow.EXPERIMENT
    view = shlex.join(["mlflow", "ui", "--backend-store-uri", uri])
    return MLflow(uri), f"mlflow: experiment {experiment} in {uri} (to view: {view})"


_MAKERS: dict[str, Callable[[Path, bool], tuple[Tracker, str]]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
}

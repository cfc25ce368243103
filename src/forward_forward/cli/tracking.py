"""Names typed after ``--track`` and a run's folder -> trackers, and where each of them writes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from forward_forward.track import MLflow, TensorBoard, Tracker, mlflow, tensorboard


def trackers(
    names: Iterable[str], folder: Path, *, resumed: bool
) -> tuple[list[Tracker], list[str]]:
    """The trackers of a run, each named once.

    Args:
        names: "tensorboard" and "mlflow", or one of them.
        folder: The run's folder.
        resumed: Whether the run in it goes on, and so goes on where it was tracked before.

    Returns:
        The trackers, and a line of words about each: where it writes, and how to look there.

    Raises:
        ImportError: A package is missing.
    """
    made = [_MAKERS[name](folder, resumed) for name in dict.fromkeys(names)]
    return [tracker for tracker, _ in made], [words for _, words in made]


def _tensorboard(folder: Path, resumed: bool) -> tuple[Tracker, str]:
    place = folder / tensorboard.FOLDER
    look = shlex.join(["tensorboard", "--logdir", str(folder.parent)])
    return TensorBoard(place), f"tensorboard: {place} (to look: {look})"


def _mlflow(folder: Path, resumed: bool) -> tuple[Tracker, str]:
    known = mlflow.remembered(folder) if resumed else None
    uri = known.uri if known else mlflow.default_uri()
    experiment = known.experiment if known else mlflow.EXPERIMENT
    look = shlex.join(["mlflow", "ui", "--backend-store-uri", uri])
    return MLflow(uri), f"mlflow: experiment {experiment} in {uri} (to look: {look})"


_MAKERS: dict[str, Callable[[Path, bool], tuple[Tracker, str]]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
}

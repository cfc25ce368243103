"""Rows of figures -> event files that TensorBoard shows: scalars, and settings as hparams."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forward_forward.track.numbers import scalars, settings_of
from forward_forward.track.watcher import Beginning, Ending, Row

FOLDER = "tensorboard"  # within a run's folder
# By these TensorBoard's table of settings compares runs.
COMPARED = ("validation_error", "test_error")


class TensorBoard:
    """Writes a run for TensorBoard: a point of every figure an epoch, at ``step = epoch``.

    A resumed run goes on in the same folder; points of work that was lost are marked as void, so
    no epoch is there twice. The settings appear under "hparams" and count as a success there once
    training has finished.

    Args:
        folder: Where the event files go, of one run alone; ``runs/NAME/tensorboard`` lies well.

    Raises:
        ImportError: The package tensorboard is missing.
    """

    def __init__(self, folder: Path | str) -> None:
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise ImportError(
                "TensorBoard's files need the package tensorboard: pip install"
                ' "forward-forward[tensorboard]"'
            ) from error
        self.folder = Path(folder)

    def start(self, beginning: Beginning) -> None:
        """Open the folder, with what is known already in it.

        Raises:
            ValueError: A new run, and the folder holds another.
        """
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        empty = not any(self.folder.glob("events.out.tfevents.*"))
        if not (empty or beginning.resumed):
            raise ValueError(
                f"{str(self.folder)!r} holds the events of another run: give each run a folder of"
                " its own, or remove that one"
            )
        self._about = beginning.settings
        self._epochs = beginning.epochs
        # Any: to torch's types, its file may be closed at any moment.
        self._writer: Any = SummaryWriter(
            str(self.folder), purge_step=None if empty else beginning.epoch
        )
        settings = {name: _plain(each) for name, each in settings_of(self._about).items()}
        compared = dict.fromkeys(COMPARED, 0.0)
        experiment, start, self._end = hparams(settings, compared)  # type: ignore[no-untyped-call]
        if empty:
            self._add(experiment, start)
        # The last known epoch is written again: a crash may have come between it and its point.
        for row in beginning.history if empty else beginning.history[-1:]:
            self._points(scalars(row, self._about), row["epoch"])

    def step(self) -> None:
        """Nothing is written of single steps."""

    def epoch(self, row: Row) -> None:
        """Write a point of each of the row's figures."""
        self._points(scalars(row, self._about), row["epoch"])

    def stop(self, ending: Ending) -> None:
        """Close the files; of a finished run they say so."""
        if ending == "finished":
            self._add(self._end)
        self._writer.close()

    def result(self, figures: Mapping[str, Any]) -> None:
        """Write the test set's figures, as of the last epoch."""
        self._points(scalars(figures, self._about, "test_"), self._epochs)
        self._writer.close()

    def _add(self, *summaries: Any) -> None:
        for summary in summaries:
            self._writer.file_writer.add_summary(summary)

    def _points(self, numbers: Mapping[str, float], epoch: int) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()  # so that it can be looked at while training goes on


def _plain(value: Any) -> bool | int | float | str:
    """A setting as hparams take it: a number, or a word."""
    return value if isinstance(value, bool | int | float | str) else str(value)

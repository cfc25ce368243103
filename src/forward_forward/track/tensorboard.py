"""Rows of figures -> TensorBoard event files: scalars, and settings as hparams."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forward_forward.track.callback import Beginning, Ending, Row, Tracker
from forward_forward.track.numbers import scalars, settings_of

FOLDER = "tensorboard"  # within a run's folder
# The figures by which TensorBoard's table of settings compares runs.
COMPARED = ("validation_error", "test_error")


class TensorBoard(Tracker):
    """Writes a run for TensorBoard: one point of every figure per epoch, at ``step = epoch``.

    A resumed run continues in the same folder; points of lost work are marked as void, so that no
    epoch appears twice. The settings appear under "hparams", as a success once training has
    finished.

    Args:
        folder: Where the event files go, for one run only; ``runs/NAME/tensorboard`` is the usual
            place.

    Raises:
        ImportError: The package tensorboard is missing.
    """

    def __init__(self, folder: Path | str) -> None:
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            fix = 'pip install "forward-forward[tensorboard]"'
            raise ImportError(f"TensorBoard's files need the package tensorboard: {fix}") from error
        self.folder = Path(folder)

    def start(self, beginning: Beginning) -> None:
        """Open the folder and write the settings and the history so far.

        Raises:
            ValueError: The run is new, but the folder holds another.
        """
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        empty = not any(self.folder.glob("events.out.tfevents.*"))
        if not (empty or beginning.resumed):
            fix = "use a separate folder for each run, or remove this one"
            raise ValueError(f"{str(self.folder)!r} holds the events of another run: {fix}")
        self._about = beginning.settings
        self._epochs = beginning.epochs
        # Any: by torch's types, the file may be closed at any moment.
        self._writer: Any = SummaryWriter(
            str(self.folder), purge_step=None if empty else beginning.epoch
        )
        settings = {name: _plain(each) for name, each in settings_of(self._about).items()}
        compared = dict.fromkeys(COMPARED, 0.0)
        experiment, start, self._end = hparams(settings, compared)  # type: ignore[no-untyped-call]
        if empty:
            self._add(experiment, start)
        # The last epoch is written again: a crash may have happened before its point was written.
        for row in beginning.history if empty else beginning.history[-1:]:
            self._points(scalars(row, self._about), row["epoch"])

    def epoch(self, row: Row) -> None:
        """Write a point for each of the row's figures."""
        self._points(scalars(row, self._about), row["epoch"])

    def stop(self, ending: Ending) -> None:
        """Record that a finished run has finished, and close the files."""
        if ending == "finished":
            self._add(self._end)
        self._writer.close()

    def result(self, figures: Mapping[str, Any]) -> None:
        """Write the test set's figures at the last epoch."""
        self._points(scalars(figures, self._about, "test_"), self._epochs)
        self._writer.close()

    def _add(self, *summaries: Any) -> None:
        for summary in summaries:
            self._writer.file_writer.add_summary(summary)

    def _points(self, numbers: Mapping[str, float], epoch: int) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()  # so that it can be viewed during training


def _plain(value: Any) -> bool | int | float | str:
    """A setting as hparams accept it: a number or a string."""
    return value if isinstance(value, bool | int | float | str) else str(value)

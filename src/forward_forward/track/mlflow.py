"""Rows of figures -> MLflow runs in an sqlite file: metrics, parameters and final status."""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from forward_forward import manifest
from forward_forward.track.callback import Beginning, Ending, Row, Tracker
from forward_forward.track.memory import recorded
from forward_forward.track.numbers import scalars, settings_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

MEMORY = "mlflow.json"  # within a run's folder
EXPERIMENT = "forward-forward"
STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
LENGTH = 500  # of a parameter's text, at most
BATCH = 100  # parameters or metrics per call; MLflow accepts no more parameters
VARIABLE = "MLFLOW_TRACKING_URI"
NO_TELEMETRY = "MLFLOW_DISABLE_TELEMETRY"

Item = TypeVar("Item")


class Memory(NamedTuple):
    """Where MLflow keeps a run."""

    uri: str
    experiment: str
    run_id: str


def default_uri() -> str:
    """The file mlflow.db in the current folder, which ``mlflow ui`` reads by default."""
    return f"sqlite:///{Path('mlflow.db').resolve().as_posix()}"


def remembered(run: Path) -> Memory | None:
    """Where MLflow keeps the run in this folder, or None if it was never recorded there.

    Raises:
        ValueError: The record is broken.
    """
    return recorded(run / MEMORY, Memory)


def check_chosen(memory: Memory, run: Path) -> None:
    """Refuse a place that only a run's folder names, which somebody else may have made.

    The place is the user's own if it is the default one, that of MLflow's environment variable, or
    a file that already has this run.

    Raises:
        ValueError: It is none of these.
    """
    asked = os.environ.get(VARIABLE, "").rstrip("/")
    if memory.uri == default_uri() or memory.uri.rstrip("/") == asked or _is_known(memory):
        return
    raise ValueError(
        f"expected this run at a place of MLflow that you name, got {memory.uri!r} from"
        f" {str(run / MEMORY)!r}: to continue there, set {VARIABLE}={memory.uri} (in Python, pass"
        f" the uri to MLflow), or remove {MEMORY} to start a new MLflow run"
    )


def _is_known(memory: Memory) -> bool:
    """Whether an sqlite file of this machine has the run; it is only read, and never created."""
    scheme, _, path = memory.uri.partition(":///")
    if scheme != "sqlite" or not Path(path).is_file():
        return False
    try:
        read_only = f"{Path(path).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(read_only, uri=True)) as store:
            query = "SELECT 1 FROM runs WHERE run_uuid = ?"
            return store.execute(query, (memory.run_id,)).fetchone() is not None
    except sqlite3.Error:
        return False


class MLflow(Tracker):
    """Writes a run for MLflow: its settings as parameters, each epoch's figures as metrics.

    A resumed run continues the same MLflow run, which the run's folder records in mlflow.json, and
    no epoch appears twice. Its status is FINISHED, KILLED after Ctrl-C, or FAILED. If MLflow fails
    after training has begun, a warning says what it lacks, and training goes on.

    Args:
        uri: Where to write; None for the file mlflow.db in the current folder, or for the place of
            the resumed run, if that is the user's own: see `check_chosen`. MLflow's environment
            variables are not used otherwise.
        experiment: The experiment's name; it is created if it does not exist.

    Raises:
        ImportError: A package is missing.
        ValueError: The uri is a path.
    """

    def __init__(self, uri: str | None = None, *, experiment: str = EXPERIMENT) -> None:
        if uri is not None and ":" not in uri:
            expected = "MLflow expects a URI such as 'sqlite:///mlflow.db'"
            fix = "use such a URI, since its store of plain folders is no longer maintained"
            raise ValueError(f"{expected}, got {uri!r}: {fix}")
        self.uri, self.experiment = uri, experiment
        _import()

    def start(self, beginning: Beginning) -> None:
        """Create an MLflow run, or continue the one recorded in the run's folder."""
        from mlflow.exceptions import MlflowException

        run = beginning.run
        memory = None
        if run is not None and beginning.resumed:
            memory = remembered(run)
            if memory is not None and self.uri is None:
                check_chosen(memory, run)
        uri = self.uri or (memory.uri if memory else default_uri())
        self._about, self._epochs = beginning.settings, beginning.epochs
        self._ended = False
        self._missed: list[Row] = []
        try:
            with _alone(uri):  # two runs that begin at once would both make the tables
                self._client = _client(uri)
                if memory is None or not self._reopened(memory, beginning):
                    self._create(uri, beginning)
        except MlflowException as error:  # its message does not contain the URI
            raise RuntimeError(f"MLflow cannot keep the run in {uri}: {error}") from error
        done = {each.step for each in self._client.get_metric_history(self._run, "seconds")}
        for row in beginning.history:
            if row["epoch"] not in done:
                self.epoch(row)

    def _reopened(self, memory: Memory, beginning: Beginning) -> bool:
        """Whether MLflow still has the run, which is then open again unless training is done."""
        from mlflow.exceptions import MlflowException

        try:
            status = self._client.get_run(memory.run_id).info.status
        except MlflowException as error:
            lost = f"MLflow run {memory.run_id} no longer exists, so a new one is created"
            warnings.warn(f"{lost}: {error}", stacklevel=2)
            return False
        self._run = memory.run_id
        self._ended = status == "FINISHED" and beginning.epoch >= beginning.epochs
        if not self._ended:
            self._client.update_run(self._run, status="RUNNING")
        return True

    def _create(self, uri: str, beginning: Beginning) -> None:
        from mlflow.entities import Param

        found = self._client.get_experiment_by_name(self.experiment)
        number = found.experiment_id if found else self._client.create_experiment(self.experiment)
        name = None if beginning.run is None else beginning.run.resolve().name
        self._run = self._client.create_run(number, run_name=name).info.run_id
        if beginning.run is not None:
            memory = Memory(uri, self.experiment, self._run)
            manifest.write_record(beginning.run / MEMORY, memory._asdict())
        texts = {name: str(value) for name, value in settings_of(self._about).items()}
        cut = {
            name: f"{text[: LENGTH - 3]}..." for name, text in texts.items() if len(text) > LENGTH
        }
        for part in _parts([Param(name, text) for name, text in {**texts, **cut}.items()]):
            self._client.log_batch(self._run, params=part)

    def epoch(self, row: Row) -> None:
        """Write the row's figures; where MLflow does not answer, they are kept until `stop`."""
        self._missed.append(row)
        if len(self._missed) == 1:  # else it did not answer before, which may take minutes
            self._write(f"the figures of epoch {row['epoch']} and later ones", self._catch_up)

    def stop(self, ending: Ending) -> None:
        """Write the final status, and the figures that could not be written before."""

        def write() -> None:
            self._catch_up()
            if not self._ended:
                self._client.set_terminated(self._run, STATUS[ending])

        last = [row["epoch"] for row in self._missed]
        lost = f"the figures of epochs {last[0]} to {last[-1]} and the end" if last else "the end"
        self._write(lost, write)

    def result(self, figures: Mapping[str, Any]) -> None:
        """Write the test set's figures at the last epoch, unless they were written before."""
        numbers = scalars(figures, self._about, "test_")

        def write() -> None:
            if not numbers.keys() <= self._client.get_run(self._run).data.metrics.keys():
                self._metrics(numbers, self._epochs)

        self._write("the figures of the test set", write)

    def _catch_up(self) -> None:
        while self._missed:
            self._metrics(scalars(self._missed[0], self._about), self._missed[0]["epoch"])
            del self._missed[0]

    def _write(self, what: str, write: Callable[[], None]) -> None:
        """Write something; MLflow's failure is a warning, since the run itself has all figures."""
        from mlflow.exceptions import MlflowException

        try:
            write()
        except MlflowException as error:
            warnings.warn(f"MLflow lacks {what} of this run: {error}", stacklevel=3)

    def _metrics(self, numbers: Mapping[str, float], epoch: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, epoch) for name, value in numbers.items()]
        for part in _parts(metrics):
            self._client.log_batch(self._run, metrics=part)


def _import() -> None:
    """Import MLflow, without its usage reports unless the user's environment asks for them."""
    # MLflow starts reporting as it is imported; afterwards the environment is as it was.
    unset = NO_TELEMETRY not in os.environ
    if unset:
        os.environ[NO_TELEMETRY] = "true"
    try:
        import alembic  # noqa: F401
        import mlflow  # noqa: F401
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        fix = 'pip install "forward-forward[mlflow]"'
        raise ImportError(f"MLflow's sqlite files need the package {error.name}: {fix}") from error
    finally:
        if unset:
            del os.environ[NO_TELEMETRY]


def _client(uri: str) -> MlflowClient:
    """MLflow's client for one store, whichever store the process uses otherwise."""
    from mlflow import MlflowClient

    logger = logging.getLogger("mlflow.store.db.utils")
    level = logger.level
    logger.setLevel(logging.WARNING)  # it logs the tables that it creates
    try:
        with warnings.catch_warnings():
            # MLflow's tables use a loader strategy that SQLAlchemy 2.1 deprecates.
            warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
            return MlflowClient(tracking_uri=uri)
    finally:
        logger.setLevel(level)


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Keep other processes on this machine from the same store until the block is left."""
    from filelock import FileLock

    name = hashlib.sha256(uri.encode(errors="surrogateescape")).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir(), f"forward-forward-{name}.lock"), mode=0o666):
        yield


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[first : first + BATCH] for first in range(0, len(items), BATCH))

"""MLflow that does not answer, and two runs that begin at once in a new file."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.track.test_adapters import expected, fit
from tests.track.tracked import mlflow_client, mlflow_points

from forward_forward.track import Beginning, MLflow, mlflow


@pytest.fixture
def database(empty_database, tmp_path):
    return shutil.copy(empty_database, tmp_path / "runs.db")


@pytest.mark.slow
def test_training_goes_on_without_mlflow_and_tells_it_later(monkeypatch, tmp_path, database):
    watcher = MLflow(f"sqlite:///{database}")
    from mlflow.exceptions import MlflowException  # once it may not report its use

    write, calls = watcher._metrics, []

    def break_off(numbers, epoch):
        calls.append(epoch)
        if len(calls) == 2:
            raise MlflowException("no answer")
        write(numbers, epoch)

    monkeypatch.setattr(watcher, "_metrics", break_off)
    with pytest.warns(UserWarning, match="MLflow lacks the figures of epoch 2 and later"):
        fitted = fit(callbacks=[watcher], out=tmp_path / "run")
    assert calls == [1, 2, 2, 3, 4]  # it is asked again only at the end
    points = mlflow_points(mlflow_client(database), watcher._run)
    assert points["seconds"] == expected(fitted.history)["seconds"]

    def fail(*_, **__):
        raise MlflowException("no answer")

    monkeypatch.setattr(watcher._client, "log_batch", fail)
    with pytest.warns(UserWarning, match="MLflow lacks the figures of the test set"):
        watcher.result({"error": 1.0})


@pytest.mark.slow
def test_runs_that_begin_at_once_make_the_tables_one_after_the_other(monkeypatch, database):
    inside, most = [], []

    def make(uri):
        inside.append(uri)
        most.append(len(inside))
        time.sleep(0.05)
        made = client(uri)
        inside.remove(uri)
        return made

    client = mlflow._client
    monkeypatch.setattr(mlflow, "_client", make)
    watchers = [MLflow(f"sqlite:///{database}") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: each.start(Beginning(1)), watchers))
    assert most == [1, 1]
    assert watchers[0]._run != watchers[1]._run

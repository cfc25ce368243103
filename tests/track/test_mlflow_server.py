"""A real MLflow server: it has every figure of a run, also if it was down for a while."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest
from tests.parallel.processes import free_port
from tests.track.test_adapters import expected, fit
from tests.track.tracked import mlflow_points

from forward_forward.track import Callback, MLflow
from forward_forward.track.jsonl import Jsonl
from forward_forward.track.mlflow import _client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX"),
]
WITHOUT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
SECONDS = 250  # its imports take a while on a busy machine


@contextmanager
def server(database, port):
    """``mlflow server`` with an sqlite file; the block gets a function that kills it."""
    words = ["server", "--backend-store-uri", f"sqlite:///{database}", "--port", str(port)]
    log = database.with_suffix(".log")
    with log.open("a") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words, "--workers", "1"],
            cwd=database.parent,
            env={**os.environ, **WITHOUT},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )

    def kill():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    try:
        until = time.monotonic() + SECONDS
        while not answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(log.read_text())
            time.sleep(0.1)
        yield kill
    finally:
        kill()


def answers(port) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).status == 200
    except OSError:
        return False


class Killing(Callback):
    """Kills the server in an epoch."""

    def __init__(self, at, kill):
        self.at, self.kill = at, kill

    def epoch(self, row):
        if row["epoch"] == self.at:
            self.kill()


def test_a_server_that_goes_down_gets_the_figures_when_it_is_back(
    monkeypatch, tmp_path, empty_database
):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    database = tmp_path / "mlflow.db"
    database.write_bytes(empty_database.read_bytes())
    port = free_port()
    watcher = MLflow(f"http://127.0.0.1:{port}", experiment="digits")
    lost = "MLflow lacks the figures of epoch"
    with server(database, port) as kill, pytest.warns(UserWarning, match=lost) as warned:
        fitted = fit(callbacks=[Killing(3, kill), watcher], out=tmp_path / "run")
    texts = [str(each.message).partition(":")[0] for each in warned]
    ends = (" 3 and later ones of this run", "s 3 to 4 and the end of this run")
    assert texts == [lost + end for end in ends]
    assert len(Jsonl(tmp_path / "run" / "metrics.jsonl").rows()) == 4
    points = mlflow_points(_client(f"sqlite:///{database}"), watcher._run)
    assert points["seconds"] == expected(fitted.history)["seconds"][:2]

    with server(database, port):
        fit(callbacks=[watcher], out=tmp_path / "run", resume=True)
        client = _client(watcher.uri)
        points = mlflow_points(client, watcher._run)
        assert client.get_run(watcher._run).info.status == "FINISHED"
        assert client.get_run(watcher._run).data.params["fit.epochs"] == "4"
    for name, wanted in expected(fitted.history).items():
        assert points[name] == [(step, pytest.approx(value)) for step, value in wanted]

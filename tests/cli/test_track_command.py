"""ff train --track: TensorBoard and MLflow are told, from the first epoch to the test set."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.track.tracked import (
    mlflow_client,
    mlflow_points,
    only_run,
    tensorboard_read,
    wandb_points,
)

from forward_forward.checkpoint import Run
from forward_forward.optimize import Trainer
from forward_forward.track import TensorBoard

SMALL = ("train", "--data", "digits", "--hidden", "12", "12", "--epochs", "3", "--lr", "0.01")


@pytest.fixture
def database(empty_database, tmp_path):
    return shutil.copy(empty_database, tmp_path / "mlflow.db")


@pytest.fixture
def here(database, tmp_path, monkeypatch):
    """A folder to work in, with MLflow's file alone."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_both_are_told_of_a_run_from_beginning_to_end(ff, here):
    done = ff(*SMALL, "--out", "runs/a", "--track", "tensorboard", "--track", "mlflow", "--json")
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    board, flow = (line for line in done.err.splitlines() if line.startswith("   track  "))
    assert "tensorboard: runs/a/tensorboard (to view: tensorboard --logdir runs)" in board
    assert f"experiment forward-forward in sqlite:///{here}/mlflow.db" in flow
    points, messages = tensorboard_read(here / "runs/a/tensorboard")
    client = mlflow_client(here / "mlflow.db")
    run = only_run(client)
    for found in (points, mlflow_points(client, run.info.run_id)):
        assert [step for step, _ in found["loss/layer2"]] == [1, 2, 3]
        ((step, error),) = found["test_error"]
        assert (step, error) == (3, pytest.approx(printed["test_error"], rel=1e-6))
        assert "test_goodness_error/layer1" in found
    assert run.info.run_name == "a"
    assert run.info.status == "FINISHED"
    assert run.data.params["command.data"] == "digits"
    hparams = messages["session_start_info"].session_start_info.hparams
    assert hparams["fit.epochs"].number_value == 3
    assert sorted(path.name for path in here.iterdir()) == ["mlflow.db", "runs"]


def test_a_run_broken_off_by_ctrl_c_goes_on_where_it_is_tracked(ff, here, monkeypatch):
    out, real, taken = here / "run", Trainer.step, []

    def counted(self, *batch):
        taken.append(1)
        if len(taken) == 30:
            raise KeyboardInterrupt
        return real(self, *batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", counted)
        both = ("--track", "mlflow", "--track", "tensorboard")
        assert ff(*SMALL, "--out", out, "--batch-size", "64", *both).code == 130
    client = mlflow_client(here / "mlflow.db")
    assert only_run(client).info.status == "KILLED"
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    for _ in range(2):
        done = ff("train", "--resume", out)
        assert done.code == 0, done.err
        assert f"sqlite:///{here}/mlflow.db" in done.err
        run = only_run(client)
        assert run.info.status == "FINISHED"
        points, _ = tensorboard_read(out / "tensorboard")
        for found in (points, mlflow_points(client, run.info.run_id)):
            assert [step for step, _ in found["validation_error"]] == [1, 2, 3]
            assert [step for step, _ in found["test_error"]] == [3]
    assert list((here / "elsewhere").iterdir()) == []


def test_the_settings_of_a_run_say_how_it_is_tracked(ff, here):
    assert ff(*SMALL, "--out", "run", "--track", "tensorboard").code == 0
    assert Run("run").about["command"]["track"] == ["tensorboard"]
    assert not (here / "run" / "mlflow.json").exists()


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb", "trackio"])
def test_a_missing_package_is_said_before_a_folder_is_made(ff, here, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    done = ff(*SMALL, "--out", "run", "--track", name)
    assert done.code == 1
    assert f'pip install "forward-forward[{name}]"' in done.err
    assert not (here / "run").exists()


@pytest.mark.parametrize("words", [["--track", "neptune"], ["--track", "mlflow", "tensorboard"]])
def test_what_is_no_tracker_exits_2(ff, here, words):
    done = ff(*SMALL, "--out", "run", *words)
    assert done.code == 2
    assert not (here / "run").exists()


def test_trackers_hear_of_the_test_set_only_once_it_was_read(ff, here, monkeypatch):
    heard = []
    monkeypatch.setattr(TensorBoard, "stop", lambda self, ending: heard.append(ending))
    monkeypatch.setattr(TensorBoard, "result", lambda self, figures: heard.append(figures["error"]))
    done = ff(*SMALL, "--out", "run", "--track", "tensorboard", "--json")
    assert heard == ["finished", json.loads(done.out)["test_error"]]


ALONE = """
import socket, sys
asked = []
def refuse(*args, **options):
    asked.append(args)
    raise OSError("no network here")
socket.getaddrinfo = socket.socket.connect = refuse
from forward_forward.track import Beginning, MLflow
tracker = MLflow(sys.argv[1])
tracker.start(Beginning(1, settings={"trainer": {"lr": 0.1}}))
tracker.epoch({"epoch": 1, "loss": [0.5], "seconds": 1.0})
tracker.stop("finished")
tracker.result({"error": 1.0})
from mlflow.telemetry import get_telemetry_client
print(asked, get_telemetry_client())
"""


def test_mlflow_asks_no_other_machine(database):
    # MLflow keeps quiet by itself where it sees that it is being tested, so it must not see it.
    quiet = ("PYTEST", "CI", "GITHUB", "DO_NOT_TRACK", "MLFLOW")
    seen = {name: value for name, value in os.environ.items() if not name.startswith(quiet)}
    command = [sys.executable, "-W", "error", "-c", ALONE, f"sqlite:///{database}"]
    done = subprocess.run(command, capture_output=True, text=True, env=seen)
    assert done.stdout.strip() == "[] None", done.stderr


@pytest.mark.slow
def test_wandb_and_trackio_leave_stdout_to_the_result(here):
    env = {**os.environ, "WANDB_MODE": "offline", "TRACKIO_DIR": str(here / "trackio")}
    both = ("--track", "wandb", "--track", "trackio", "--json", "--threads", "1")
    command = [sys.executable, "-m", "forward_forward", *SMALL, "--out", "run", *both]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    error = json.loads(done.stdout)["test_error"]
    assert wandb_points(here / "run")["test_error"] == [(3, pytest.approx(error))]
    lines = [each for each in done.stderr.splitlines() if each.startswith("   track  ")]
    assert lines[0].endswith("(to view: wandb leet run/wandb/latest-run)")
    place = f"trackio: project forward-forward in {here}/trackio"
    assert lines[1] == f"   track  {place} (to view: trackio show --project forward-forward)"
    assert (here / "trackio" / "forward-forward.db").exists()

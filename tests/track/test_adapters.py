"""TensorBoard and MLflow read back what trackers wrote: whole, resumed, interrupted, broken off."""

import json
import os
import shutil
import sys

import pytest
import torch
from tests.track.tracked import mlflow_client, mlflow_points, tensorboard_read

from forward_forward.forward import mlp
from forward_forward.optimize import Trainer
from forward_forward.optimize.checks import Diverged
from forward_forward.track import Beginning, Callback, MLflow, TensorBoard, Trackio, WandB
from forward_forward.track.mlflow import LENGTH, remembered

X = torch.rand(40, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(40) % 2
HISTORY = [
    {"epoch": epoch, "loss": [epoch / 2, epoch / 4], "seconds": epoch} for epoch in (1, 2, 3)
]


class Stop(Callback):
    """Raises an error, perhaps that of Ctrl-C, in an epoch."""

    def __init__(self, epoch: int, error: BaseException) -> None:
        self.at, self.error = epoch, error

    def epoch(self, row):
        if row["epoch"] == self.at:
            raise self.error


def fit(epochs=4, lr=0.01, **settings):
    trainer = Trainer(mlp(6, 5, 5, num_classes=2), lr=lr)
    return trainer.fit((X, Y), epochs=epochs, batch_size=20, validation=(X, Y), **settings)


def expected(history) -> dict[str, list[tuple[int, float]]]:
    """All points of the rows, written out by hand."""
    points: dict[str, list[tuple[int, float]]] = {}
    for row in history:
        for name, value in row.items():
            if isinstance(value, list):
                for layer, each in enumerate(value, 1):
                    tag = f"{name.removesuffix('_by_layer')}/layer{layer}"
                    points.setdefault(tag, []).append((row["epoch"], each))
            elif name != "epoch":
                points.setdefault(name, []).append((row["epoch"], value))
    return points


def age(folder) -> None:
    """Sort event files before later ones: of one second, TensorBoard reads number 10 before 9."""
    for path in folder.glob("events.out.tfevents.*"):
        path.rename(path.with_name(path.name.replace("tfevents.", "tfevents.0", 1)))


def same(found, wanted) -> None:
    """The same tags, steps and values; TensorBoard keeps float32."""
    assert found.keys() == wanted.keys()
    for tag, points in wanted.items():
        assert [step for step, _ in found[tag]] == [step for step, _ in points], tag
        values = [value for _, value in found[tag]]
        assert values == pytest.approx([value for _, value in points], rel=1e-6), tag


@pytest.fixture
def database(empty_database, tmp_path):
    return shutil.copy(empty_database, tmp_path / "runs.db")


def test_tensorboard_reads_every_figure_and_setting(tmp_path):
    tracker = TensorBoard(tmp_path / "board")
    done = fit(callbacks=[tracker])
    points, messages = tensorboard_read(tmp_path / "board")
    same(points, expected(done.history))
    settings = messages["session_start_info"].session_start_info.hparams
    assert settings["trainer.lr"].number_value == 0.01
    assert settings["network.layers.1.activation"].string_value == "ReLU()"
    assert messages["session_end_info"].session_end_info.status == 1  # a success
    compared = [each.name.tag for each in messages["experiment"].experiment.metric_infos]
    assert compared == ["validation_error", "test_error"]
    tracker.result({"error": 2.5, "goodness_error_by_layer": [3.0, 4.0]})
    points, _ = tensorboard_read(tmp_path / "board")
    assert points["test_error"] == [(4, 2.5)]
    assert points["test_goodness_error/layer2"] == [(4, 4.0)]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("full")])
def test_tensorboard_has_each_epoch_of_a_resumed_run_once(tmp_path, error):
    out, board = tmp_path / "run", tmp_path / "run" / "tensorboard"
    # The one that breaks comes first: TensorBoard never hears of epoch 2.
    with pytest.raises(type(error)):
        fit(out=out, callbacks=[Stop(2, error), TensorBoard(board)])
    points, messages = tensorboard_read(board)
    assert points["seconds"][-1][0] == 1
    assert "session_end_info" not in messages
    age(board)
    done = fit(out=out, resume=True, callbacks=[TensorBoard(board)])
    points, messages = tensorboard_read(board)
    same(points, expected(done.history))
    assert messages["session_end_info"].session_end_info.status == 1
    fit(out=out, resume=True, callbacks=[TensorBoard(board)])  # nothing is left to do
    same(tensorboard_read(board)[0], expected(done.history))


def test_tensorboard_drops_the_points_of_lost_work(tmp_path):
    first = TensorBoard(tmp_path)
    first.start(Beginning(4))
    for row in HISTORY:
        first.epoch({**row, "loss": [9.0, 9.0]})
    first.stop("failed")
    age(tmp_path)
    second = TensorBoard(tmp_path)
    second.start(Beginning(4, 1, resumed=True, history=HISTORY[:1]))
    for row in HISTORY[1:]:
        second.epoch(row)
    second.stop("finished")
    same(tensorboard_read(tmp_path)[0], expected(HISTORY))


@pytest.mark.slow
def test_a_tracker_that_comes_late_is_told_what_was_before(tmp_path, database):
    board, flow = TensorBoard(tmp_path / "board"), MLflow(f"sqlite:///{database}")
    begun = Beginning(4, 3, resumed=True, history=HISTORY, run=tmp_path)
    for tracker in (board, flow):
        tracker.start(begun)
        tracker.stop("interrupted")
    same(tensorboard_read(tmp_path / "board")[0], expected(HISTORY))
    points = mlflow_points(mlflow_client(database), remembered(tmp_path).run_id)
    same(points, expected(HISTORY))


def test_tensorboard_refuses_the_folder_of_another_run(tmp_path):
    fit(1, callbacks=[TensorBoard(tmp_path)])
    with pytest.raises(ValueError, match="holds the events of another run"):
        fit(1, callbacks=[TensorBoard(tmp_path)])


@pytest.mark.slow
def test_an_overwritten_run_leaves_nothing_to_its_trackers(tmp_path, database):
    out = tmp_path / "run"
    watch = [TensorBoard(out / "tensorboard"), MLflow(f"sqlite:///{database}")]
    fit(3, out=out, callbacks=watch)
    first = remembered(out)
    done = fit(2, out=out, callbacks=watch, overwrite=True)
    same(tensorboard_read(out / "tensorboard")[0], expected(done.history))
    assert remembered(out).run_id != first.run_id


@pytest.mark.slow
def test_mlflow_reads_every_figure_and_setting(tmp_path, database):
    tracker = MLflow(f"sqlite:///{database}", experiment="mine")
    done = fit(out=tmp_path / "first", callbacks=[tracker])
    client = mlflow_client(database)
    memory = remembered(tmp_path / "first")
    assert memory[:2] == (f"sqlite:///{database}", "mine")
    run = client.get_run(memory.run_id)
    same(mlflow_points(client, memory.run_id), expected(done.history))
    assert run.info.run_name == "first"
    assert run.info.status == "FINISHED"
    assert run.data.params["trainer.lr"] == "0.01"
    assert run.data.params["network.layers.2.activation"] == "ReLU()"
    assert run.data.params["trainer.weight_decay"] == "None"
    for _ in range(2):
        tracker.result({"error": 2.5, "goodness_error_by_layer": [3.0, 4.0]})
    points = mlflow_points(client, memory.run_id)
    assert points["test_error"] == [(4, 2.5)]
    assert points["test_goodness_error/layer2"] == [(4, 4.0)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "KILLED"), (OSError("full"), "FAILED")]
)
def test_mlflow_goes_on_with_a_resumed_run_and_says_how_it_ended(tmp_path, database, error, status):
    out = tmp_path / "run"
    with pytest.raises(type(error)):
        fit(out=out, callbacks=[Stop(2, error), MLflow(f"sqlite:///{database}")])
    client = mlflow_client(database)
    known = remembered(out)
    assert client.get_run(known.run_id).info.status == status
    assert mlflow_points(client, known.run_id)["seconds"][-1][0] == 1
    done = fit(out=out, resume=True, callbacks=[MLflow()])  # it is where it was
    assert remembered(out) == known
    same(mlflow_points(client, known.run_id), expected(done.history))
    ended = client.get_run(known.run_id).info
    assert ended.status == "FINISHED"
    fit(out=out, resume=True, callbacks=[MLflow()])  # nothing is left to do, so nothing changes
    same(mlflow_points(client, known.run_id), expected(done.history))
    assert client.get_run(known.run_id).info.end_time == ended.end_time


@pytest.mark.slow
def test_mlflow_is_told_of_a_run_that_diverged(tmp_path, database):
    out = tmp_path / "run"
    with pytest.raises(Diverged):
        fit(lr=1e30, out=out, callbacks=[MLflow(f"sqlite:///{database}")])
    assert mlflow_client(database).get_run(remembered(out).run_id).info.status == "FAILED"


@pytest.mark.slow
def test_a_run_that_mlflow_no_longer_has_gets_a_new_one(tmp_path, database, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    memory = {"uri": f"sqlite:///{database}", "experiment": "mine", "run_id": "0" * 32}
    (tmp_path / "mlflow.json").write_text(json.dumps(memory))
    tracker = MLflow()
    with pytest.warns(UserWarning, match="MLflow run 0000.* no longer exists"):
        tracker.start(Beginning(4, 2, resumed=True, history=HISTORY[:2], run=tmp_path))
    tracker.stop("finished")
    client = mlflow_client(database)
    same(mlflow_points(client, remembered(tmp_path).run_id), expected(HISTORY[:2]))


@pytest.mark.slow
def test_mlflow_takes_many_long_settings_and_cuts_them_visibly(database, tmp_path):
    settings = {"words": "x" * 600, "layers": [{"block": str(place)} for place in range(150)]}
    tracker = MLflow(f"sqlite:///{database}")
    tracker.start(Beginning(1, settings=settings, run=tmp_path))
    tracker.epoch({"epoch": 1, "loss": [0.5] * 250, "seconds": 1.0})
    tracker.stop("finished")
    data = mlflow_client(database).get_run(remembered(tmp_path).run_id).data
    assert len(data.params) == 151
    assert data.params["words"] == "x" * (LENGTH - 3) + "..."
    assert len(data.metrics) == 251


@pytest.mark.slow
def test_an_experiment_that_was_deleted_is_explained(database):
    client = mlflow_client(database)
    client.delete_experiment(client.create_experiment("gone"))
    with pytest.raises(RuntimeError, match=r"MLflow cannot keep the run in sqlite.*runs\.db"):
        MLflow(f"sqlite:///{database}", experiment="gone").start(Beginning(1))


@pytest.mark.slow
@pytest.mark.parametrize("asked", [None, "false"])
def test_mlflow_leaves_the_environment_as_it_is(monkeypatch, database, asked):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    if asked is not None:
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", asked)
    before = dict(os.environ)
    MLflow(f"sqlite:///{database}")
    assert dict(os.environ) == before


def test_mlflow_expects_an_address():
    with pytest.raises(ValueError, match=r"a URI such as 'sqlite:///mlflow\.db', got 'runs'"):
        MLflow("runs")


@pytest.mark.parametrize(
    ("tracker", "package", "extra"),
    [
        (lambda: TensorBoard("x"), "tensorboard", "tensorboard"),
        (MLflow, "mlflow", "mlflow"),
        (MLflow, "sqlalchemy", "mlflow"),
        (MLflow, "alembic", "mlflow"),
        (WandB, "wandb", "wandb"),
        (Trackio, "trackio", "trackio"),
    ],
)
def test_a_missing_package_gets_a_line_for_pip(monkeypatch, tracker, package, extra):
    monkeypatch.setitem(sys.modules, package, None)  # as Python says that there is none
    with pytest.raises(ImportError, match=rf'{package}.*pip install "forward-forward\[{extra}\]"'):
        tracker()

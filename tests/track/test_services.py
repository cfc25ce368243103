"""Weights & Biases and trackio, both offline: whole runs, resumed ones, and how they end."""

import importlib

import pytest
from tests.track.test_adapters import HISTORY, Stop, expected, fit, same
from tests.track.tracked import trackio_points, wandb_points, wandb_records

from forward_forward.track import Beginning, Trackio, WandB
from forward_forward.track.by_project import sent


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """Neither service reaches the network or the user's folders."""
    trackio = importlib.import_module("trackio.sqlite_storage")
    monkeypatch.setattr(trackio, "TRACKIO_DIR", tmp_path / "trackio")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_DIR", raising=False)


def points_of(tracker, run):
    known = sent(run, tracker.memory)
    if isinstance(tracker, WandB):
        return wandb_points(run)
    return trackio_points(known.project, known.run)


KINDS = pytest.mark.parametrize("kind", [WandB, Trackio])


@pytest.mark.slow
@KINDS
def test_every_figure_is_sent_and_the_test_set_s_at_the_end(kind, tmp_path, capsys):
    tracker = kind("mine")
    done = fit(out=tmp_path / "run", callbacks=[tracker])
    tracker.result({"error": 2.5, "goodness_error_by_layer": [3.0, 4.0]})
    wanted = expected(done.history)
    wanted |= {"test_error": [(4, 2.5)]}
    wanted |= {f"test_goodness_error/layer{k}": [(4, k + 2.0)] for k in (1, 2)}
    same(points_of(tracker, tmp_path / "run"), wanted)
    assert sent(tmp_path / "run", kind.memory)[::2] == ("mine", 4)
    assert capsys.readouterr().out == ""  # stdout is the command's own


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("full")])
def test_a_resumed_run_has_each_epoch_once(kind, tmp_path, error):
    out = tmp_path / "run"
    with pytest.raises(type(error)):
        fit(out=out, callbacks=[Stop(2, error), kind()])
    first = sent(out, kind.memory)
    assert first.epoch == 1
    for _ in range(2):  # the second time nothing is left to do
        tracker = kind()
        done = fit(out=out, resume=True, callbacks=[tracker])
        tracker.result({"error": 2.5})
        wanted = {**expected(done.history), "test_error": [(4, 2.5)]}
        same(points_of(tracker, out), wanted)
    assert sent(out, kind.memory) == (*first[:2], 4, True)


@pytest.mark.slow
def test_a_run_of_wandb_has_its_settings_and_says_how_it_ended(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(OSError, match="full"):
        fit(out=out, callbacks=[Stop(2, OSError("full")), WandB()])
    tracker = WandB()
    fit(out=out, resume=True, callbacks=[tracker])
    tracker.result({"error": 2.5})
    failed, finished = wandb_records(out)
    for records, code in ((failed, 1), (finished, 0)):
        (run,) = [each.run for each in records if each.WhichOneof("record_type") == "run"]
        settings = {each.key: each.value_json for each in run.config.update}
        assert settings["trainer.lr"] == "0.01"
        assert settings["network.layers.1.activation"] == '"ReLU()"'
        assert (run.project, run.display_name) == ("forward-forward", "run")
        assert run.run_id == sent(out, "wandb.json").run
        (end,) = [each.exit for each in records if each.WhichOneof("record_type") == "exit"]
        assert end.exit_code == code


@pytest.mark.slow
def test_runs_of_trackio_in_folders_of_one_name_stay_apart(tmp_path):
    from trackio.sqlite_storage import SQLiteStorage

    for folder in ("a", "b"):
        tracker = Trackio()
        run = tmp_path / folder / "run"
        run.mkdir(parents=True)
        tracker.start(Beginning(3, 3, resumed=True, history=HISTORY, run=run))
        tracker.result({"error": 1.0})
        wanted = {**expected(HISTORY), "test_error": [(3, 1.0)]}
        same(points_of(tracker, run), wanted)
        config = SQLiteStorage.get_run_config("forward-forward", sent(run, "trackio.json").run)
        assert config is not None
    assert len(SQLiteStorage.get_runs("forward-forward")) == 2


@pytest.mark.slow
def test_without_a_key_wandb_says_what_to_do(monkeypatch):
    import wandb

    def refuse(**_):
        raise wandb.errors.UsageError("No API key configured")

    monkeypatch.setattr(wandb, "init", refuse)
    with pytest.raises(RuntimeError, match=r"No API key configured: run `wandb login`, or set"):
        WandB().start(Beginning(1))

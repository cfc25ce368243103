"""Every run keeps its options in a YAML file, which trains the same network again."""

import pytest
import torch
import yaml
from tests.conftest import called

import forward_forward as ff
from forward_forward.recipes import one_pass

SMALL = ["--data", "digits", "--epochs", "2", "--threads", "1"]


def weights(run):
    return ff.load(run, which="last").state_dict()


def same(one, other):
    return all(torch.equal(value, weights(other)[name]) for name, value in weights(one).items())


@pytest.mark.parametrize(
    "options",
    [
        ["--hidden", "12", "8", "--seed", "3", "--lr", "1e-3", "--set", "dropout=0.1"],
        ["--recipe", "standard", "--hidden", "12", "--negatives", "FromGoodness(fraction=0.3)"],
        ["--recipe", "local_airbench.per_convolution", "--set", "channels=4+4", "flip=False"],
    ],
)
def test_a_run_s_file_gives_the_same_bits(options, tmp_path):
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    done = called("train", *SMALL, *options, "--out", first)
    assert done.code == 0, done.err
    config = first / "config.yaml"
    done = called("train", "--config", config, "--out", again)
    assert done.code == 0, done.err
    assert same(first, again)
    assert config.read_text() == (again / "config.yaml").read_text()
    assert called("train", f"--config={config}", "--seed", "8", "--out", other).code == 0
    assert not same(first, other)  # an option beside the file replaces it
    assert yaml.safe_load((other / "config.yaml").read_text())["seed"] == 8


def test_defaults_that_change_later_do_not_change_what_the_file_trains(tmp_path, monkeypatch):
    one, other = tmp_path / "one", tmp_path / "other"
    assert called("train", "--data", "digits", "--epochs", "2", "--out", one).code == 0
    kept = yaml.safe_load((one / "config.yaml").read_text())
    assert (kept["hidden"], kept["batch_size"]) == ([1000, 1000], 64)
    assert kept["set"] == {"dropout": 0.2, "order": "joint"}
    later = {"hidden": (9,), "lr": 0.1, "optimizer": torch.optim.SGD, "dropout": 0.5}
    for name, value in {**later, "batch_size": 300, "loss": ff.losses.CrossEntropy()}.items():
        monkeypatch.setitem(one_pass.__kwdefaults__, name, value)
    assert called("train", "--config", one / "config.yaml", "--out", other).code == 0
    assert same(one, other)


def test_options_of_tables_are_kept(tmp_path):
    table = tmp_path / "table.csv"
    rows = [f"{k % 7},{k % 5},{k % 3},{'ab'[k % 2]}" for k in range(80)]
    table.write_text("\n".join(["one,two,three,label", *rows]))
    run = tmp_path / "run"
    options = ["--drop", "one", "two", "--patience", "9", "--epochs", "1", "--hidden", "4"]
    assert called("train", "--data", table, *options, "--out", run).code == 0
    kept = yaml.safe_load((run / "config.yaml").read_text())
    assert (kept["drop"], kept["patience"]) == (["one", "two"], 9)
    assert called("train", "--config", run / "config.yaml", "--out", tmp_path / "b").code == 0
    assert same(run, tmp_path / "b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch: 3", "unknown option 'epoch': did you mean 'epochs'?"),
        ("- 3", "expects a YAML file of options"),
        ("a: [", "expects a YAML file of options"),
        ("out: runs/a", "unknown option 'out'"),
        ("epochs: many", "c.yaml: --epochs expects a whole number, got 'many': write digits alone"),
        ("hidden: [8, wide]", "--hidden expects a whole number, got 'wide'"),
        ("lr: fast", "--lr expects a number, got 'fast': write digits, such as 0.01"),
        ("track: tensorbord", "got 'tensorbord': did you mean 'tensorboard'?"),
    ],
)
def test_what_the_file_should_hold_is_said(text, words, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    done = called("train", "--config", path, "--data", "digits")
    assert done.code == 2
    assert words in " ".join(done.err.replace("│", " ").split())


def test_a_missing_file_and_a_missing_name_are_said():
    for path in ("nothing.yaml", "."):
        done = called("train", "--config", path)
        assert done.code == 2
        assert f"such as `epochs: 10`, got {path!r}, which is no file: check the path" in done.err
    assert "expects a file" in called("train", "--config").err


def test_settings_given_twice_are_both_kept_and_added_to_a_file(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    options = ["--set", "channels=4+4", "--set", "flip=False", "shift=1"]
    recipe = ["--recipe", "local_airbench.per_convolution"]
    assert called("train", *SMALL, *recipe, *options, "--out", one).code == 0
    kept = yaml.safe_load((one / "config.yaml").read_text())["set"]
    assert kept.items() >= {"channels": [4, 4], "flip": False, "shift": 1}.items()
    again = ["--config", one / "config.yaml", "--set", "shift=0", "--out", other]
    assert called("train", *again).code == 0
    assert yaml.safe_load((other / "config.yaml").read_text())["set"] == {**kept, "shift": 0}


def test_the_run_that_weights_came_from_is_kept(tmp_path):
    first, one, other = (tmp_path / name for name in ("first", "one", "other"))
    small = [*SMALL, "--hidden", "8"]
    assert called("train", *small, "--out", first).code == 0
    assert called("train", *small, "--init-from", first, "--out", one).code == 0
    assert called("train", "--config", one / "config.yaml", "--out", other).code == 0
    assert same(one, other)
    assert not same(one, first)

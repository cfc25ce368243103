"""The ff command: words -> exit codes, results on stdout alone, and sentences on stderr."""

import json
import shutil
from datetime import datetime
from unittest.mock import Mock

import pytest
import torch
from PIL import Image

import forward_forward
from forward_forward import datasets
from forward_forward.checkpoint import Run
from forward_forward.cli import COMMANDS, training

QUICK = ("train", "--data", "digits", "--hidden", "12", "12", "--epochs", "2", "--lr", "0.01")


@pytest.mark.parametrize("command", [[], *([each] for each in COMMANDS)], ids=" ".join)
def test_every_command_has_help(ff, command):
    done = ff(*command, "--help")
    assert done.code == 0
    assert "usage: ff" in done.out
    assert "\x1b" not in done.out
    assert done.err == ""


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["trian"],
        ["train", "--nope", "1"],
        ["train", "--epochs", "x"],
        ["train", "--label", "x"],
    ],
)
def test_words_that_are_no_command_exit_2(ff, words):
    done = ff(*words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.strip()


@pytest.mark.parametrize(
    ("flag", "wrong", "right"),
    [
        ("--data", "mnits", "mnist"),
        ("--recipe", "poster.metod", "poster.method"),
        ("--recipe", "standart", "standard"),
        ("--loss", "symba", "SymBa"),
        ("--goodness", "l2norm", "l2_norm"),
        ("--goodness", "Minimised(mean_sqare)", "mean_square"),
        ("--negatives", "uniform", "Uniform"),
        ("--activation", "relu", "ReLU"),
        ("--optimizer", "adamw", "AdamW"),
        ("--optimizer", "rmsprop", "RMSprop"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(ff, tmp_path, flag, wrong, right):
    done = ff(*QUICK, "--out", tmp_path / "run", flag, wrong)
    assert done.code == 2
    assert f"did you mean {right!r}?" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--loss", "x("],
        ["--loss", "no.such.module:loss"],
        ["--loss", "SymBa(beta=1)"],
        ["--negatives", "AppendLabel"],
        ["--activation", "Linear"],
        ["--optimizer", "SGD(mom=1)"],
        ["--threshold", "widht"],
        ["--hidden", "0"],
        ["--epochs", "0"],
        ["--batch-size", "0"],
        ["--lr", "nan"],
        ["--threads", "0"],
        ["--device", "cud"],
        ["--init-from", "nowhere"],
    ],
    ids=" ".join,
)
def test_a_wrong_setting_gets_a_sentence_before_a_folder_is_made(ff, tmp_path, words):
    done = ff(*QUICK, "--out", tmp_path / "run", *words)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("ff: error: ")
    assert done.out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_here_gets_a_sentence(ff, tmp_path):
    done = ff(*QUICK, "--out", tmp_path / "run", "--device", "cuda")
    assert done.code in (1, 2)
    assert "ff: error: " in done.err


def test_failures_exit_1(ff, tmp_path):
    done = ff(*QUICK, "--out", tmp_path / "run", "--lr", "1e30")
    assert done.code == 1
    assert "lower the learning rate" in done.err
    (tmp_path / "file").write_text("")
    assert ff(*QUICK, "--out", tmp_path / "file" / "run").code == 1


@pytest.mark.parametrize(
    ("recipe", "flag", "value"),
    [
        ("poster.method", "--loss", "SymBa"),
        ("poster.method", "--label", "append"),
        ("hinton2022.mnist_supervised_matlab", "--lr", "0.1"),
    ],
)
def test_a_setting_that_a_recipe_fixes_is_refused(ff, tmp_path, recipe, flag, value):
    words = ["train", "--data", "digits", "--recipe", recipe, "--out", tmp_path / "run"]
    done = ff(*words, flag, value)
    assert done.code == 2
    assert f"{recipe!r} has no setting {flag.strip('-')!r}: omit {flag} (it takes" in done.err


def test_results_alone_are_on_stdout(digits_run, ff):
    assert len(digits_run.done.out.splitlines()) == 1
    assert [line for line in digits_run.done.err.splitlines() if line.startswith("epoch")]
    assert "\x1b" not in digits_run.done.err
    done = ff("evaluate", digits_run.path)
    assert done.code == 0
    assert done.err == ""
    error = digits_run.printed["test_error"]
    assert done.out.startswith(f"digits test error {error:.2f} %")
    assert "layer 2 alone" in done.out


def test_train_and_evaluate_agree_on_the_test_error(digits_run, ff):
    found = json.loads(ff("evaluate", digits_run.path, "--json").out)
    assert found["test_error"] == digits_run.printed["test_error"]
    assert 1 < found["test_error"] < 50  # percent
    _, test = datasets.digits()
    network = forward_forward.load(digits_run.path)
    wrong = (network.predict(test.inputs) != test.labels).double().mean()
    assert found["test_error"] == pytest.approx(100 * float(wrong))


def test_an_existing_folder_is_refused_and_overwritten_on_demand(ff, tmp_path):
    out = tmp_path / "run"
    first = ff(*QUICK, "--out", out)
    assert first.code == 0, first.err
    before = (out / "run.json").read_text()
    refused = ff(*QUICK, "--out", out)
    assert refused.code == 2
    assert "--resume" in refused.err
    assert "--overwrite" in refused.err
    assert (out / "run.json").read_text() == before
    assert ff(*QUICK, "--out", out, "--overwrite", "--seed", "5").code == 0
    assert Run(out).about["trainer"]["seed"] == 5


def test_the_default_folder_is_named_after_the_data_and_is_a_new_one(ff, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "datetime", Mock(now=lambda: datetime(2026, 1, 2, 3, 4, 5)))
    folders = [json.loads(ff(*QUICK, "--json").out)["run"] for _ in range(3)]
    first = "runs/digits-20260102-030405"
    assert folders == [first, f"{first}-2", f"{first}-3"]
    assert all((tmp_path / folder / "run.json").exists() for folder in folders)


def test_the_activations_of_two_layers_are_their_own(ff, tmp_path):
    done = ff(*QUICK, "--activation", "PReLU", "--out", tmp_path / "run")
    assert done.code == 0, done.err
    first, second = forward_forward.load(tmp_path / "run").layers
    assert first.activation is not second.activation


def test_a_picture_is_predicted(digits_run, ff, tmp_path):
    _, test = datasets.digits()
    network = forward_forward.load(digits_run.path)
    for index in range(3):
        values = (test.inputs[index, 0] * 255).round().to(torch.uint8)
        Image.fromarray(values.numpy()).save(tmp_path / f"{index}.png")
    names = [tmp_path / f"{index}.png" for index in range(3)]
    done = ff("predict", digits_run.path, *names, "--json")
    assert done.code == 0, done.err
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [each["label"] for each in found] == list(
        map(str, network.predict(test.inputs[:3]).tolist())
    )
    assert all(set(each["scores"]) == set("0123456789") for each in found)
    spoken = ff("predict", digits_run.path, names[0])
    lines = spoken.out.splitlines()
    assert lines[0] == f"{names[0]}: {found[0]['label']}"
    assert len(lines) == 11
    assert lines[1].startswith(f"  goodness of {found[0]['label']}: ")


@pytest.mark.parametrize("content", [None, b"not a picture"])
def test_what_is_no_picture_gets_a_sentence(digits_run, ff, tmp_path, content):
    path = tmp_path / "picture.png"
    if content is not None:
        path.write_bytes(content)
    done = ff("predict", digits_run.path, path)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith(f"ff: error: expected a picture file, got {str(path)!r}")


@pytest.mark.parametrize("words", [["evaluate"], ["predict"], ["export"], ["train", "--resume"]])
def test_what_is_no_run_gets_a_sentence(ff, tmp_path, words):
    done = ff(*words, tmp_path, *(["x.png"] if words == ["predict"] else []))
    assert done.code == 2
    assert "run.json" in done.err


@pytest.mark.parametrize("words", [["evaluate"], ["predict"], ["train", "--resume"]])
def test_a_broken_checkpoint_gets_a_sentence(digits_run, ff, tmp_path, words):
    other = shutil.copytree(digits_run.path, tmp_path / "other")
    for path in other.rglob("network.safetensors"):
        path.write_bytes(path.read_bytes()[:100])
    done = ff(*words, other, *(["x.png"] if words == ["predict"] else []))
    assert done.code == 2
    assert "ff: error: expected the file network.safetensors as it was written in" in done.err


@pytest.mark.parametrize("entry", ["network", "data"])
def test_an_entry_that_run_json_lacks_gets_a_sentence(digits_run, ff, tmp_path, entry):
    other = shutil.copytree(digits_run.path, tmp_path / "other")
    about = json.loads((other / "run.json").read_text())
    del about[entry], about["sha256"]
    (other / "run.json").write_text(json.dumps(about))
    done = ff("predict", other, "x.png")
    assert done.code == 2
    assert f"expected an entry {entry!r} in" in done.err

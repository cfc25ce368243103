"""Options and files that cannot be used: what was expected, what came, and what to do instead."""

import os

import pytest
from torch import nn

QUICK = ("--hidden", "8", "--epochs", "1")


def table(path, target="ziel"):
    lines = [f"{k},{k * k % 7},{'pq'[k % 2]}" for k in range(40)]
    path.write_text("\n".join([f"a,b,{target}", *lines]))
    return path


@pytest.fixture
def run(ff, tmp_path):
    data = table(tmp_path / "a.csv")
    out = tmp_path / "run"
    done = ff("train", "--data", data, "--target", "ziel", *QUICK, "--out", out)
    assert done.code == 0, done.err
    return out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--batch-size", "0"], "--batch-size expects 1 or more, got 0: use --batch-size 320, for"),
        (["--epochs", "-1"], "--epochs expects 1 or more, got -1: use --epochs 10, for"),
        (["--hidden", "8", "-5"], "--hidden expects 1 unit or more in each layer, got 8 -5: use"),
        (["--patience", "0"], "--patience expects 1 or more, got 0: use --patience 5, for"),
        (["--hidden", "0"], "--hidden expects 1 unit or more in each layer, got 0: use --hidden"),
    ],
)
def test_a_number_below_1_is_refused_before_anything_is_printed(ff, words, said):
    for command in ("train", "sweep") if words[0] == "--epochs" else ("train",):
        done = ff(command, "--data", "digits", *words)
        assert done.code == 2
        assert len(done.err.splitlines()) == 1
        assert said in done.err


NO_WHOLE_NUMBER = "expects a whole number, got 'x': write digits alone, such as 10"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--epochs", "x"], f"--epochs {NO_WHOLE_NUMBER}"),
        (["train", "--hidden", "8", "x", "--seed", "1"], f"--hidden {NO_WHOLE_NUMBER}"),
        (["demo", "--port=x"], f"--port {NO_WHOLE_NUMBER}"),
        (["train", "--lr", "x"], "--lr expects a number, got 'x': write digits, such as 0.01"),
        (
            ["export", "run", "--to", "onx"],
            "--to expects one of onnx, torch, c, web, got 'onx': did you",
        ),
        (["train", "--label", "?"], "expects one of append, overlay, got '?': choose another"),
        (["train", "--track", "mlflow", "--track", "wanbd"], "did you mean 'wandb'?"),
    ],
)
def test_a_value_of_the_wrong_type_gets_one_sentence(ff, words, said):
    done = ff(*words)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert done.err.startswith("ff: error: --")
    assert said in done.err


def test_a_benchmark_refuses_no_threads(ff):
    done = ff("benchmark", "--threads", "0")
    assert done.code == 2
    assert "--threads expects 1 or more, got 0" in done.err


@pytest.mark.parametrize("rate", ["-1", "inf", "nan"])
def test_a_learning_rate_that_is_none_gets_one_that_is(ff, tmp_path, rate):
    done = ff("train", "--data", "digits", *QUICK, "--lr", rate, "--out", tmp_path / "run")
    assert done.code == 2
    assert f"lr expects a finite number of 0 or more, got {float(rate)}: such as lr" in done.err


def test_an_unknown_activation_gets_a_few_activations(ff, tmp_path):
    done = ff("train", "--data", "digits", *QUICK, "--activation", "Foo", "--out", tmp_path / "run")
    assert done.code == 2
    said = done.err.splitlines()[-1]
    names = said.partition("unknown name 'Foo': choose another, such as ")[2].split(", ")
    assert len(names) == 5
    assert all(hasattr(nn.modules.activation, name) for name in names)


@pytest.mark.parametrize("name", ["Foo", "Optimizer"])
def test_an_unknown_optimizer_is_not_offered_the_abstract_one(ff, tmp_path, name):
    done = ff("train", "--data", "digits", *QUICK, "--optimizer", name, "--out", tmp_path / "run")
    assert done.code == 2
    assert f"unknown name {name!r}" in done.err
    assert "Optimizer" not in done.err.replace(repr(name), "")
    assert len(done.err.splitlines()[-1]) < 250


def test_a_missing_file_is_not_taken_for_a_misspelt_set(ff):
    for name in ("nofile.csv", os.path.join("folder", "mnits")):
        done = ff("train", "--data", name)
        assert done.code == 2
        assert "which does not exist" in done.err
        assert "did you mean" not in done.err


def test_a_misspelt_target_gets_the_nearest_column(ff, tmp_path):
    data = table(tmp_path / "a.csv")
    done = ff("train", "--data", data, "--target", "zeil", *QUICK, "--out", tmp_path / "run")
    assert done.code == 2
    assert "among a, b, ziel, got 'zeil': did you mean 'ziel'?" in done.err
    done = ff("train", "--data", data, "--target", "x?!", *QUICK, "--out", tmp_path / "run")
    assert "got 'x?!': name one of them" in done.err


@pytest.mark.parametrize("words", [["predict"], ["evaluate", "--data"]])
def test_a_table_that_does_not_exist_is_named(run, ff, words):
    done = ff(words[0], run, *words[1:], "nope.csv")
    assert done.code == 2
    assert "expected a table, got '" in done.err
    assert "nope.csv', which does not exist: check the path" in done.err


def test_a_folder_that_cannot_be_made_is_named(ff, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "run"
    done = ff("train", "--data", "digits", *QUICK, "--out", out)
    assert done.code == 1
    said = done.err.splitlines()[-1]
    assert "[Errno" not in said
    assert f"expected a file or folder that can be read or written, got {str(out)!r} (" in said
    assert said.endswith("): check the path and its permissions, or choose another")


def test_a_run_resumed_with_other_data_does_not_blame_an_option_that_was_not_given(run, ff):
    for words in (["train", "--resume", run], ["export", run]):
        done = ff(*words, "--data", "digits")
        assert done.code == 2
        assert "target=" not in done.err
        assert "expected data like those of the run, '" in done.err
        assert "got 'digits', which cannot be read like them: leave out --data" in done.err
    done = ff("train", "--resume", run, "--data", "digits", "--target", "ziel")
    assert "target='ziel' is for tables" in done.err


def test_the_data_of_a_resumed_run_may_have_moved(run, ff, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    moved = (tmp_path / "a.csv").rename(tmp_path / "elsewhere" / "a.csv")
    done = ff("train", "--resume", run, "--data", moved)
    assert done.code == 0, done.err

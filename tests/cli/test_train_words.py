"""What ``ff train`` says of networks, and of a training that went wrong."""

import pytest
from tests.conftest import called

from forward_forward import cli

BASE = ("train", "--data", "digits", "--epochs", "1", "--threads", "1", "--hidden", "8", "8")


def test_a_network_that_learned_nothing_is_said(tmp_path):
    done = called(*BASE, "--lr", "1000", "--out", tmp_path / "run")
    assert done.code == 0
    assert "has learned next to nothing: guessing among 10 classes gives 90 % errors" in done.err
    assert "such as 100 (now 1000)" in done.err
    config = tmp_path / "run" / "config.yaml"
    assert done.out.splitlines()[-1] == f"next: ff train --config {config} --lr 100"
    done = called(*BASE, "--lr", "0.01", "--out", tmp_path / "other")
    assert "next to nothing" not in done.err
    assert f"next: ff evaluate {tmp_path / 'other'}" in done.out.splitlines()


OWN = """
def loss(positive, negative):
    raise KeyError("no such thing")
"""


def test_an_error_of_own_code_is_one_line_that_names_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a_loss_that_raises.py").write_text(OWN)
    own = ("--recipe", "standard", "--loss", "a_loss_that_raises:loss", "--out", "run")
    done = called(*BASE, *own)
    assert done.code == 1
    place = f"{tmp_path / 'a_loss_that_raises.py'}, line 3, in loss"
    found = f"ff: error: KeyError: 'no such thing' ({place}; FF_TRACEBACK=1 prints"
    assert done.err.splitlines()[-1].startswith(found)
    monkeypatch.setenv("FF_TRACEBACK", "1")
    with pytest.raises(KeyError):
        called(*BASE, *own, "--overwrite")


def test_a_fault_of_the_package_keeps_its_traceback(monkeypatch):
    def fails(*_):
        raise KeyError("a fault")

    fails.__code__ = fails.__code__.replace(co_filename=cli.__file__)
    monkeypatch.setattr(cli, "check_command", fails)
    with pytest.raises(KeyError):
        called("doctor")


@pytest.mark.parametrize(
    ("recipe", "words", "shown"),
    [
        ("one_pass", "64 - 8 - 8 units, ReLU()", False),
        ("standard", "threshold calibrated x 1.0", True),
        ("local_airbench.per_convolution", "2 layers with 2 Conv2d", False),
    ],
)
def test_layers_and_thresholds_are_said_where_there_are_some(recipe, words, shown, tmp_path):
    options = ["--hidden", "8", "8"] if "air" not in recipe else ["--set", "channels=4+4"]
    done = called(*BASE[:-3], *options, "--recipe", recipe, "--out", tmp_path / "run")
    assert words in done.err
    assert "None" not in done.err
    assert ", 1 epoch in batches" in done.err
    assert ("threshold" in done.err, "thresholds by layer" in done.out) == (shown, shown)


def test_a_recipe_without_flags_says_so(tmp_path, monkeypatch):
    (tmp_path / "own_plain_recipe.py").write_text("def plain(train): pass\n")
    monkeypatch.chdir(tmp_path)
    done = called(
        "train", "--data", "digits", "--recipe", "own_plain_recipe:plain", "--epochs", "1"
    )
    assert "has no setting 'epochs': omit --epochs (it takes no flags)" in done.err

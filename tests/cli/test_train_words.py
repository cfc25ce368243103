"""What ``ff train`` says of networks, and of a training that went wrong."""

import pytest
from tests.conftest import called

BASE = ("train", "--data", "digits", "--epochs", "1", "--threads", "1", "--hidden", "8", "8")


def test_a_network_that_learned_nothing_is_said(tmp_path):
    done = called(*BASE, "--lr", "1000", "--out", tmp_path / "run")
    assert done.code == 0
    assert "has learned next to nothing: guessing among 10 classes gives 90 % errors" in done.err
    assert "such as 100 (now 1000)" in done.err
    done = called(*BASE, "--lr", "0.01", "--out", tmp_path / "other")
    assert "next to nothing" not in done.err


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
    assert ("threshold" in done.err, "thresholds by layer" in done.out) == (shown, shown)


def test_a_recipe_without_flags_says_so(tmp_path, monkeypatch):
    (tmp_path / "own_plain_recipe.py").write_text("def plain(train): pass\n")
    monkeypatch.chdir(tmp_path)
    done = called(
        "train", "--data", "digits", "--recipe", "own_plain_recipe:plain", "--epochs", "1"
    )
    assert "has no setting 'epochs': omit --epochs (it takes no flags)" in done.err

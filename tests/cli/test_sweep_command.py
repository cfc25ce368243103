"""ff sweep and ff train --set: what is printed, what is refused, what the best command makes."""

import json
import shlex
import sys

import pytest

from forward_forward.checkpoint import Run

SMALL = ("sweep", "--data", "digits", "--epochs", "2", "--threads", "1")
SPACE = ("--search", "lr=1e-3..1e-1", "hidden=2x8..16", "loss=sigmoid,SymBa(alpha=1..8)")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of three trials, and what was printed."""
    from tests.conftest import called

    out = tmp_path_factory.mktemp("sweeps") / "first"
    done = called(*SMALL, *SPACE, "--trials", "3", "--seed", "4", "--out", out)
    assert done.code == 0, done.err
    return out, done


def test_the_best_trial_and_the_next_commands_are_on_stdout(swept):
    out, done = swept
    lines = done.out.splitlines()
    assert lines[0] == "3 trials: 3 complete"
    best = json.loads((out / "trials.json").read_text())["trials"]
    least = min(each["validation_error"] for each in best)
    assert lines[1].startswith("best: trial ")
    assert f"validation error {least:.2f} %" in lines[1]
    assert f"report:       ff report {out}" in lines
    assert lines[-1] == f"more trials:  ff sweep --out {out} --trials 33 --threads 1"
    told = [line for line in done.err.splitlines() if line.startswith("trial")]
    assert len(told) == 3
    assert "3/3" in told[-1]
    assert f"best {least:.2f} %" in told[-1]
    assert "lr      0.001..0.1, log scale" in done.err


def test_the_printed_command_makes_the_best_run_again_to_the_last_digit(swept, ff):
    out, done = swept
    found = json.loads(ff("sweep", "--out", out, "--trials", "3", "--json").out)
    line = next(line for line in done.out.splitlines() if line.startswith("the same run: "))
    assert line.partition(": ")[2] == found["command"]
    words = shlex.split(found["command"])
    assert words[:2] == ["ff", "train"]
    assert words[words.index("--seed") + 1] == "4"
    made = ff(*words[1:], "--json")
    assert made.code == 0, made.err
    printed = json.loads(made.out)
    assert printed["validation_error"] == found["best"]["validation_error"]
    assert printed["best_epoch"] == found["best"]["best_epoch"]
    rows = Run(printed["run"]).metrics.rows()
    kept = json.loads((out / "trials.json").read_text())["trials"][found["best"]["number"]]
    assert [row["validation_error"] for row in rows] == kept["curve"]


def test_what_is_not_typed_is_taken_from_the_folder_and_what_is_must_agree(swept, ff):
    out, _ = swept
    same = ff("sweep", "--out", out, "--json")
    assert same.code == 0, same.err
    assert json.loads(same.out)["trials"] == 3
    assert ff(*SMALL, *SPACE, "--seed", "4", "--trials", "2", "--out", out, "--json").code == 0
    for words, said in (
        (["--epochs", "3"], "fixed.epochs: 2 in the sweep, 3 given"),
        (["--seed", "5"], "seed: 4 in the sweep, 5 given"),
        (["--search", "lr=1e-3..1e-1"], "space.hidden: 2x8..16 in the sweep, none given"),
        (["--recipe", "poster.method"], "got 'loss'"),
    ):
        refused = ff("sweep", "--out", out, *words)
        assert refused.code == 2
        assert said in refused.err
        assert refused.out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--search", "lrr=1..2"], "did you mean 'lr'?"),
        (["--search", "epochs=1,2"], "epochs is in the search space: omit --epochs"),
        (["--search", "loss=Symba"], "did you mean 'SymBa'?"),
        (["--data", "digit"], "did you mean 'digits'?"),
        (["--recipe", "standart"], "did you mean 'standard'?"),
        (["--threads", "0"], "--threads expects 1 or more"),
        (["--trials", "0"], "trials expects 1 or more, got 0"),
        (["--storage", "postgres"], "expected a URL such as"),
    ],
)
def test_what_cannot_be_searched_gets_a_sentence(ff, tmp_path, words, said):
    done = ff(*SMALL, "--out", tmp_path / "sweep", *words)
    assert done.code == 2
    assert said in done.err.splitlines()[-1]
    assert done.out == ""


def test_no_trial_is_the_best_where_all_diverged(ff, tmp_path):
    words = [*SMALL, "--search", "lr=1e30", "--trials", "1", "--out", tmp_path / "sweep"]
    spoken = ff(*words)
    assert spoken.code == 0, spoken.err
    assert "diverged in epoch 1" in spoken.err
    assert "no trial is complete, so there is no best trial" in spoken.out
    found = json.loads(ff(*words, "--json").out)
    assert (found["best"], found["command"], found["diverged"]) == (None, None, 1)


def test_a_password_is_neither_kept_nor_printed(swept, ff, tmp_path):
    out, _ = swept
    about = json.loads((out / "sweep.json").read_text())
    del about["sha256"]
    (tmp_path / "sweep").mkdir()
    kept = json.dumps({**about, "storage": "postgresql://me:***@host/x"})
    (tmp_path / "sweep" / "sweep.json").write_text(kept)
    done = ff("sweep", "--out", tmp_path / "sweep")
    assert done.code == 2
    assert "the storage's password is not stored: pass --storage again" in done.err


def test_a_table_of_one_s_own_is_searched_and_the_best_run_made_again(ff, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i % 7},{i % 3},{i % 2},{'big' if i % 2 else 'small'}" for i in range(80)]
    (tmp_path / "own.csv").write_text("\n".join(["a,b,c,kind", *rows]) + "\n")
    words = ["--data", "own.csv", "--target", "kind", "--search", "lr=1e-3..1e-1", "hidden=2x6"]
    done = ff("sweep", *words, "--epochs", "2", "--threads", "1", "--trials", "2", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["sweep"].startswith("sweeps/own-")
    assert f"--data {tmp_path / 'own.csv'} --target kind" in found["command"]
    made = ff(*shlex.split(found["command"])[1:], "--json")
    assert made.code == 0, made.err
    error = json.loads(made.out)["validation_error"]
    assert error == found["best"]["validation_error"]
    again = ff("sweep", "--out", found["sweep"], "--json")
    assert json.loads(again.out)["best"] == found["best"]


OWN = '''"""A recipe and a loss of a user's own."""

import pathlib

import torch

from forward_forward.recipes import standard

pathlib.Path({marker!r}).touch()


def margin(pos, neg):
    return torch.nn.functional.softplus(neg.mean(0) - pos)


def recipe(train, *, width=8, lr=0.01, epochs=2, deep: bool = False, loss=margin):
    return standard(train, hidden=(width,) * (2 if deep else 1), lr=lr, epochs=epochs, loss=loss)
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The file that a module writes when it is imported."""
    marker = tmp_path / "marker"
    (tmp_path / "own_sweep.py").write_text(OWN.format(marker=str(marker)))
    monkeypatch.syspath_prepend(tmp_path)
    yield marker
    sys.modules.pop("own_sweep", None)


def test_a_recipe_of_one_s_own_is_searched_and_made_again(ff, tmp_path, own):
    space = ["--search", "width=4..9", "deep=True", "lr=1e-3..1e-1"]
    words = [*SMALL, "--recipe", "own_sweep:recipe", "--trials", "2", "--out", tmp_path / "sweep"]
    found = json.loads(ff(*words, *space, "--json").out)
    best = found["best"]["settings"]
    assert 4 <= best["width"] <= 9
    assert f"--set width={best['width']} deep=True" in found["command"]
    made = ff(*shlex.split(found["command"])[1:], "--json")
    assert made.code == 0, made.err
    printed = json.loads(made.out)
    assert printed["validation_error"] == found["best"]["validation_error"]
    resumed = ff("train", "--resume", printed["run"], "--recipe", "own_sweep:recipe", "--json")
    assert json.loads(resumed.out) == printed


def test_code_that_a_sweep_s_file_names_is_not_run(ff, tmp_path, own):
    out = tmp_path / "sweep"
    space = ["--search", "loss=own_sweep:margin,sigmoid"]
    done = ff(*SMALL, *space, "--trials", "1", "--out", out)
    assert done.code == 0, done.err
    again = done.out.splitlines()[-1].partition("ff ")[2]
    assert again.endswith("--search loss=own_sweep:margin,sigmoid")
    own.unlink()
    sys.modules.pop("own_sweep")
    refused = ff("sweep", "--out", out, "--trials", "2")
    assert refused.code == 2
    assert "code is never run merely because a file names it" in refused.err
    assert not own.exists()
    assert ff(*shlex.split(again)[:3], "--trials", "2", *space).code == 0


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("threshold_factor", "--set expects name=value, got 'threshold_factor'"),
        ("threshold_facto=2", "did you mean 'threshold_factor'?"),
        ("threshold_factor=big", "threshold_factor expects a number, got 'big'"),
        ("lr=0.1", "lr has a flag: use --lr 0.1"),
        ("threads=2", "threads has a flag: use --threads 2"),
    ],
)
def test_a_further_setting_that_is_none_gets_a_sentence(ff, tmp_path, word, said):
    words = ["train", "--data", "digits", "--recipe", "poster.method", "--out", tmp_path / "run"]
    done = ff(*words, "--set", word)
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "run").exists()


def test_a_sweep_to_go_on_with_must_be_there(ff, tmp_path):
    done = ff("sweep", "--out", tmp_path / "typo")
    assert done.code == 2
    assert "expected a sweep to continue in" in done.err
    assert not (tmp_path / "typo").exists()
    assert "--trials expects 1 or more, got 0" in ff("sweep", "--data", "digits", "--trials", 0).err

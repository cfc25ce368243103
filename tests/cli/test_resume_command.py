"""ff train --resume and --init-from: the same run goes on, a new one starts from old weights."""

import json
import shlex

import pytest
import torch

import forward_forward
from forward_forward import checkpoint
from forward_forward.checkpoint import Run
from forward_forward.optimize import Trainer
from forward_forward.optimize import trainer as trainer_module

QUICK = ("train", "--data", "digits", "--hidden", "12", "12", "--epochs", "2", "--lr", "0.01")


def test_a_finished_run_resumed_prints_its_results_again(digits_run, ff):
    files = {path: path.read_bytes() for path in digits_run.path.rglob("*.safetensors")}
    rows = (digits_run.path / "metrics.jsonl").read_text()
    done = ff("train", "--resume", digits_run.path, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out) == digits_run.printed
    assert {path: path.read_bytes() for path in files} == files
    assert (digits_run.path / "metrics.jsonl").read_text() == rows


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--epochs", "9"], "epochs was 8, is now 9"),
        (["--lr", "0.5"], "lr was 0.01, is now 0.5"),
        (["--out", "elsewhere"], "omit --out"),
        (["--overwrite"], "--overwrite"),
        (["--init-from", "elsewhere"], "--init-from"),
    ],
)
def test_a_resumed_run_cannot_be_changed(digits_run, ff, words, said):
    done = ff("train", "--resume", digits_run.path, *words)
    assert done.code == 2
    assert said in done.err


def test_a_run_begun_from_python_is_resumed_from_python(ff, tmp_path):
    Run.create(tmp_path / "run", {})
    done = ff("train", "--resume", tmp_path / "run")
    assert done.code == 2
    assert "trainer.fit" in done.err


def test_a_new_run_starts_from_old_weights(digits_run, ff, tmp_path):
    hidden = ("--hidden", "40", "40", "--epochs", "1", "--lr", "1e-12", "--recipe", "standard")
    out = tmp_path / "new"
    before = {path: path.read_bytes() for path in digits_run.path.rglob("*") if path.is_file()}
    done = ff("train", "--data", "digits", *hidden, "--out", out, "--init-from", digits_run.path)
    assert done.code == 0, done.err
    old, new = forward_forward.load(digits_run.path), forward_forward.load(out)
    for mine, other in zip(old.parameters(), new.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-6, rtol=0)
    assert Run(out).about["command"]["init_from"] == str(digits_run.path)
    assert len(Run(out).metrics.rows()) == 1
    assert {path: path.read_bytes() for path in before} == before


def test_old_weights_must_fit_and_may_not_be_overwritten(digits_run, ff):
    out = ("--out", digits_run.path, "--overwrite")
    done = ff("train", "--data", "digits", "--init-from", digits_run.path, *out[:2])
    assert done.code == 2
    assert "do not fit" in done.err
    done = ff("train", "--data", "digits", "--hidden", "40", "40", "--init-from", out[1], *out)
    assert done.code == 2
    assert (digits_run.path / "run.json").exists()


class Crash(BaseException):
    """The process is gone."""


def crash(*args: object, **values: object) -> None:
    raise Crash


def ctrl_c(*args: object) -> None:
    raise KeyboardInterrupt


def test_a_run_from_old_weights_that_broke_off_at_once_resumes_from_them(
    digits_run, ff, tmp_path, monkeypatch
):
    words = ["train", "--data", "digits", "--hidden", "40", "40", "--epochs", "2"]
    words += ["--recipe", "standard"]
    words += ["--init-from", str(digits_run.path), "--out"]
    assert ff(*words, tmp_path / "whole").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", crash)
        with pytest.raises(Crash):
            ff(*words, tmp_path / "run")
    assert ff("train", "--resume", tmp_path / "run").code == 0
    whole, resumed = (checkpoint.load(tmp_path / name, which="last") for name in ("whole", "run"))
    for mine, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_a_run_that_broke_off_before_its_last_words_still_gives_json(ff, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Run, "update", crash)
        with pytest.raises(Crash):
            ff(*QUICK, "--out", tmp_path / "run")
    done = ff("train", "--resume", tmp_path / "run", "--json")
    assert done.code == 0
    assert json.loads(done.out)["best_epoch"] in (1, 2)


def test_the_resume_command_can_be_pasted(ff, tmp_path, monkeypatch):
    out = tmp_path / "my run"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", ctrl_c)
        done = ff(*QUICK, "--out", out)
    assert done.code == 130
    command = done.err.rpartition("continue with: ")[2]
    assert shlex.split(command) == ["ff", "train", "--resume", str(out)]
    assert ff(*shlex.split(command)[1:]).code == 0


def test_ctrl_c_before_there_is_a_run_does_not_say_that_one_was_saved(ff, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer_module, "calibrate", ctrl_c)
    done = ff(*QUICK, "--out", tmp_path / "run")
    assert done.code == 130
    assert not (tmp_path / "run").exists()
    assert "saved" not in done.err
    assert "--resume" not in done.err

"""One process at a time trains in a folder; what a kill leaves is told from a whole run."""

import errno
import os
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from filelock import FileLock
from tests.conftest import called

import forward_forward as ff
from forward_forward import predict
from forward_forward.checkpoint import Run, is_run, locked
from forward_forward.checkpoint.identity import REMOVED

HOLD = """
import sys
from pathlib import Path
from forward_forward.checkpoint import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def trained(out, **options) -> ff.optimize.Fitted:
    x, y = torch.arange(80).view(20, 4) / 80, torch.arange(20) % 2
    trainer = ff.Trainer(ff.mlp(4, 3, num_classes=2, seed=0), seed=0)
    return trainer.fit((x, y), epochs=1, batch_size=20, out=out, **options)


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_by_the_name_of_the_first(holder, tmp_path):
    with pytest.raises(ValueError, match=rf"no other process trains in.*process {holder.pid} on"):
        trained(tmp_path / "run")


def test_a_process_that_is_killed_holds_nothing(holder, tmp_path):
    holder.kill()
    holder.wait()
    trained(tmp_path / "run")
    assert not (tmp_path / "run/.lock").exists()


def test_two_trainings_of_one_process_are_told_apart_too(tmp_path):
    run = trained(tmp_path / "run").run
    with (
        locked(run),
        ThreadPoolExecutor() as other,
        pytest.raises(ValueError, match=f"process {os.getpid()}"),
    ):
        other.submit(trained, run, resume=True).result()
    with locked(run):
        trained(run, resume=True)


def test_a_refused_training_leaves_no_folder(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="files that are not a run"):
        trained(other)
    assert [each.name for each in other.iterdir()] == ["mine.txt"]
    with pytest.raises(ValueError, match="run's folder with a run"):
        trained(tmp_path / "new", resume=True)
    assert not (tmp_path / "new").exists()


def test_a_run_that_another_one_has_overwritten_is_not_updated(tmp_path):
    first = Run(trained(tmp_path / "run").run)
    trained(tmp_path / "run", overwrite=True)
    with pytest.raises(ValueError, match="got another one, which has overwritten it"):
        first.update(test_error=1.0)


def test_a_command_keeps_the_lock_until_it_has_tested(tmp_path, monkeypatch):
    def evaluated(*_):
        with ThreadPoolExecutor() as other:
            other.submit(trained, tmp_path / "run", overwrite=True).result()

    monkeypatch.setattr(predict, "evaluate", evaluated)
    words = ["--hidden", "4", "--epochs", "1", "--threads", "1", "--out", tmp_path / "run"]
    done = called("train", "--data", "digits", *words)
    assert done.code == 2
    assert "no other process trains in" in done.err


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.warns(UserWarning, match="has no locks"):
        trained(tmp_path / "run")


def test_a_finished_run_without_its_checkpoints_is_not_trained_again_unsaid(tmp_path):
    run = trained(tmp_path / "run").run
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(ValueError, match="expected the checkpoint 'last'"):
        trained(run, resume=True)


def test_entries_of_the_user_s_own_cannot_take_the_place_of_the_library_s(tmp_path):
    run = trained(tmp_path / "run", about={"sha256": "mine", "made_by": "me", "id": None}).run
    assert Run(run).about["made_by"] == "forward-forward"
    assert Run(run).about["id"] is not None


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("step", range(1, 8))
def test_a_kill_while_a_run_is_deleted_leaves_no_mixture(tmp_path, monkeypatch, step):
    run = trained(tmp_path / "run").run
    weights = Run(run).weights()
    calls = 0

    def deadly(real):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == step:
                raise Killed
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", deadly(shutil.rmtree))
        patch.setattr(os, "replace", deadly(os.replace))
        patch.setattr(type(run), "unlink", deadly(type(run).unlink))
        with pytest.raises(Killed):
            trained(run, overwrite=True)
    assert is_run(run)
    try:
        after = Run(run).weights()
    except ValueError as error:
        assert "deleted the run" in str(error) or "no checkpoint yet" in str(error)  # noqa: PT017
        trained(run, overwrite=True)
    else:
        assert all(torch.equal(after[name], weights[name]) for name in weights)


def test_a_run_whose_deletion_was_cut_short_is_neither_read_nor_resumed(tmp_path):
    run = trained(tmp_path / "run").run
    Run(run).update(status=REMOVED)
    for read in (ff.load, Run):
        with pytest.raises(ValueError, match="killed while it deleted the run"):
            read(run)
    trained(run, overwrite=True)


def test_what_a_kill_left_beside_the_checkpoints_is_removed_by_resume(tmp_path):
    run = trained(tmp_path / "run").run
    for name in (".last.previous", ".last.partial", ".best.previous"):
        (run / "checkpoints" / name).mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(run, resume=True)
    assert sorted(each.name for each in (run / "checkpoints").iterdir()) == ["best", "last"]

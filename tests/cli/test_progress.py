"""Progress: a bar on a terminal; elsewhere a line per epoch, and more within long epochs."""

import contextlib
import io
import json
import re
import warnings
from types import SimpleNamespace

import pytest

from forward_forward.cli import main, progress, reproduce_output
from forward_forward.track import Beginning

COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = SimpleNamespace(seconds=0.0)
    for module in (progress, reproduce_output):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now.seconds))
    return now


def test_a_long_epoch_prints_a_line_every_ten_seconds(clock, capsys):
    follower = progress.TrainingProgress()
    follower.start(Beginning(epochs=3, steps=40))
    for _ in range(25):
        clock.seconds += 1.0
        follower.step()
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1/3  step 10/40  1 min 50 s left",
        "epoch 1/3  step 20/40  1 min 40 s left",
    ]
    clock.seconds = 40.0
    follower.epoch({"epoch": 1, "seconds": 40.0, "validation_error": 4.5})
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "epoch 1/3  validation error  4.50 %  40.0 s, 1 min 20 s left"
    clock.seconds = 50.0
    follower.step()
    assert capsys.readouterr().err.endswith("s left  validation error 4.50 %\n")


def test_an_epoch_without_a_known_length_counts_its_steps(clock, capsys):
    follower = progress.TrainingProgress()
    follower.start(Beginning(epochs=20, epoch=4))
    clock.seconds = 11.0
    follower.step()
    assert capsys.readouterr().err == "epoch  5/20  step 1\n"


def test_short_epochs_print_no_more_than_their_lines(clock, capsys):
    follower = progress.TrainingProgress()
    follower.start(Beginning(epochs=2, steps=2))
    for epoch in (1, 2):
        for _ in range(2):
            clock.seconds += 4.0
            follower.step()
        follower.epoch({"epoch": epoch, "seconds": 8.0 * epoch})
    follower.stop("finished")
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1/2  8.0 s, 8 s left",
        "epoch 2/2  16.0 s, 0 s left",
    ]


def test_a_reproduction_prints_its_claims_and_the_time_left(clock, capsys):
    follower, job = reproduce_output.ReproductionProgress(), SimpleNamespace(cost=1.0)
    follower.start(4.0)
    follower.claim("fig5", 0, 2)
    follower.expect([job] * 4)
    for _ in range(4):
        clock.seconds += 20.0
        follower.done(job)
    follower.stop()
    assert capsys.readouterr().err.splitlines() == [
        "fig5 (1 of 2)",
        "fig5 (1 of 2): 2 of 4 runs, about 40 s left",
        "fig5 (1 of 2): 4 of 4 runs, about 0 s left",
    ]


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


SMALL = ["--data", "digits", "--epochs", "2", "--json", "--out"]


def shown(monkeypatch, *words: str) -> str:
    """What a command that succeeds shows on a terminal without colour."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the command replaces it
    terminal = Terminal()
    with contextlib.redirect_stderr(terminal), pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0, terminal.getvalue()
    return terminal.getvalue()


def test_a_bar_is_drawn_on_a_terminal(monkeypatch, tmp_path, capsys):
    seen = shown(monkeypatch, "train", *SMALL, str(tmp_path / "run"), "--hidden", "10", "10")
    assert json.loads(capsys.readouterr().out)["test_error"] > 0
    assert re.search(r"epoch 2/2  validation error +\d+\.\d\d %  .* s left", seen)
    assert "\r" in seen  # the bar is drawn over itself, not line by line
    assert not COLOUR.search(seen)
    assert "by layer" not in seen  # only without a terminal


def test_a_cell_of_a_notebook_gets_lines_instead_of_a_bar(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("JPY_PARENT_PID", "1")  # as Jupyter sets it for `!ff train`
    seen = shown(monkeypatch, "train", *SMALL, str(tmp_path / "run"), "--hidden", "10", "10")
    assert json.loads(capsys.readouterr().out)["test_error"] > 0
    assert "\r" not in seen
    assert seen.count("epoch 2/2") == 1


def test_trials_are_printed_above_the_bar(monkeypatch, tmp_path, capsys):
    words = ["--search", "lr=0.01,0.02", "hidden=2x8", "--trials", "2"]
    seen = shown(monkeypatch, "sweep", *SMALL, str(tmp_path / "sweep"), *words)
    assert json.loads(capsys.readouterr().out)["trials"] == 2
    assert re.search(r"trial   1  error \d+\.\d\d % .* 2/2, 0 s left", seen)
    assert "100 %" in seen

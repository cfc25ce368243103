"""Progress where stderr is no terminal: a line per epoch, and one within an epoch that lasts."""

from types import SimpleNamespace

import pytest

from forward_forward.cli import progress, reproduce_output
from forward_forward.track import Beginning


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

"""Callbacks of any shape are called; they stop a training, and the run is then complete."""

import io
import sys

import pytest
import torch
from tests.conftest import called

import forward_forward as ff
from forward_forward.checkpoint import Run
from forward_forward.optimize import EarlyStopping
from forward_forward.track import Beginning, Callback, ProgressBar, StopTraining, as_callback

X, Y = torch.rand(24, 4, generator=torch.Generator().manual_seed(0)), torch.arange(24) % 2


def fit(callbacks=(), epochs=5, **options):
    trainer = ff.Trainer(ff.mlp(4, 3, num_classes=2), lr=0.01)
    options = {"validation": (X, Y), **options}
    return trainer.fit((X, Y), epochs=epochs, batch_size=8, callbacks=callbacks, **options)


class Steps:
    """An object with one of the methods, of no class of the library."""

    def __init__(self):
        self.count = 0

    def step(self):
        self.count += 1


def test_any_subset_of_methods_and_functions_are_callbacks():
    steps, rows = Steps(), []
    fit([steps, rows.append], epochs=2)
    assert steps.count == 6
    assert [row["epoch"] for row in rows] == [1, 2]


def test_the_earlier_name_of_callbacks_is_still_one():
    rows = []
    fit(watch=[rows.append], epochs=1)
    assert len(rows) == 1


@pytest.mark.parametrize("given", [3, Steps, object()])
def test_what_is_no_callback_is_refused(given):
    with pytest.raises(ValueError, match="any of the methods start, step, epoch and stop"):
        as_callback(given)


class At(Callback):
    """Stops after an epoch, and keeps what it is told of the end."""

    def __init__(self, epoch):
        self.last, self.ending = epoch, None

    def epoch(self, row):
        if row["epoch"] == self.last:
            raise StopTraining("enough")

    def stop(self, ending):
        self.ending = ending


def test_a_callback_stops_a_training_and_the_run_is_complete(tmp_path):
    stopping, rows = At(2), []
    done = fit([stopping, rows.append], out=tmp_path / "run")
    assert (len(done.history), done.stopped, stopping.ending) == (2, "enough", "finished")
    assert len(rows) == 2  # callbacks after it hear of the epoch too
    about = Run(tmp_path / "run").about
    assert (about["status"], about["stopped"]) == ("trained", "enough")
    again = fit([], out=tmp_path / "run", resume=True)
    assert (len(again.history), again.stopped) == (2, "enough")


def errors(*values):
    return [{"epoch": k, "validation_error": each} for k, each in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("patience", "min_delta", "values", "last"),
    [
        (2, 0, (5, 4, 4, 5, 3), 4),
        (3, 0, (5, 4, 4, 5, 3), None),
        (1, 0, (5, 5), 2),
        (2, 1, (5, 4.5, 3.9, 3.5, 3.0), 5),
        (2, 0, (5, 6, 4, 6, 6), 5),
    ],
)
def test_early_stopping_counts_epochs_without_a_fall(patience, min_delta, values, last):
    stopping = EarlyStopping(patience, min_delta)
    stopping.start(Beginning(9))
    found = None
    for row in errors(*values):
        try:
            stopping.epoch(row)
        except StopTraining:
            found = row["epoch"]
            break
    assert found == last


def test_early_stopping_counts_the_epochs_before_a_resumption():
    stopping = EarlyStopping(2)
    stopping.start(Beginning(9, 2, history=errors(3, 4)))
    with pytest.raises(StopTraining, match="has not fallen for 2 epochs"):
        stopping.epoch(errors(4)[0])


def test_early_stopping_needs_validation_data_and_patience():
    with pytest.raises(ValueError, match="expects validation data"):
        fit([EarlyStopping(1)], validation=None)
    with pytest.raises(ValueError, match="patience of 1 epoch or more"):
        EarlyStopping(0)
    with pytest.raises(ValueError, match=r"patience expects a whole number, got 2\.5: such as"):
        EarlyStopping(2.5)


def test_ff_train_stops_and_says_so(tmp_path):
    out = tmp_path / "run"
    options = ["--data", "digits", "--hidden", "8", "--lr", "1e-9", "--threads", "1"]
    # Nothing is learned at this rate, so an epoch after the first few is the second without a fall.
    done = called("train", *options, "--epochs", "40", "--patience", "2", "--out", out)
    assert done.code == 0, done.err
    assert "stopped: the validation error has not fallen for 2 epochs" in done.out
    epochs = len((out / "metrics.jsonl").read_text().splitlines())
    assert epochs < 40
    done = called("train", "--resume", out)
    assert len((out / "metrics.jsonl").read_text().splitlines()) == epochs


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("verbose", "shown"), [(None, True), (False, False), (True, True)])
def test_a_bar_is_shown_on_a_terminal(monkeypatch, verbose, shown):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    fit(epochs=2, verbose=verbose)
    assert ("epoch 2/2" in stderr.getvalue()) == shown
    assert ("validation error" in stderr.getvalue()) == shown


def test_no_bar_is_shown_elsewhere_unless_asked_for(capsys):
    fit(epochs=1)
    assert capsys.readouterr().err == ""
    fit(epochs=1, verbose=True, validation=None)
    assert "loss" in capsys.readouterr().err


def test_a_bar_without_a_known_number_of_steps():
    bar = ProgressBar()
    bar.start(Beginning(2))
    bar.epoch({"epoch": 1, "loss": [1.0]})
    assert bar.bar.n == 1
    bar.stop("interrupted")

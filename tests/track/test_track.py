"""Rows survive in a JSONL file whatever happens; callbacks hear of the end; figures by name."""

import json
import subprocess
import sys
from contextlib import nullcontext

import pytest
import torch

import forward_forward as ff
from forward_forward.track import Beginning, Jsonl, notified
from forward_forward.track.numbers import by_layer, scalars, settings_of


def test_a_missing_file_has_no_rows_and_is_made_by_append(tmp_path):
    metrics = Jsonl(tmp_path / "metrics.jsonl")
    assert metrics.rows() == []
    metrics.append({"epoch": 1, "loss": [0.5, 0.25]})
    metrics.append({"epoch": 2, "loss": [0.1, 1e-17]})
    assert metrics.rows() == [
        {"epoch": 1, "loss": [0.5, 0.25]},
        {"epoch": 2, "loss": [0.1, 1e-17]},
    ]
    lines = metrics.path.read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_numbers_come_back_bit_for_bit(tmp_path):
    metrics = Jsonl(tmp_path / "metrics.jsonl")
    row = {"epoch": 1, "loss": 0.1 + 0.2, "tiny": 5e-324, "error": 100 / 3}
    metrics.append(row)
    assert metrics.rows() == [row]


@pytest.mark.parametrize("length", range(len('{"epoch": 2}\n')))
def test_a_last_line_cut_anywhere_is_left_out(tmp_path, length):
    metrics = Jsonl(tmp_path / "metrics.jsonl")
    metrics.path.write_text('{"epoch": 1}\n' + '{"epoch": 2}\n'[:length])
    whole = length >= len('{"epoch": 2}')
    assert [row["epoch"] for row in metrics.rows()] == ([1, 2] if whole else [1])


def test_what_comes_after_a_cut_line_is_kept_after_keep(tmp_path):
    metrics = Jsonl(tmp_path / "metrics.jsonl")
    metrics.path.write_text('{"epoch": 1}\n{"epo')
    assert metrics.keep(5) == [{"epoch": 1}]
    metrics.append({"epoch": 2})
    assert metrics.rows() == [{"epoch": 1}, {"epoch": 2}]


@pytest.mark.parametrize("epochs", range(5))
def test_keep_drops_the_rows_of_lost_work(tmp_path, epochs):
    metrics = Jsonl(tmp_path / "metrics.jsonl")
    for epoch in (1, 2, 3):
        metrics.append({"epoch": epoch})
    kept = [{"epoch": epoch} for epoch in (1, 2, 3) if epoch <= epochs]
    assert metrics.keep(epochs) == kept
    assert metrics.rows() == kept


def test_keep_of_a_missing_file_makes_an_empty_one(tmp_path):
    metrics = Jsonl(tmp_path / "metrics.jsonl")
    assert metrics.keep(0) == []
    assert metrics.path.read_text() == ""


class Listener:
    """Notes what it is told; may break at the start."""

    def __init__(self, heard: list[str], name: str, error: BaseException | None = None) -> None:
        self.heard, self.name, self.error = heard, name, error

    def start(self, beginning):
        if self.error is not None:
            raise self.error
        self.heard.append(f"{self.name} starts at {beginning.epoch}")

    def stop(self, ending):
        self.heard.append(f"{self.name} {ending}")


@pytest.mark.parametrize(
    ("error", "ending"),
    [(None, "finished"), (KeyboardInterrupt(), "interrupted"), (ValueError("broken"), "failed")],
)
def test_every_callback_hears_how_training_ended(error, ending):
    heard: list[str] = []
    both = [Listener(heard, "one"), Listener(heard, "two")]
    with pytest.raises(type(error)) if error else nullcontext(), notified(both, Beginning(3, 1)):
        if error is not None:
            raise error
    assert heard == ["one starts at 1", "two starts at 1", f"two {ending}", f"one {ending}"]


def test_a_callback_that_cannot_start_ends_those_before_it():
    heard: list[str] = []
    three = [Listener(heard, "one"), Listener(heard, "two", OSError("full")), Listener(heard, "x")]
    with pytest.raises(OSError, match="full"), notified(three, Beginning(3)):
        heard.append("never")
    assert heard == ["one starts at 0", "one failed"]


def test_trackers_wait_for_their_packages_until_they_are_used():
    code = "import sys, forward_forward.track\nprint({'tensorboard', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_settings_have_dotted_names_and_no_outcomes():
    about = {
        "made_by": "forward-forward",
        "status": "finished",
        "test": {"error": 1.0},
        "command": {"data": "digits", "settings": {"lr": "typed"}},
        "network": {"layers": [{"block": "A()", "dropout": "0.1"}], "readout": "(0, 1)"},
        "fit": {"epochs": 3},
        "data": {"classes": ["0", "1"]},
        "machine": {"threads": 1, "date": "2026"},
    }
    assert settings_of(about) == {
        "command.data": "digits",
        "network.layers.1.block": "A()",
        "network.layers.1.dropout": 0.1,
        "network.readout": (0, 1),
        "fit.epochs": 3,
        "data.classes": ["0", "1"],
        "machine.threads": 1,
    }


def test_figures_of_layers_bear_the_number_of_their_layer():
    about = {"network": {"head": {"skip": 1}}}
    row = {
        "epoch": 7,
        "layers": [2],
        "loss": [0.5],
        "validation_error": 3.0,
        "validation_goodness_error_by_layer": [4.0, 5.0, 6.0],
        "validation_head_error_by_layer": [7.0, 8.0],
    }
    assert scalars(row, about) == {
        "loss/layer2": 0.5,
        "validation_error": 3.0,
        "validation_goodness_error/layer1": 4.0,
        "validation_goodness_error/layer2": 5.0,
        "validation_goodness_error/layer3": 6.0,
        "validation_head_error/layer2": 7.0,
        "validation_head_error/layer3": 8.0,
    }
    assert scalars({"error": 1.0}, about, "test_") == {"test_error": 1.0}
    assert by_layer(row, "separation", about) == {}
    assert by_layer({"loss": [1.0, 2.0]}, "loss", {}) == {1: 1.0, 2: 2.0}


class CannotStart:
    """A callback that fails before the first step."""

    def start(self, beginning):
        raise RuntimeError("no server")

    step = epoch = stop = start


def test_a_callback_that_cannot_start_leaves_the_folder_free(tmp_path):
    x, y = torch.rand(20, 4), torch.arange(20) % 2
    for watch, error, words in (
        ([CannotStart()], RuntimeError, "no server"),
        ([3], ValueError, "got 3: define at least one of them"),
        (CannotStart(), ValueError, "expects a list of callbacks, got a CannotStart"),
    ):
        trainer = ff.Trainer(ff.mlp(4, 3, num_classes=2))
        with pytest.raises(error, match=words):
            trainer.fit((x, y), epochs=1, out=tmp_path / "run", callbacks=watch)
        assert not (tmp_path / "run").exists()

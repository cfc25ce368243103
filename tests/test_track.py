"""Rows of figures survive in a JSONL file: appended, read, kept up to an epoch, cut by a crash."""

import json

import pytest

from forward_forward.track import Jsonl


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

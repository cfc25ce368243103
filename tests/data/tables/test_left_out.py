"""Columns and rows that the user leaves out of a table, and missing cells that are refused."""

import json

import numpy as np
import pandas
import pytest
from tests.data.tables.doses import rows

from forward_forward import datasets
from forward_forward.checkpoint import Run
from forward_forward.data.tables.layout import TableLayout, read_table

QUICK = ("--hidden", "4", "--epochs", "1", "--threads", "1")


def gaps() -> pandas.DataFrame:
    """The doses with a missing number in row 3, a missing text in row 5, a note in every second."""
    frame = rows(40).assign(note=["seen", None] * 20, nothing=None)
    frame.loc[2, "dose"] = None
    frame.loc[4, "colour"] = None
    return frame


def test_dropped_columns_are_no_inputs_and_new_rows_may_lack_them():
    found = read_table(rows(), drop=["cells", "new"])
    kept = read_table(rows().drop(columns=["cells", "new"]))
    assert np.array_equal(found.inputs, kept.inputs)
    assert found.layout.left_out == dict.fromkeys(("cells", "new"), "as you asked (drop)")
    for new in (rows(), rows().drop(columns=["cells", "new"]), rows()[["colour", "dose"]]):
        assert np.array_equal(found.layout.encode(new), kept.inputs)


def test_a_table_without_a_header_may_lack_dropped_columns_and_the_labels(tmp_path):
    path = tmp_path / "a.csv"
    frame = pandas.DataFrame({k: np.arange(24) * k % 7 for k in range(1, 6)})
    frame[2] = frame[2] % 2
    frame.to_csv(path, index=False, header=False)
    layout = read_table(path, target=2, drop=[1, 4]).layout
    expected = frame[[3, 5]].to_numpy().tolist()
    for columns in ([1, 2, 3, 4, 5], [1, 3, 4, 5], [3, 5], [2, 3, 5]):
        frame[columns].to_csv(path, index=False, header=False)
        assert layout.encode(path).tolist() == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"drop": ["Cels"]}, r"leave out \(drop\) among dose, .*got 'Cels': did you mean 'cells'"),
        ({"drop": ["label"]}, r"inputs to leave out \(drop\), got the labels 'label'"),
        ({"drop": ["dose", "cells", "colour", "new"]}, "a column of inputs .* as you asked"),
        ({"target": "lable"}, "column of labels among .*got 'lable': did you mean 'label'"),
        ({"missing": "ignore"}, 'missing expects "impute", "drop" or "error", got \'ignore\''),
    ],
)
def test_options_that_fit_no_column_get_a_fix(options, words):
    with pytest.raises(ValueError, match=words):
        datasets.load(rows(), **options)


@pytest.mark.parametrize("option", [{"drop": ["x"]}, {"missing": "drop"}])
def test_options_of_tables_are_refused_for_other_data(option):
    with pytest.raises(ValueError, match=r"is for tables, got .*leave it out"):
        datasets.load("digits", **option)


def test_a_column_that_new_rows_call_otherwise_is_named():
    layout = read_table(rows()).layout
    with pytest.raises(ValueError, match=r"none called 'dose' among Dose, .*: is it 'Dose'"):
        layout.encode(rows().rename(columns={"dose": "Dose"}))


def test_rows_with_missing_cells_are_dropped_where_an_input_or_the_label_lacks():
    frame = gaps().drop(columns="note")
    frame.loc[6, "label"] = None
    found = read_table(frame, "label", missing="drop")
    whole = frame.drop(index=[2, 4, 6])
    expected = read_table(whole, "label")
    assert np.array_equal(found.inputs, expected.inputs)
    assert found.labels == expected.labels
    assert found.layout.columns == expected.layout.columns
    assert "3 of 40 rows are left out, since they have missing cells" in found.notes
    again = TableLayout.from_json(json.loads(json.dumps(found.layout.as_json())))
    assert again == found.layout
    assert read_table(frame, None, again).labels == expected.labels
    assert len(again.encode(frame)) == 40  # new rows all get a label
    bad = frame.astype({"dose": object})
    bad.loc[5, "dose"] = "much"
    with pytest.raises(ValueError, match=r"row 6: expected a number in column 'dose'"):
        read_table(bad, "label", again)


def test_a_table_of_nothing_but_rows_with_missing_cells_cannot_be_dropped():
    frame = rows().assign(dose=[None, 1.5] * 12, cells=[2.5, None] * 12)
    with pytest.raises(ValueError, match=r"a row without missing cells .* got 24 with some: train"):
        read_table(frame, "label", missing="drop")


def test_missing_cells_may_be_an_error_in_training_and_in_new_rows():
    words = r"row 3: expected a value in column 'dose' of 'the frame', got a missing cell: fill it"
    with pytest.raises(ValueError, match=words):
        read_table(gaps(), "label", missing="error")
    found = read_table(rows(), missing="error")
    assert np.array_equal(found.inputs, read_table(rows()).inputs)
    many = rows().assign(colour=[None, "rot"] * 12)
    with pytest.raises(ValueError, match=r"row 1: .*'colour' .*\(12 such cells in 24 rows\)"):
        found.layout.encode(many)


def test_columns_that_are_no_inputs_may_lack_what_they_like():
    frame = gaps()
    layout = read_table(frame, "label", drop=["note", "dose", "colour"], missing="error").layout
    assert [each.name for each in layout.columns] == ["cells", "new"]
    assert len(read_table(frame, "label", drop=["note", "dose"], missing="drop").labels) == 39


def test_a_run_keeps_what_was_left_out(ff, tmp_path):
    path, run = tmp_path / "a.csv", tmp_path / "run"
    gaps().to_csv(path, index=False)
    options = ("--target", "label", "--drop", "note", "new", "--drop", "cells", "--missing", "drop")
    done = ff("train", "--data", path, *options, *QUICK, "--out", run)
    assert done.code == 0, done.err
    assert "the column 'cells' is left out: as you asked (drop)" in done.err
    assert "2 of 40 rows are left out, since they have missing cells" in done.err
    assert Run(run).about["command"]["drop"] == ["note", "new", "cells"]
    again = ff("evaluate", run, "--json")
    assert json.loads(again.out)["test_error"] == Run(run).about["test_error"]
    assert ff("train", "--resume", run).code == 0
    gaps()[["colour", "dose"]].to_csv(path, index=False)
    done = ff("predict", run, path, "--json")
    assert len(done.out.splitlines()) == 40
    for words in (("--drop", "dose"), ("--missing", "error")):
        done = ff("train", "--resume", run, *words)
        assert done.code == 2
        assert f"reads its table as it did before: omit {words[0]}" in done.err


@pytest.mark.slow
def test_a_sweep_leaves_out_the_same_and_says_so_in_its_command(ff, tmp_path):
    gaps().to_csv(tmp_path / "a.csv", index=False)
    options = ("--target", "label", "--drop", "note", "new", "--missing", "drop")
    words = ("--trials", "1", "--epochs", "1", "--search", "lr=0.01", "--out", tmp_path / "sweep")
    done = ff("sweep", "--data", tmp_path / "a.csv", *options, *words)
    assert done.code == 0, done.err
    assert "--drop note new --missing drop" in done.out

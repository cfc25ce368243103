"""What a first row is, what a frame in memory is, and what is said of it."""

import json

import numpy as np
import pandas
import pytest
import torch

from forward_forward import datasets
from forward_forward.datasets import load_like

RNG = np.random.default_rng(0)


@pytest.fixture
def frame():
    made = pandas.DataFrame(RNG.normal(size=(40, 2)), columns=["a", "b"])
    made["colour"] = pandas.Categorical(["red", "blue"] * 20)
    made["new"] = [True, False, False, True] * 10
    return made.assign(y=["p", "q"] * 20)


HEADERS = {
    "names": ("age,size,sold", True),
    "years and a label": ("2019,2020,label", True),
    "columns counted from 0, as pandas does": ("0,1,2,sold", True),
    "columns counted from 1": ("1,2,3,4", True),
    "a sample": ("0,1,7,no", False),
    "a sample that is answered by y": ("0,1,y", False),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_first_row_is_a_header_or_a_sample(tmp_path, case):
    first, header = HEADERS[case]
    cells = first.split(",")
    rows = [",".join(["1.5"] * (len(cells) - 1) + ["pq"[k % 2]]) for k in range(20)]
    (tmp_path / "a.csv").write_text("\n".join([first, *rows, ""]))
    if not header:  # so that the sample's class has others in it
        with (tmp_path / "a.csv").open("a") as file:
            file.write("\n".join([",".join(["2.5"] * (len(cells) - 1) + [cells[-1]])] * 5))
    sets = datasets.load(tmp_path / "a.csv")
    count = sum(map(len, (sets.train, sets.validation, sets.test)))
    assert count == (20 if header else 26)
    said = "the first row has numbers, so columns are called by their places, from 1"
    assert (said in sets.notes) == (not header)


def test_of_a_table_of_text_alone_it_is_said_what_its_first_row_is_taken_for(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["u,v", *["a,p", "b,q"] * 10]))
    assert datasets.load(tmp_path / "a.csv").notes[0] == (
        "the first row is taken for the names of the columns"
    )


def test_python_s_own_way_to_write_a_number_is_text(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["u,v", *["1_0,p", "2_0,q"] * 10]))
    assert datasets.load(tmp_path / "a.csv").train.shape == (2,)


def test_a_frame_is_a_table(frame, tmp_path):
    frame.to_csv(tmp_path / "a.csv", index=False)
    there, here = datasets.load(tmp_path / "a.csv"), datasets.load(frame)
    assert torch.equal(there.train.inputs, here.train.inputs)
    assert here.notes == there.notes
    assert here.layout.columns == there.layout.columns
    assert datasets.load(frame, target="colour").classes == ("blue", "red")
    pair = datasets.load((frame.drop(columns="y"), frame["y"]))
    assert torch.equal(pair.train.inputs, here.train.inputs)
    assert torch.equal(pair.train.labels, here.train.labels)
    more = load_like.alike(frame, classes=here.classes, shape=here.train.shape, layout=here.layout)
    assert len(more) == 40
    part = frame.drop(columns="y").iloc[:3], frame["y"].iloc[:3]
    other = load_like.alike(part, classes=here.classes, shape=here.train.shape, layout=here.layout)
    assert torch.equal(other.inputs, more.inputs[:3])


def test_what_a_frame_cannot_hold_is_said_with_its_row(frame):
    for column, value, words in (
        ("a", None, "row 3: expected a number in column 'a' of 'the frame', got 'nan'"),
        ("colour", None, "row 3: expected text in column 'colour' of 'the frame', got a blank"),
        ("when", pandas.Timestamp(0), "numbers, truth values or text in column 'when' .* datetime"),
    ):
        bad = frame.copy()
        bad.loc[3, column] = value
        with pytest.raises(ValueError, match=words):
            datasets.load(bad)
    with pytest.raises(ValueError, match="a label for each of 40 rows of the frame, got 3"):
        datasets.load((frame.drop(columns="y"), ["p"] * 3))


def test_options_that_have_no_use_are_refused(frame):
    x, y = torch.rand(20, 3), [0, 1] * 10
    for what, options in (
        ((x, y), {"size": 3}),
        ((x, y), {"target": "y"}),
        (frame, {"size": 3}),
        ((frame.drop(columns="y"), frame["y"]), {"target": "y"}),
    ):
        with pytest.raises(ValueError, match="leave it out"):
            datasets.load(what, **options)


def test_an_export_says_what_each_input_is(ff, frame, tmp_path):
    frame.to_csv(tmp_path / "a.csv", index=False)
    run = tmp_path / "run"
    quick = ("--hidden", "10", "--epochs", "1")
    assert ff("train", "--data", tmp_path / "a.csv", "--out", run, *quick).code == 0
    assert ff("export", run, "--to", "torch").code == 0
    about = json.loads((run / "export/export.json").read_text())
    assert about["input"]["columns"] == [
        {"column": "a", "minus": 0.0},
        {"column": "b", "minus": 0.0},
        {"column": "colour", "is": "blue"},
        {"column": "colour", "is": "red"},
        {"column": "new", "is": "False"},
        {"column": "new", "is": "True"},
    ]

"""Files and frames with all that is hard are loaded, trained on, exported and predicted from."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from tests.data.tables.doses import rows

from forward_forward import datasets
from forward_forward.checkpoint import Run


def test_a_frame_is_loaded_like_a_file(tmp_path):
    frame = rows(40)
    frame.to_csv(tmp_path / "a.csv", index=False)
    there, here = datasets.load(tmp_path / "a.csv"), datasets.load(frame)
    assert torch.equal(there.train.inputs, here.train.inputs)
    assert here.notes == there.notes
    assert here.layout == there.layout
    assert datasets.load(frame, target="colour").classes == ("rot", "süß")
    unnamed = frame.set_axis(range(5), axis=1)
    assert datasets.load(unnamed, target=2).classes == ("rot", "süß")
    pair = datasets.load((frame.drop(columns="label"), frame["label"]))
    assert torch.equal(pair.train.inputs, here.train.inputs)
    assert torch.equal(pair.train.labels, here.train.labels)
    like = {"classes": here.classes, "shape": here.train.shape, "layout": here.layout}
    more = datasets.load_like(frame, **like)
    assert len(more) == 40
    part = frame.drop(columns="label").iloc[:3], frame["label"].iloc[:3]
    other = datasets.load_like(part, **like)
    assert torch.equal(other.inputs, more.inputs[:3])


def test_what_a_frame_cannot_hold_is_said_with_its_row():
    frame = rows(40)
    for column, value, words in (
        ("dose", np.inf, "row 4: expected a number in column 'dose' of 'the frame', got 'inf'"),
        ("label", None, "row 4: expected a label in column 'label' of 'the frame', got a blank"),
        (
            "wait",
            pandas.Timedelta(1),
            "numbers, truth values, dates or text in .*'wait'",
        ),
    ):
        bad = frame.copy()
        bad.loc[3, column] = value
        with pytest.raises(ValueError, match=words):
            datasets.load(bad, target="label")
    with pytest.raises(ValueError, match="a label for each of 40 rows of the frame, got 3"):
        datasets.load((frame.drop(columns="label"), ["p"] * 3))


def test_options_that_have_no_use_are_refused():
    x, y, frame = torch.rand(20, 3), [0, 1] * 10, rows()
    for what, options in (
        ((x, y), {"size": 3}),
        ((x, y), {"target": "y"}),
        (frame, {"size": 3}),
        ((frame.drop(columns="label"), frame["label"]), {"target": "y"}),
    ):
        with pytest.raises(ValueError, match="leave it out"):
            datasets.load(what, **options)


CITIES = ("Köln", "Genf", "")


def hard(path: Path, count: int, *, labels: bool = True) -> pandas.DataFrame:
    """A table with all that is hard; the same as a typed frame."""
    rng = np.random.default_rng(count)
    kind = np.arange(count) % 2
    days = pandas.Timestamp("2021-03-01") + pandas.to_timedelta(rng.integers(0, 200, count), "D")
    size = np.round(rng.normal(2 + 6 * kind, 1), 2)
    size[rng.random(count) < 0.1] = np.nan
    frame = pandas.DataFrame(
        {
            "größe": size,
            "betrag": np.round(rng.normal(4000 - 2000 * kind, 300), 1),
            "tag": days,
            "ort": pandas.Series(rng.choice(CITIES, count)).replace("", None),
            "notiz": [f'Nr. {k}: "gut";\nsonst nichts' for k in range(count)],
            "art": np.array(["süß", "sauer"])[kind],
        }
    )
    frame = frame if labels else frame.drop(columns="art")
    written = frame.assign(betrag=frame["betrag"].map(german))
    content = written.to_csv(index=False, sep=";", decimal=",", date_format="%d.%m.%Y")
    path.write_text(content, "latin-1")
    return frame


def german(number: float) -> str:
    return f"{number:,.1f}".translate(str.maketrans(",.", ".,"))


def test_a_table_with_all_that_is_hard_is_trained_on_from_one_command(ff, tmp_path):
    path, new, run = tmp_path / "messung.csv", tmp_path / "neu.csv", tmp_path / "run"
    frame = hard(path, 120)
    done = ff("train", "--data", path, "--hidden", "16", "--epochs", "40", "--out", run)
    assert done.code == 0, done.err
    notes = [line.strip().removeprefix("data  ") for line in done.err.splitlines()]
    median = frame["größe"].median()
    assert notes[1:9] == [
        "labels are taken from the column 'art'",
        "the text is read as cp1252",
        "cells are separated by semicolons",
        "numbers are written with a decimal comma",
        "numbers, one input each: 'betrag'",
        f"the column 'größe': numbers; missing values become the median, {median:.6g}, and an"
        " additional input marks them",
        "the column 'tag': dates in the format %d.%m.%Y, read as days since 1970-01-01",
        "the column 'ort': text, one input for each of its 3 values: (missing), Genf, Köln",
    ]
    assert notes[9] == (
        "the column 'notiz' is left out: it has 120 different texts in 120 rows, more than"
        " the 50 allowed for text"
    )
    frame.to_parquet(tmp_path / "messung.parquet")
    of_csv, of_parquet, of_frame = map(datasets.load, (path, tmp_path / "messung.parquet", frame))
    for other in (of_parquet, of_frame):
        for part in ("train", "validation", "test"):
            assert torch.equal(getattr(of_csv, part).inputs, getattr(other, part).inputs)
            assert torch.equal(getattr(of_csv, part).labels, getattr(other, part).labels)
    assert hard(new, 40, labels=False).isna().any().sum() == 2
    done = ff("predict", run, new, "--json")
    labels = [json.loads(line)["label"] for line in done.out.splitlines()]
    right = sum(label == ("süß", "sauer")[k % 2] for k, label in enumerate(labels))
    assert len(labels) == 40
    assert right >= 36


@pytest.mark.slow
def test_an_export_says_what_each_input_is(ff, tmp_path):
    run = tmp_path / "run"
    rows(40).assign(dose=[None, *range(39)]).to_csv(tmp_path / "a.csv", index=False)
    quick = ("--hidden", "4", "--epochs", "1")
    assert ff("train", "--data", tmp_path / "a.csv", "--out", run, *quick).code == 0
    assert ff("export", run, "--to", "torch").code == 0
    about = json.loads((run / "export/export.json").read_text())
    assert about["input"]["columns"] == [
        {"column": "dose", "minus": 0.0, "missing": 19.0},
        {"column": "dose", "is": ""},
        {"column": "cells", "minus": 0.0, "missing": 1721.5},
        {"column": "colour", "is": "rot"},
        {"column": "colour", "is": "süß"},
        {"column": "new", "is": "False"},
        {"column": "new", "is": "True"},
    ]


OLD = Path(__file__).parent / "run_of_0_1"  # made before missing values and dates were read


def test_a_run_of_version_0_1_is_evaluated_and_labels_rows_as_it_did_then(ff, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(OLD, run)
    about = json.loads((run / "run.json").read_text())
    about["command"]["data"] = str(run / "orders.csv")
    (run / "run.json").write_text(json.dumps(about))
    done = ff("evaluate", run, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["test_error"] == pytest.approx(Run(run).about["test_error"])
    done = ff("predict", run, run / "orders.csv", "--json")
    found = [json.loads(line) for line in io.StringIO(done.out)]
    before = [json.loads(line) for line in (run / "predicted.jsonl").read_text().splitlines()]
    assert [each["label"] for each in found] == [each["label"] for each in before]
    for now, then in zip(found, before, strict=True):
        assert now["scores"] == pytest.approx(then["scores"], rel=1e-5)
    (run / "new.csv").write_text((run / "orders.csv").read_text().replace("8.05", ""))
    assert "line 2: expected a number in column 'a'" in ff("predict", run, run / "new.csv").err

"""Tables in every dialect give the same inputs, and new rows are encoded like those trained on."""

import decimal
import gzip
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pytest
import torch
from pyarrow import parquet

from forward_forward import datasets
from forward_forward.checkpoint import Run
from forward_forward.data.tables.layout import TableLayout, read_table


def rows(count: int = 24) -> pandas.DataFrame:
    """Numbers with fractions and in thousands, categories, truth values and labels."""
    k = np.arange(count)
    return pandas.DataFrame(
        {
            "dose": 0.5 * k - 3,
            "cells": 1000 + 37 * k,
            "colour": np.array(["süß", "rot"])[k % 2],
            "new": k % 3 == 0,
            "label": np.array(["yes", "no", "no"])[k % 3],
        }
    )


def csv(frame: pandas.DataFrame, **options: object) -> str:
    return frame.to_csv(index=False, **options)


def thousands(decimal_sign: str) -> pandas.DataFrame:
    def written(number: int) -> str:
        return f"{number:,}".replace(",", "." if decimal_sign == "," else ",")

    return rows().assign(cells=rows()["cells"].map(written))


TEXTS = {
    "plain": lambda: csv(rows()),
    "decimal commas": lambda: csv(rows(), sep=";", decimal=","),
    "thousands in quotes": lambda: csv(thousands(".")),
    "thousands with points": lambda: csv(thousands(","), sep=";", decimal=","),
    "bars": lambda: csv(rows(), sep="|"),
    "spaces": lambda: rows().to_string(index=False),
    "comments": lambda: "# of 2021, north\n# no dust; see below\n#\n" + csv(rows()),
    "a header with #": lambda: "#" + csv(rows()).replace("dose", "#dose").lstrip("#"),
    "sep=": lambda: "sep=;\r\n" + csv(rows(), sep=";", lineterminator="\r\n"),
    "quotes": lambda: csv(rows(), quoting=1),
    "blank lines": lambda: csv(rows()).replace("\n", "\n\n"),
    "true in lower case": lambda: csv(rows()).replace("True", "true").replace("False", "false"),
}
ENCODED = {
    "a mark": lambda path: path.write_text(TEXTS["plain"](), "utf-8-sig"),
    "latin-1": lambda path: path.write_text(TEXTS["decimal commas"](), "latin-1"),
    "utf-16": lambda path: path.write_text(csv(rows(), sep="\t"), "utf-16"),
    "gzip": lambda path: path.write_bytes(gzip.compress(TEXTS["plain"]().encode())),
}
TYPED = {
    "frame": rows,
    "frame of categories": lambda: rows().astype({"colour": "category", "dose": "Float64"}),
    "frame of objects": lambda: rows().astype(object),
    "arrow": lambda: pyarrow.Table.from_pandas(rows()),
}


@pytest.fixture(scope="module")
def expected() -> tuple[np.ndarray, list[str]]:
    found = read_table(rows())
    assert found.inputs.shape == (24, 6)
    assert np.array_equal(found.inputs[:, :2], rows()[["dose", "cells"]].to_numpy(np.float32))
    return found.inputs, found.labels


def check(what: object, expected: tuple[np.ndarray, list[str]]) -> None:
    found = read_table(what)
    assert np.array_equal(found.inputs, expected[0])
    assert found.labels == expected[1]
    again = TableLayout.from_json(json.loads(json.dumps(found.layout.as_json())))
    assert again == found.layout
    assert np.array_equal(again.encode(what), expected[0])


@pytest.mark.parametrize("dialect", [*TEXTS, *ENCODED])
def test_a_text_file_gives_the_same_inputs_in_any_dialect(tmp_path, expected, dialect):
    path = tmp_path / "a.csv"
    write = ENCODED.get(dialect) or (lambda path: path.write_text(TEXTS[dialect]()))
    write(path)
    if dialect == "a header with #":
        assert read_table(path).layout.columns[0].name == "#dose"
    check(path, expected)


@pytest.mark.parametrize("kind", TYPED)
def test_a_frame_gives_the_same_inputs(expected, kind):
    check(TYPED[kind](), expected)


def test_parquet_gives_the_same_inputs_in_one_file_or_a_folder(tmp_path, expected):
    frame = rows()
    exact = [decimal.Decimal(f"{dose:.2f}") for dose in frame["dose"]]
    table = pyarrow.table(
        {
            "dose": pyarrow.array(exact, pyarrow.decimal128(9, 2)),
            "cells": pyarrow.array(frame["cells"]),
            "colour": pyarrow.array(frame["colour"].tolist(), pyarrow.string_view()),
            "new": pyarrow.array(frame["new"]),
            "label": pyarrow.array(frame["label"].tolist()).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    check(tmp_path / "a.parquet", expected)
    (tmp_path / "spark").mkdir()
    for part in range(3):
        part_of = table.slice(8 * part, 8)
        parquet.write_table(part_of, tmp_path / f"spark/part-0000{part}.snappy.parquet")
    (tmp_path / "spark/_SUCCESS").touch()
    check(tmp_path / "spark", expected)
    sets = datasets.load(tmp_path / "spark")
    assert sets.train.shape == (6,)


def test_delimiters_in_a_quoted_header_are_none_of_the_table(tmp_path):
    path = tmp_path / "a.csv"
    for delimiter in ";\t":
        good = "".join(f"{k}.5{delimiter}{'ab'[k % 2]}\n" for k in range(9))
        path.write_text(f'"weight, kg, dry"{delimiter}label\n{good}')
        found = read_table(path)
        assert [each.name for each in found.layout.columns] == ["weight, kg, dry"]
        assert found.inputs[:, 0].tolist() == [k + 0.5 for k in range(9)]


HEADERS = {
    "names": ("age,size,sold", True),
    "years and a label": ("2019,2020,label", True),
    "years and text found nowhere below": ("2019,2020,churn", True),
    "columns counted from 0, as pandas does": ("0,1,2,sold", True),
    "columns counted from 1": ("1,2,3,4", True),
    "a sample": ("0,1,7,no", False),
    "a sample that is answered by y": ("0,1,y", False),
    "a sample with a missing number": ("0,NA,7,no", False),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_first_row_is_a_header_or_a_sample(tmp_path, case):
    first, header = HEADERS[case]
    cells = first.split(",")
    good = [",".join(["1.5"] * (len(cells) - 1) + ["pq"[k % 2]]) for k in range(20)]
    if not header:  # so that the sample's class has others in it
        good += [",".join(["2.5"] * (len(cells) - 1) + [cells[-1]])] * 5
    (tmp_path / "a.csv").write_text("\n".join([first, *good, ""]))
    sets = datasets.load(tmp_path / "a.csv")
    count = sum(map(len, (sets.train, sets.validation, sets.test)))
    assert count == (20 if header else 26)
    note = "the first row holds numbers, so columns are named 1, 2, ..."
    assert (note in sets.notes) == (not header)


def test_new_rows_have_the_header_or_the_numbered_columns_of_the_training_table(tmp_path):
    path, new = tmp_path / "a.csv", tmp_path / "new.csv"
    path.write_text("2019,2020,churn\n" + "".join(f"{k},{-k},{'pq'[k % 2]}\n" for k in range(20)))
    new.write_text("2019,2020\n7,8\n")
    assert read_table(path).layout.encode(new).tolist() == [[7, 8]]
    path.write_text("".join(f"{1 + k % 2},{k}.5,{-k}\n" for k in range(20)))
    new.write_text("7,8\n9,10\n")
    layout = read_table(path, target="1").layout
    assert layout.encode(new).tolist() == [[7, 8], [9, 10]]
    assert layout.encode(path)[3].tolist() == [3.5, -3]


def test_a_first_row_of_text_among_text_is_noted(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["u,v", *["a,p", "b,q"] * 10]))
    note = "the first row is taken as the names of the columns"
    assert datasets.load(tmp_path / "a.csv").notes[0] == note


def test_python_s_own_way_to_write_a_number_is_text(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["u,v", *["1_0,p", "2_0,q"] * 10]))
    assert datasets.load(tmp_path / "a.csv").train.shape == (2,)


def test_an_ambiguous_number_is_read_as_in_the_training_table(tmp_path):
    path, new = tmp_path / "a.csv", tmp_path / "new.csv"
    path.write_text("a;y\n" + "".join(f"1,{k}5;{'pq'[k % 2]}\n" for k in range(9)))
    new.write_text('a,b\n"1,250",x\n')
    assert read_table(path).layout.encode(new).tolist() == [[1.25]]


def test_missing_numbers_become_the_median_and_are_marked():
    frame = rows().assign(dose=[None, *range(1, 23), None], cells=range(24))
    found = read_table(frame)
    assert found.inputs[[0, 1, 23], :3].tolist() == [[11.5, 1, 0], [1, 0, 1], [11.5, 1, 23]]
    new = frame.iloc[:2].assign(cells=[None, 5.0])  # none was missing there in training
    assert found.layout.encode(new)[:, :3].tolist() == [[11.5, 1, 11.5], [1, 0, 5]]
    assert found.layout.inputs()[:2] == [
        {"column": "dose", "minus": 0.0, "missing": 11.5},
        {"column": "dose", "is": ""},
    ]


def test_missing_text_is_a_category_of_its_own():
    colours = ["red", None, "NA", "blue", *["red"] * 20]
    found = read_table(rows().assign(colour=colours, cells=1.0))
    assert found.layout.columns[2].categories == ("", "blue", "red")
    assert found.inputs[:4, 2:5].tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 0], [0, 1, 0]]
    new = rows(2).assign(new=[None, True])  # none was missing there in training
    encoded = found.layout.encode(new.assign(colour=["?", "red"]))
    assert encoded[:, 2:].tolist() == [[1, 0, 0, 0, 0], [0, 0, 1, 0, 1]]


DATES = {
    "%Y-%m-%d": "ISO8601",
    "%Y-%m-%dT%H:%M:%SZ": "ISO8601",
    "%d.%m.%Y": "%d.%m.%Y",
    "%d.%m.%Y %H:%M": "%d.%m.%Y %H:%M",
    "%m/%d/%Y": "%m/%d/%Y",
    "%d/%m/%Y": "%d/%m/%Y",
}


@pytest.mark.parametrize("form", DATES)
def test_dates_are_days_whether_they_are_text_or_typed(form):
    days = pandas.to_datetime(np.arange(18_690, 18_714), unit="D")
    written = rows().assign(dose=days.strftime(form))
    found, typed = read_table(written), read_table(rows().assign(dose=days))
    assert found.layout.columns[0].date == DATES[form]
    assert found.inputs[:, 0].tolist() == (np.arange(18_690, 18_714) - found_offset(found)).tolist()
    assert np.array_equal(found.inputs, typed.inputs)
    with pytest.raises(ValueError, match=r"row 1: expected a date .* in column 'dose'.* 'soon'"):
        found.layout.encode(written.assign(dose="soon"))


def found_offset(found: object) -> float:
    return found.layout.columns[0].offset


def test_columns_that_say_nothing_are_left_out_with_the_reason():
    frame = rows(60).assign(note=[f"note {k}" for k in range(60)], Id=range(1, 61), none=None)
    found = read_table(frame, "label")
    assert found.layout.left_out == {
        "note": "it has 60 different texts in 60 rows, and a column of text may have at most 50",
        "Id": "it numbers the rows",
        "none": "it has no values",
    }
    assert np.array_equal(found.inputs, read_table(rows(60)).inputs)
    assert np.array_equal(found.layout.encode(rows(60)), found.inputs)
    shuffled = frame.assign(Id=frame["Id"].to_numpy()[::-1])  # an input like any other
    assert "Id" not in read_table(shuffled, "label").layout.left_out


def test_a_cell_may_be_longer_than_the_csv_modules_limit(tmp_path):
    notes = ["none", "log: " + "all is well; " * 12_000] * 12
    csv_text = csv(rows().assign(colour=notes))
    (tmp_path / "a.csv").write_text(csv_text)
    assert read_table(tmp_path / "a.csv").inputs.shape == (24, 6)


def test_a_line_is_named_below_quoted_line_ends(tmp_path):
    text = 'a,note,y\n1,"two\nlines",p\n\n2,x,q\nmany,x,p\n3,x,q\n'
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=r"line 6: expected a number in column 'a' .* got 'many'"):
        read_table(tmp_path / "a.csv")


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
        f"the column 'größe': numbers; missing values become the median, {median:.6g}, and a"
        " further input marks them",
        "the column 'tag': dates in the format %d.%m.%Y, read as days since 1970-01-01",
        "the column 'ort': text, one input for each of its 3 values: (missing), Genf, Köln",
    ]
    assert notes[9] == (
        "the column 'notiz' is left out: it has 120 different texts in 120 rows, and a column of"
        " text may have at most 50"
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

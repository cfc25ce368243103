"""Tables in every dialect give the same inputs, and new rows are encoded like those trained on."""

import decimal
import gzip
import json
import lzma

import numpy as np
import pandas
import pyarrow
import pytest
from pyarrow import parquet
from tests.data.tables.doses import rows

from forward_forward import datasets
from forward_forward.data.tables.layout import TableLayout, read_table


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
    "xz": lambda path: path.write_bytes(lzma.compress(TEXTS["plain"]().encode())),
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
    note = "the first row is a sample, so columns are named 1, 2, ..."
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
    note = "the first row is read as the header"
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
        "note": "it has 60 different texts in 60 rows, more than the 50 allowed for text",
        "Id": "it numbers the rows",
        "none": "it has no values",
    }
    assert np.array_equal(found.inputs, read_table(rows(60)).inputs)
    assert np.array_equal(found.layout.encode(rows(60)), found.inputs)
    repeated = frame.assign(Id=frame["Id"] // 2)  # an input like any other
    assert "Id" not in read_table(repeated, "label").layout.left_out


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

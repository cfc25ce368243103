"""What is said of a table: of its columns, and of cells that do not fit; with a fix."""

import pytest
from tests.data.tables.doses import rows

from forward_forward.data.tables.layout import read_table


def described(**columns: object) -> list[str]:
    return read_table(rows().assign(**columns), "label").layout.describe()


def test_a_category_is_named_on_one_line():
    note = ["two\nlines", "a tab\there", "süß"] * 8
    expected = "text, one input for each of its 3 values: a tab\\there, süß, two\\nlines"
    assert f"the column 'note': {expected}" in described(note=note)


def test_a_column_of_one_value_is_said_to_have_one():
    assert "the column 'same': text, one input for its one value: x" in described(same="x")


@pytest.mark.parametrize(
    ("texts", "listed"),
    [
        (["", "blau", "gruen"], r"\(missing\), blau, gruen in"),
        (list("abcdefgh"), r"a, b, c, d, e, f, \.\.\. in"),
        (["a\nb", "c"], r"a\\nb, c in"),
    ],
)
def test_a_new_category_gets_the_known_ones_and_a_fix(texts, listed):
    frame = rows().assign(colour=(texts * 24)[:24])
    layout = read_table(frame, "label").layout
    fix = "correct the cell or leave the row out, or train again on data that contain it"
    with pytest.raises(ValueError, match=rf"row 1: expected one of {listed} .*'new'.*: {fix}"):
        layout.encode(frame.assign(colour=["new", *frame["colour"][1:]]))


def test_an_empty_column_is_not_said_to_number_the_rows(tmp_path):
    lines = [f"{k};{k * k};{'pq'[k % 2]};" for k in range(24)]
    (tmp_path / "a.csv").write_text("\n".join(["a;b;label;", *lines]))
    assert read_table(tmp_path / "a.csv").layout.left_out == {"": "it has no values"}


@pytest.mark.parametrize("name", ["", "Unnamed: 3", "__index_level_0__"])
def test_an_index_of_texts_is_not_said_to_number_the_rows(name):
    frame = rows().assign(**{name: [f"key {k}" for k in range(24)]})
    said = "it is named like the index of a data frame"
    assert read_table(frame, "label").layout.left_out == {name: said}


@pytest.mark.parametrize(
    ("number", "said"), [("{}", False), ("{},5", True), ("1,{:03}", True), ("{}.5", False)]
)
def test_a_decimal_comma_is_said_to_be_there_if_a_number_has_one(tmp_path, number, said):
    lines = [f"{number.format(k)};{k * k};{'pq'[k % 2]}" for k in range(24)]
    (tmp_path / "a.csv").write_text("\n".join(["a;b;label", *lines]))
    notes = read_table(tmp_path / "a.csv").notes
    assert ("numbers are written with a decimal comma" in notes) is said

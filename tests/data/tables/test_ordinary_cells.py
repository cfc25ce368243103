"""Cells as people write them: money, percent, truth values, numbers that only name their rows."""

import numpy as np
import pandas
import pytest
from tests.data.tables.doses import rows

from forward_forward import datasets
from forward_forward.data.tables.layout import read_table


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("$1,250", "$3.50", "-$7"), (1250, 3.5, -7)),
        (("1.250,5 €", "3 €", "−7,25€"), (1250.5, 3, -7.25)),
        (("12%", "0.5 %", "100%"), (12, 0.5, 100)),
    ],
)
def test_numbers_may_have_a_unit(cells, numbers):
    frame = rows().assign(dose=cells * 8)
    assert read_table(frame).inputs[:3, 0].tolist() == list(numbers)


def test_classes_keep_their_unit(tmp_path):
    frame = rows().assign(label=["20%", "50%"] * 12)
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert read_table(tmp_path / "a.csv").labels[:2] == ["20%", "50%"]


@pytest.mark.parametrize("spelt", [("TRUE", "false"), ("1", "0"), ("1.0", "0.0"), ("Yes", "n")])
def test_truth_values_are_known_however_they_are_spelt(spelt):
    typed = rows()
    found = read_table(typed)
    written = typed.assign(new=np.where(typed["new"], *spelt))
    assert np.array_equal(found.layout.encode(written), found.inputs)
    with pytest.raises(
        ValueError, match=r"expected one of False, True in column 'new'.* 'perhaps'"
    ):
        found.layout.encode(written.assign(new="perhaps"))


def test_truth_values_are_0_and_1_where_numbers_were():
    frame = rows().assign(new=rows()["new"].astype(int))
    found = read_table(frame)
    assert np.array_equal(found.layout.encode(rows()), found.inputs)


def test_labels_that_are_truth_values_are_known_however_they_are_spelt(tmp_path):
    frame = rows(40).rename(columns={"new": "target"})
    sets = datasets.load(frame)
    like = {"classes": sets.classes, "shape": sets.train.shape, "layout": sets.layout}
    expected = datasets.load_like(frame, **like).labels
    assert sorted(set(expected.tolist())) == [0, 1]
    for spelt in (("true", "false"), (1, 0)):
        frame.assign(target=np.where(frame["target"], *spelt)).to_csv(tmp_path / "a.csv")
        assert datasets.load_like(tmp_path / "a.csv", **like).labels.equal(expected)


def shuffled(count: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(count)


IDENTIFIERS = {
    "counted from 501": ("PassengerId", range(501, 525)),
    "counted downwards": ("row", range(24, 0, -1)),
    "a counter of another name": ("S. No.", range(1, 25)),
    "in no order": ("customer_id", shuffled(24) * 7),
    "in no order, in camel case": ("orderId", shuffled(24)),
    "text": ("key", [f"P-{k}" for k in shuffled(24)]),
}
INPUTS = {
    "a word that ends in id": ("paid", shuffled(24) * 7),
    "ids that come again": ("shop_id", shuffled(24) // 3),
    "a count of another name": ("day", range(24)),
    "ids with fractions": ("id", shuffled(24) / 7),
}


@pytest.mark.parametrize("case", IDENTIFIERS)
def test_what_names_the_rows_is_no_input(case):
    name, cells = IDENTIFIERS[case]
    found = read_table(rows().assign(**{name: cells}), "label")
    assert name in found.layout.left_out
    assert np.array_equal(found.inputs, read_table(rows()).inputs)


@pytest.mark.parametrize("case", INPUTS)
def test_what_names_no_rows_is_an_input(case):
    name, cells = INPUTS[case]
    found = read_table(rows().assign(**{name: pandas.Series(cells)}), "label")
    assert name in [each.name for each in found.layout.columns]

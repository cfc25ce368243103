"""The first rows of tables: which are headers, which are samples, which are comments."""

import bz2
import random
import zipfile

import pytest

from forward_forward import datasets
from forward_forward.data.tables.layout import read_table

LABELS = ("yes", "no")


def written(tmp_path, header, row, count=60):
    """A table of this header and of rows made by a function of a generator and a label."""
    rng = random.Random(0)
    lines = [row(rng, LABELS[k % 2], k) for k in range(count)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([*([] if header is None else [header]), *lines, ""]))
    return path


HEADERS = {
    "years beside names, all of them different": (
        "name,2019,2020,churn",
        lambda rng, y, k: f"person {k},{rng.randrange(9)},{rng.randrange(99)},{y}",
    ),
    "years in order alone": (
        "2018,2019,2020,2021",
        lambda rng, y, k: f"{rng.randrange(9)},{rng.randrange(99)},3,{y == 'yes':d}",
    ),
    "years backwards": (
        "2020,2019,2018",
        lambda rng, y, k: f"{rng.randrange(9)},{rng.randrange(99)},{y == 'yes':d}",
    ),
}
SAMPLES = {
    "years": lambda rng, y, k: f"{2001 + rng.randrange(4)},{2009 + rng.randrange(4)},{y}",
    "text in every column": lambda rng, y, k: f"{rng.choice('ab')},{rng.choice('ab?')},{y}",
    "colours that begin like comments": lambda rng, y, k: f"#ff{k % 5}0,{rng.random():.2f},{y}",
    "decimal commas between spaces": lambda rng, y, k: f"{k},25 {rng.randrange(9)},50 {y}",
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header(tmp_path, case):
    header, row = HEADERS[case]
    path = written(tmp_path, header, row)
    found = read_table(path)
    *names, target = header.split(",")
    assert (len(found.labels), found.layout.target) == (60, target)
    assert {each.name for each in found.layout.columns} <= set(names)
    assert len(found.layout.encode(path)) == 60


@pytest.mark.parametrize("case", SAMPLES)
def test_a_sample(tmp_path, case):
    found = read_table(written(tmp_path, None, SAMPLES[case]))
    assert not found.layout.header
    assert sorted(set(found.labels)) == ["no", "yes"]
    assert [each.name for each in found.layout.columns] == ["1", "2"]
    assert len(found.labels) == 60


def test_new_rows_of_a_table_without_a_header_have_none(tmp_path):
    path = written(tmp_path, None, SAMPLES["text in every column"])
    layout, new = read_table(path).layout, tmp_path / "new.csv"
    new.write_text("a,b\n")
    one = layout.encode(new)
    new.write_text("a,b\na,b\nb,b\n")
    assert layout.encode(new)[[0]].tolist() == one.tolist()
    path.write_text("".join(f"{1 + k % 2},{k % 5},{k % 7}\n" for k in range(60)))
    layout = read_table(path, target="1").layout
    new.write_text("3,2\n4,4\n")  # like the numbers of the columns, in another order
    assert layout.encode(new).tolist() == [[3, 2], [4, 4]]


def test_comments_may_begin_otherwise_and_follow_excels_line(tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"{k},{k * k},{LABELS[k % 2]}\n" for k in range(20))
    for comment in ("% of 2021\n%\n", "// of 2021\n"):
        path.write_text(f"{comment}a,b,label\n{rows}")
        assert read_table(path).inputs.shape == (20, 2)
    path.write_text("sep=;\n# of 2021\n" + f"a,b,label\n{rows}".replace(",", ";"))
    assert read_table(path).inputs.shape == (20, 2)


def test_the_empty_name_after_a_last_delimiter_is_not_that_of_the_labels(tmp_path):
    rows = "".join(f"{k},{LABELS[k % 2]},\n" for k in range(20))
    (tmp_path / "a.csv").write_text(f"a,kind,\n{rows}")
    assert read_table(tmp_path / "a.csv").layout.target == "kind"


def test_compressed_tables_are_read_where_they_lie(tmp_path):
    text = "a,kind\n" + "".join(f"{k},{LABELS[k % 2]}\n" for k in range(20))
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(text.encode()))
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("data/a.csv", text)
        archive.writestr("__MACOSX/data/._a.csv", "x")
    for name in ("a.csv.bz2", "a.csv.zip"):
        sets = datasets.load(tmp_path / name)
        assert (sets.classes, sets.train.name) == (("no", "yes"), "a")
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "a") as archive:
        archive.writestr("b.csv", text)
    with pytest.raises(ValueError, match=r"a zip of one table, got 2 files in .*a\.csv\.zip"):
        datasets.load(tmp_path / "a.csv.zip")
    for name in ("a.csv.bz2", "a.csv.zip"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:10] + bytes(10) + whole[20:30])
        with pytest.raises(ValueError, match=r"a whole (zip|compressed) file, got .*a\.csv\."):
            datasets.load(tmp_path / name)
    (tmp_path / "b.csv").write_text("BZh\n" + text.partition("\n")[2].replace(",", ""))
    with pytest.raises(ValueError, match="a column of labels and one or more of inputs"):
        datasets.load(tmp_path / "b.csv")

"""Sets of Hugging Face: saved folders, and a stand-in for what would be downloaded."""

import numpy as np
import pytest
import torch
from PIL import Image
from tests.conftest import called

import datasets as hf
import forward_forward as ff

SHADES = np.arange(30, dtype=np.uint8)
PETS = hf.ClassLabel(names=["dog", "cat"])


def pictures(count=30, mode="L", side=(5, 4), labels=None):
    """Pictures of two classes, each of one shade, width x height."""
    found = [Image.new("L", side, int(shade)).convert(mode) for shade in SHADES[:count]]
    pets = labels if labels is not None else [k % 2 for k in range(count)]
    features = hf.Features({"image": hf.Image(), "label": PETS})
    return hf.Dataset.from_dict({"image": found, "label": pets}, features=features)


def saved(found, folder) -> str:
    found.save_to_disk(str(folder))
    return f"hf:{folder}"


def test_pictures_keep_their_parts_and_the_names_of_their_classes(tmp_path):
    parts = {"train": pictures(30), "test": pictures(6), "unsupervised": pictures(2)}
    sets = ff.datasets.load(saved(hf.DatasetDict(parts), tmp_path / "pets"))
    assert [len(each) for each in (sets.train, sets.validation, sets.test)] == [26, 4, 6]
    assert sets.classes == ("dog", "cat")
    assert (sets.train.shape, sets.train.name) == ((1, 4, 5), "pets")
    assert torch.equal(sets.test.inputs[:, 0, 0, 0], torch.from_numpy(SHADES[:6]))
    assert sets.test.labels.tolist() == [0, 1] * 3
    assert "parts that are not used: unsupervised" in sets.notes


def test_pictures_are_scaled_and_grey_ones_join_those_in_colour(tmp_path):
    mixed = hf.concatenate_datasets([pictures(10), pictures(10, "RGB", (7, 7))])
    name = saved(mixed, tmp_path / "pets")
    with pytest.raises(ValueError, match=r"train, row 10: expected a picture of 4 x 5 .*--size N"):
        ff.datasets.load(name)
    assert ff.datasets.load(name, size=(3, 2)).train.shape == (3, 3, 2)


def test_a_test_part_without_labels_is_not_used(tmp_path):
    parts = hf.DatasetDict({"train": pictures(), "test": pictures(4, labels=[-1] * 4)})
    sets = ff.datasets.load(saved(parts, tmp_path / "pets"))
    assert "the test part has no labels and is not used" in sets.notes
    assert len(sets.test) == 6  # drawn from the others
    some = saved(pictures(4, labels=[0, 1, -1, 1]), tmp_path / "some")
    with pytest.raises(ValueError, match="train, row 2: expected a label, got none"):
        ff.datasets.load(some)


@pytest.mark.parametrize("kind", [hf.Array2D((2, 3), "uint8"), hf.List(hf.Value("float32"), 6)])
def test_columns_of_arrays_are_inputs(tmp_path, kind):
    rows = np.arange(180).reshape(30, 6)
    values = rows.reshape(30, 2, 3) if isinstance(kind, hf.Array2D) else rows
    features = hf.Features({"pixels": kind, "note": hf.Value("string"), "y": hf.Value("int64")})
    columns = {"pixels": values.tolist(), "note": ["x"] * 30, "y": [3, 7] * 15}
    found = hf.Dataset.from_dict(columns, features=features)
    sets = ff.datasets.load(saved(found, tmp_path / "set"))
    assert sets.classes == ("3", "7")
    assert sets.train.shape == ((1, 2, 3) if isinstance(kind, hf.Array2D) else (6,))
    assert "inputs are the arrays in 'pixels'; left out: note" in sets.notes


def table(count=60, **more):
    rng = np.random.default_rng(count)
    sex = hf.ClassLabel(names=["f", "m"])
    columns = {"age": rng.normal(size=count), "sex": rng.integers(2, size=count), **more}
    columns["kind"] = rng.choice(["rose", "iris"], count)
    features = {"age": hf.Value("float64"), "sex": sex, "kind": hf.Value("string")}
    features |= {name: hf.Value("float64") for name in more}
    return hf.Dataset.from_dict(columns, features=hf.Features(features))


def test_numbers_and_texts_are_a_table(tmp_path):
    parts = hf.DatasetDict({"train": table(), "validation": table(8), "test": table(9)})
    name = saved(parts, tmp_path / "flowers")
    with pytest.raises(ValueError, match=r"the column of labels among age, sex, kind in .*'b'"):
        ff.datasets.load(name, target="b")
    sets = ff.datasets.load(name, target="kind")
    assert [len(each) for each in (sets.train, sets.validation, sets.test)] == [60, 8, 9]
    assert (sets.classes, sets.train.shape) == (("iris", "rose"), (3,))
    assert "the column 'sex': text, one input for each of its 2 values: f, m" in sets.notes
    assert ff.datasets.load(name, target="kind", drop=["sex"]).train.shape == (1,)
    assert ff.datasets.load(name, target="age").classes == ()  # a number to predict


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ({"a": [1, 2], "b": [0, 1]}, {}, "expected one column of labels .* got a, b: name it"),
        ({"a": [1, 2], "label": [0, 1]}, {"target": "lable"}, "did you mean 'label'"),
        ({"a": [1, 2], "label": [0, 1]}, {"drop": ["b"]}, "columns to leave out"),
        ({"a": [[1], [2]], "b": [[1], [2]], "y": [0, 1]}, {}, "expected one column of arrays"),
        ({"a": [[1], [2, 3]], "y": [0, 1]}, {}, "expected arrays of one shape in the column 'a'"),
        ({"a": [{"x": 1}] * 2, "y": [0, 1]}, {}, "expected a column of pictures, arrays"),
        ({"a": [[1], [2]], "y": [0, 1]}, {"size": 3}, "size=3 is for pictures in files"),
        ({"a": [[1], [2]], "y": [0, 1]}, {"missing": "drop"}, "missing='drop' is for tables"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, columns, options, words):
    name = saved(hf.Dataset.from_dict(columns), tmp_path / "set")
    with pytest.raises(ValueError, match=words):
        ff.datasets.load(name, **options)


def test_a_folder_that_is_none_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"expected a folder that save_to_disk .*leave out hf:"):
        ff.datasets.load(f"hf:{tmp_path}")
    with pytest.raises(ValueError, match=r"got 'hf:./nothing', which does not exist"):
        ff.datasets.load("hf:./nothing")
    with pytest.raises(ValueError, match=r"expected hf:NAME or hf:NAME:CONFIG.*got 'hf:'"):
        ff.datasets.load("hf:")


def test_a_set_of_the_hub_is_asked_for_by_name_and_configuration(monkeypatch):
    asked = []

    def load(*which):
        asked.append(which)
        if which[0] == "offline":
            raise ConnectionError("no route to host")
        return hf.DatasetDict({"train": pictures()})

    monkeypatch.setattr(hf, "load_dataset", load)
    assert ff.datasets.load("hf:me/pets").train.name == "hf:me/pets"
    ff.datasets.load("hf:me/pets:small")
    assert asked == [("me/pets", None), ("me/pets", "small")]
    with pytest.raises(ff.datasets.DataUnavailable, match="ConnectionError: no route to host"):
        ff.datasets.load("hf:offline")


def test_a_missing_package_gets_a_line_for_pip(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(ImportError, match=r'pip install "forward-forward\[hf\]"'):
        ff.datasets.load(f"hf:{tmp_path}")


def test_a_run_is_evaluated_from_anywhere_and_on_other_sets(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    saved(pictures(), "pets")
    saved(hf.DatasetDict({"train": pictures(), "test": pictures(8, "RGB")}), "others")
    options = ("--epochs", "2", "--hidden", "8", "--threads", "1")
    done = called("train", "--data", "hf:./pets", *options, "--out", "run")
    assert done.code == 0, done.err
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert called("evaluate", "../run").code == 0
    done = called("evaluate", "../run", "--data", "hf:../others", "--out", "eight.csv")
    assert done.code == 0, done.err
    assert len((tmp_path / "elsewhere" / "eight.csv").read_text().splitlines()) == 9


def test_a_run_on_a_table_of_hugging_face_is_evaluated_on_another(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    saved(table(), "flowers")
    saved(hf.DatasetDict({"train": table(), "test": table(9)}), "others")
    options = ("--target", "kind", "--epochs", "2", "--hidden", "8", "--threads", "1")
    done = called("train", "--data", "hf:flowers", *options, "--out", "run")
    assert done.code == 0, done.err
    done = called("evaluate", "run", "--data", "hf:others", "--out", "nine.csv")
    assert done.code == 0, done.err
    assert len((tmp_path / "nine.csv").read_text().splitlines()) == 10


def test_rows_and_dict_batches_are_trained_on_directly():
    found = hf.Dataset.from_dict({"image": np.eye(8).tolist() * 3, "label": [0, 1] * 12})
    loader = torch.utils.data.DataLoader(found.with_format("torch"), batch_size=6)
    for data in (found, loader):
        fitted = ff.Trainer(ff.mlp(8, 6, num_classes=2)).fit(data, epochs=1, batch_size=6)
        assert len(fitted.history) == 1

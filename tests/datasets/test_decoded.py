"""The cache of decoded arrays: damage, a crash, a read-only cache, several processes at once."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forward_forward.datasets.decoded import Arrays, decoded


def make() -> Arrays:
    values = np.arange(120, dtype=np.uint8)
    return {"images": values.reshape(10, 3, 2, 2), "labels": values[:10]}


def check(arrays: Arrays) -> None:
    assert arrays.keys() == {"images", "labels"}
    for name, expected in make().items():
        assert (arrays[name].dtype, arrays[name].shape) == (np.uint8, expected.shape)
        assert np.array_equal(arrays[name], expected)


def refuse() -> Arrays:
    pytest.fail("the arrays were made again")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "set" / "1"


def test_a_second_call_maps_the_files_and_cannot_change_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "forward_forward.datasets")
    check(decoded("set/1", make))
    assert [each.partition(": ")[2] for each in caplog.messages] == [
        "the set is read and decoded once"
    ]
    mapped = decoded("set/1", refuse)
    assert all(isinstance(each, np.memmap) for each in mapped.values())
    mapped["images"][:] = 0
    check(decoded("set/1", refuse))
    assert len(caplog.messages) == 1


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def reshape(path: Path) -> None:
    np.save(path, np.load(path).reshape(10, 12))


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("images.npy", cut),
        ("images.npy", flip),
        ("images.npy", reshape),
        ("images.npy", empty),
        ("labels.npy", flip),
        ("sha256.json", cut),
    ],
)
def test_a_damaged_copy_is_made_again_and_said(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    damage: Callable[[Path], None],
) -> None:
    decoded("set/1", make)
    damage(folder / name)
    caplog.clear()
    check(decoded("set/1", make))
    assert len(caplog.records) == 1
    assert "is damaged and is made again" in caplog.text
    check(decoded("set/1", refuse))


def test_an_interrupted_copy_is_not_taken_for_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.replace

    def crash(source: Path, target: Path) -> None:
        if target.name == "labels.npy":
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            decoded("set/1", make)
    check(decoded("set/1", make))  # which would wait for ever if the lock were still held


def test_a_failure_to_make_them_passes_through(folder: Path) -> None:
    def fail() -> Arrays:
        raise OSError("no such archive")

    with pytest.raises(OSError, match="no such archive"):
        decoded("set/1", fail)
    assert [path.name for path in folder.iterdir() if path.name != ".lock"] == []
    check(decoded("set/1", make))


def test_without_a_writable_cache_the_arrays_are_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    check(decoded("set/1", make))
    assert "cannot be kept in the cache" in caplog.text


def test_a_full_disk_costs_the_copy_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    check(decoded("set/1", make))
    assert "could not be written: [Errno 28]" in caplog.text


MAKE = """
import sys, time
import numpy as np
from forward_forward.datasets.decoded import decoded

def make():
    with open(sys.argv[1], "a") as log:
        log.write("made\\n")
    time.sleep(0.3)  # the others should find the lock taken; the test holds if they do not
    return {"values": np.arange(100, dtype=np.uint8)}

print(int(decoded("set", make)["values"].sum()))
"""


@pytest.mark.slow
def test_of_several_processes_one_makes_them(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKE, str(tmp_path / "log")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [each.communicate()[0].strip() for each in running] == ["4950"] * 3
    assert (tmp_path / "log").read_text() == "made\n"

"""Random damage of files that are read -> the undamaged answer, or a sentence."""

import gzip
import io
import random
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tests.chaos.kills import TRAIN
from tests.chaos.sandbox import run

import forward_forward as ff
from forward_forward.checkpoint import Run

Answer = tuple[object, ...]


@dataclass(frozen=True)
class Subject:
    """Files that are read, and what is read from them.

    Args:
        paths: The files.
        read: What is read: equal for undamaged files, and a ValueError or OSError otherwise.
        checked: Whether the format has checksums, so that changed content cannot go unnoticed.
        weight: How often it is chosen.
    """

    paths: tuple[Path, ...]
    read: Callable[[], Answer]
    checked: bool = True
    weight: int = 1


def flipped(content: bytes, chance: random.Random) -> bytes:
    """One bit is another one."""
    place = chance.randrange(8 * len(content))
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def truncated(content: bytes, chance: random.Random) -> bytes:
    """The end is missing."""
    return content[: chance.randrange(len(content))]


def zeroed(content: bytes, chance: random.Random) -> bytes:
    """A block is zero."""
    start = chance.randrange(len(content))
    stop = min(start + chance.choice([1, 16, 512, 4096]), len(content))
    return content[:start] + bytes(stop - start) + content[stop:]


def garbled(content: bytes, chance: random.Random) -> bytes:
    """A block is random."""
    start = chance.randrange(len(content))
    stop = min(start + chance.choice([1, 16, 512]), len(content))
    return content[:start] + chance.randbytes(stop - start) + content[stop:]


def inserted(content: bytes, chance: random.Random) -> bytes:
    """Some bytes are there twice."""
    start = chance.randrange(len(content))
    return content[:start] + content[max(0, start - chance.choice([1, 16, 512])) :]


KINDS = (flipped, truncated, zeroed, garbled, inserted)


class Damager:
    """Damages files, and tells what was taken as whole.

    Args:
        folder: Where to work; its content is removed.
        seed: For the files and their damage.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.subjects = {**run_subjects(folder), **data_subjects(folder)}
        self.answers = {name: each.read() for name, each in self.subjects.items()}

    def strike(self) -> tuple[str, str | None]:
        """Damage one file: what was read from it, and what went wrong, if anything."""
        names, weights = zip(*((k, v.weight) for k, v in self.subjects.items()), strict=True)
        (name,) = self.random.choices(names, weights)
        subject, kind = self.subjects[name], self.random.choice(KINDS)
        path = self.random.choice(subject.paths)
        whole = path.read_bytes()
        damaged = kind(whole, self.random)
        path.write_bytes(damaged)
        try:
            wrong = None if damaged == whole else self._wrong(name, path)
        finally:
            path.write_bytes(whole)
        return name, None if wrong is None else f"{path.name} {kind.__name__}: {wrong}"

    def _wrong(self, name: str, path: Path) -> str | None:
        subject = self.subjects[name]
        try:
            answer = subject.read()
        except (ValueError, OSError) as error:
            said = str(error)
            if "expected" not in said and path.name not in said:
                return f"a message without the file: {type(error).__name__}: {said[:300]}"
            return None
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if subject.checked and answer != self.answers[name]:
            return "taken as whole, with another content"
        return None


def flips(folder: Path, count: int, seed: int) -> list[str]:
    """Single bits flipped in the files of the last checkpoint, each of which must be refused."""
    chance = random.Random(seed)
    subject = run_subjects(folder)["run"]
    paths = [each for each in subject.paths if each.parent.name == "last"]
    accepted = []
    for _ in range(count):
        path = chance.choice([each for each in paths if each.name != "manifest.json"])
        whole = path.read_bytes()
        path.write_bytes(flipped(whole, chance))
        try:
            subject.read()
            accepted.append(path.name)
        except ValueError as error:
            if path.name not in str(error):
                accepted.append(f"{path.name} is not named: {error}")
        path.write_bytes(whole)
    return accepted


def run_subjects(folder: Path) -> dict[str, Subject]:
    """A trained run, as a network and as what a resumed training continues."""
    if not (folder / "r").exists():
        assert run([*TRAIN, "--out", "r"], folder).code == 0
    path = folder / "r"
    x = torch.linspace(0, 1, 128).view(2, 64)

    def read() -> Answer:
        opened = Run(path)
        network = ff.load(path)
        tensors = opened.last()
        assert tensors is not None
        numbers = [each.double().sum().item() for part in tensors[:2] for each in part.values()]
        seen = network.goodness(x).double().sum().item()
        return seen, numbers, tensors[2], opened.rows(), dict(opened.about)

    names = ("*.json", "metrics.jsonl", "checkpoints/*/*")
    return {
        "run": Subject(tuple(sorted(p for name in names for p in path.glob(name))), read, weight=8)
    }


def data_subjects(folder: Path) -> dict[str, Subject]:
    """Sets of small pictures and tables in each format."""
    place = folder / "data"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    numbers = np.random.default_rng(0)
    pictures = numbers.integers(0, 255, (60, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 3
    np.savez(place / "a.npz", x=pictures, y=labels)
    np.savez_compressed(place / "b.npz", x=pictures, y=labels)
    encoded = {
        f"p/{y}/{i}.png": png(x) for i, (x, y) in enumerate(zip(pictures, labels, strict=True))
    }
    with zipfile.ZipFile(place / "a.zip", "w") as archive:
        for name, content in encoded.items():
            archive.writestr(name, content)
    for ending, mode in (("tar", "w"), ("tar.gz", "w:gz"), ("tar.xz", "w:xz")):
        with tarfile.open(place / f"a.{ending}", mode) as archive:
            for name, content in encoded.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    lines = [
        "a,b,kind",
        *(f"{x[0, 0]},{x[0, 1]},k{y}" for x, y in zip(pictures, labels, strict=True)),
    ]
    (place / "a.csv").write_text("\n".join(lines) + "\n")
    (place / "a.csv.gz").write_bytes(gzip.compress((place / "a.csv").read_bytes(), mtime=0))
    unchecked = {"a.csv"}
    return {
        each.name: Subject((each,), lambda path=each: loaded(path), each.name not in unchecked)
        for each in sorted(place.iterdir())
    }


def png(pixels: np.ndarray) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def loaded(path: Path) -> Answer:
    """The samples of a set, by part."""
    sets = ff.datasets.load(str(path))
    parts = (sets.train, sets.validation, sets.test)
    found = [next(part.batches(1000)) for part in parts]
    return tuple((x.double().sum().item(), y.tolist()) for x, y, _ in found)

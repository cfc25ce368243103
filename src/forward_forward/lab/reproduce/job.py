"""One training run in plain values: the method, its settings, data, epochs and seed."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forward_forward import datasets
from forward_forward.data import Data

# Increment it when a change makes runs differ from those in older ledgers.
PROTOCOL = 1
# Validation images that a learning curve is read from; the final error is read from all.
WATCHED = 2_000
# Approximate time for a sample, relative to forward_forward's: to estimate the remaining time.
_SLOWNESS = {"recurrent": 5.0, "analog_forward_forward": 2.5, "unsupervised": 1.5}

Record = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """The data of a run: to train on, to choose settings by, and to test on at the end."""

    train: Data
    validation: Data
    test: Data

    @property
    def watched(self) -> Data:
        """The validation images that learning curves are read from."""
        return self.validation.first(min(WATCHED, len(self.validation)))


@functools.lru_cache(maxsize=2)
def split_of(data: str, images: int | None, device: str) -> Split:
    """The three parts of a data set, the first ``images`` of its training part."""
    train, test = datasets.named(data)
    train, validation = train.split()
    train = train if images is None else train.first(min(images, len(train)))
    return Split(train.to(device), validation.to(device), test.to(device))


@dataclass(frozen=True, eq=False)
class Job:
    """One run, in plain values: what it is called by does not change with a name in the code.

    Args:
        method: How to train: a name of `methods.METHODS`.
        settings: Numbers and strings; parts of the library by their names in `parts.PARTS`.
        data: Name of the data set.
        images: Training images; None for all.
        epochs: Passes over them, possibly a fraction.
        seed: For weights, negatives, dropout and order.
        final: Whether the test set is read, once, at the end.
        device: Where to train; not part of the key.

    Attributes:
        about: All but the device, as the ledger keeps it.
        key: A hash of ``about``; two jobs have the same one only if they are the same run.
    """

    method: str
    settings: Mapping[str, Any]
    data: str
    images: int | None
    epochs: float
    seed: int
    final: bool = False
    device: str = "cpu"
    about: dict[str, Any] = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        about = {
            "train": self.method,
            "settings": self.settings,
            "data": self.data,
            "images": self.images,
            "epochs": round(self.epochs, 6),
            "seed": self.seed,
            "final": self.final,
        }
        text = json.dumps([PROTOCOL, about], sort_keys=True)
        object.__setattr__(self, "about", json.loads(text)[1])
        object.__setattr__(self, "key", hashlib.blake2b(text.encode(), digest_size=10).hexdigest())

    @property
    def cost(self) -> float:
        """Approximate duration: samples shown, times the method's relative time for one."""
        return self.epochs * (self.images or 1_000) * _SLOWNESS.get(self.method, 1.0)

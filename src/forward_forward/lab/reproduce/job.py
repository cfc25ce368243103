"""One training run in plain values: the method, its settings, data, epochs and seed."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
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
    """One run, in plain values: its key stays the same when code is renamed."""

    method: str  # a name of `methods.METHODS`
    settings: Mapping[str, Any]  # parts of the library by their names in `parts.PARTS`
    data: str
    images: int | None  # to train on; None for all
    epochs: float  # passes over them, possibly a fraction
    seed: int  # for weights, negatives, dropout and order
    final: bool = False  # whether the test set is read, once, at the end
    device: str = "cpu"  # not part of the key

    @functools.cached_property
    def about(self) -> dict[str, Any]:
        """All but the device, as the ledger keeps it."""
        about = {
            "train": self.method,
            "settings": self.settings,
            "data": self.data,
            "images": self.images,
            "epochs": round(self.epochs, 6),
            "seed": self.seed,
            "final": self.final,
        }
        plain: dict[str, Any] = json.loads(json.dumps(about))
        return plain

    @functools.cached_property
    def key(self) -> str:
        """A hash of ``about``; two jobs have the same one only if they are the same run."""
        text = json.dumps([PROTOCOL, self.about], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()

    @property
    def cost(self) -> float:
        """Approximate duration: samples shown, times the method's relative time for one."""
        return self.epochs * (self.images or 1_000) * _SLOWNESS.get(self.method, 1.0)

"""One training run as plain values: what is trained, on what, how long, from which seed."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType
from typing import Any

from forward_forward import datasets
from forward_forward.data import Data

# Raised when a change makes runs differ from those in older ledgers.
PROTOCOL = 1
# Validation images that a learning curve is read from; the error at the end is read from all.
WATCHED = 2_000
# Seconds of a sample over those of the plain method's, about: for the time that is left.
_SLOWNESS = {"recurrent": 5.0, "analog_forward_forward": 2.5, "unsupervised": 1.5}

Record = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """What a run may see: images to train on, to choose by, and to be judged by at the end."""

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
    """One run.

    Args:
        train: What trains: a function of a module, from the job and its data to a record.
        settings: What it is told: numbers, words and parts of the library.
        data: Name of the data set.
        images: Training images; None for all.
        epochs: Passes over them, fractions are fine.
        seed: For weights, negatives, dropout and order.
        final: Whether the test set is read, once, at the end.
        device: Where to train; not a part of what the run is.
    """

    train: Callable[[Job, Split], Record]
    settings: Mapping[str, Any]
    data: str
    images: int | None
    epochs: float
    seed: int
    final: bool = False
    device: str = "cpu"
    about: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        about = {
            "train": self.train.__name__,
            "settings": written(self.settings),
            "data": self.data,
            "images": self.images,
            "epochs": round(self.epochs, 6),
            "seed": self.seed,
            "final": self.final,
        }
        object.__setattr__(self, "about", about)

    @property
    def key(self) -> str:
        """A name that two jobs share only if they are the same."""
        text = json.dumps([PROTOCOL, self.about], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()

    @property
    def cost(self) -> float:
        """About how long it takes beside others: samples shown, by how slow they are."""
        slowness = _SLOWNESS.get(self.train.__name__, 1.0)
        return self.epochs * (self.images or 1_000) * slowness

    def run(self) -> Record:
        """Do it."""
        record = self.train(self, split_of(self.data, self.images, self.device))
        return {"key": self.key, "job": self.about, **record, "device": self.device}


def written(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in plain values: parts by the names that notation gives them."""
    return {name: _written(value) for name, value in sorted(settings.items())}


def _written(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    if isinstance(value, functools.partial):
        given = [str(_written(each)) for each in value.args]
        given += [f"{name}={_written(each)}" for name, each in value.keywords.items()]
        return f"{_written(value.func)}({', '.join(given)})"
    named = isinstance(value, type | FunctionType | BuiltinFunctionType)
    return value.__name__ if named else repr(value)

"""A loader of x [batch, *shape], y [batch] -> checked Batches and its labels [n]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from forward_forward.data.batch import Batch, as_float, check_batching, checked, class_names
from forward_forward.data.labels import encoded, label_values
from forward_forward.data.tensors import as_tensor, row_weight, unpack


class Stream:
    """A DataLoader, or any re-iterable of (x, y) or (x, y, weight) batches, read as a Source.

    Args:
        loader: Yields x [batch, *shape] (uint8 is divided by 255) and y [batch], labels of any
            kind that `as_source` reads; in tuples, lists or dictionaries.
        classes: The class names, in the order of the labels; () for a real-valued target.
        name: What reports call the set.
        samples: Samples in one pass; None asks the loader, or counts them once.

    Raises:
        ValueError: The loader can be read only once, like a generator.

    >>> stream = Stream([(torch.rand(4, 3), torch.tensor([0, 1, 1, 0]))], ("cat", "dog"))
    >>> len(stream), [batch.y.tolist() for batch in stream.batches(4)]
    (4, [[0, 1, 1, 0]])
    """

    def __init__(
        self,
        loader: Iterable[Any],
        classes: Sequence[str],
        name: str = "data",
        samples: int | None = None,
    ) -> None:
        if isinstance(loader, Iterator) or not isinstance(loader, Iterable):
            expected = "expected a loader that can be read again each epoch"
            fix = "give a DataLoader or a list of batches"
            raise ValueError(f"{expected}, got a {type(loader).__name__}: {fix}")
        self.loader, self.classes, self.name = loader, class_names(classes), name
        self._samples = samples

    def __len__(self) -> int:
        if self._samples is None:
            known = _loader_samples(self.loader)
            self._samples = len(_all_labels(self.loader)) if known is None else known
        return self._samples

    @property
    def batch_size(self) -> int:
        """The loader's own; for other iterables, the length of the first batch."""
        if isinstance(self.loader, DataLoader) and self.loader.batch_size is not None:
            return self.loader.batch_size
        return self._first[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """One sample's shape, from the first batch."""
        return self._first[0]

    @cached_property
    def _first(self) -> tuple[tuple[int, ...], int]:
        """One sample's shape and the samples in the first batch; opens the loader once."""
        with torch.random.fork_rng(devices=[]):
            x, y, _ = _batch(next(_items(self.loader)), 0)
        return tuple(x.shape[1:]), len(y)

    def batches(
        self, batch_size: int, *, shuffle: torch.Generator | None = None, skip: int = 0
    ) -> Iterator[Batch]:
        """Read the loader's batches, in the loader's own order.

        Args:
            batch_size: Must be the loader's own if that is known.
            shuffle: Seeds torch's global state while the loader is read, so that a DataLoader with
                shuffle=True repeats its order; None leaves that state alone. A loader with its own
                generator is not affected.
            skip: Batches to read and drop at the start.
        """
        check_batching(batch_size, skip)
        own = self.loader.batch_size if isinstance(self.loader, DataLoader) else None
        if own is not None and own != batch_size:
            raise ValueError(f"expected the DataLoader's own batch_size={own}, got {batch_size}")
        return self._read(skip, shuffle)

    def _read(self, skip: int, shuffle: torch.Generator | None) -> Iterator[Batch]:
        number = -1
        items = _items(self.loader)
        for number, item in enumerate(items if shuffle is None else _seeded(items, shuffle)):
            if number >= skip:
                x, y, weight = _batch(item, number)
                y = _codes(y, self.classes, number)
                weight = None if weight is None else as_tensor(weight)
                batch = checked(x, y.to(x.device), weight, len(self.classes), f"batch {number}, ")
                yield batch._replace(x=as_float(batch.x))
        if number < 0:
            raise ValueError("expected batches, got none: is the loader's data set exhausted?")


def _items(loader: Iterable[Any]) -> Iterator[Any]:
    """The loader's items; what torch cannot put into a batch is a ValueError."""
    try:
        yield from loader
    except TypeError as error:
        if "default_collate" not in str(error):
            raise
        fix = "give it a collate_fn, or pass its Dataset, whose rows may be pictures or text"
        raise ValueError(f"the DataLoader cannot make a batch ({error}): {fix}") from error


def _batch(item: Any, number: int) -> tuple[Tensor, Any, Any]:
    """Samples as a tensor [batch, *shape], labels and weights unchanged, of a loader's item."""
    where = f"batch {number}"
    x, y, weight = unpack(item, where)
    if isinstance(y, str) or not isinstance(y, Sized) or getattr(y, "shape", (1,)) == ():
        fix = "give the DataLoader a batch_size, such as 64"
        raise ValueError(f"{where}: expected labels [batch], got the single label {y!r}: {fix}")
    return as_tensor(x), y, row_weight(weight, where)


def _codes(y: Any, classes: tuple[str, ...], number: int) -> Tensor:
    """Labels of a batch [batch], or [batch, labels], as class indices."""
    if isinstance(y, Tensor) and y.dim() == 2:  # several labels per sample, which `checked` reads
        return y
    try:
        return encoded(y, classes)[0]
    except ValueError as error:
        raise ValueError(f"batch {number}, {error}") from error


def _seeded(items: Iterator[Any], rng: torch.Generator) -> Iterator[Any]:
    """The items, each drawn from its own seeded state of torch's global generator."""
    own = torch.Generator().manual_seed(rng.initial_seed()).get_state()
    while True:
        before = torch.get_rng_state()
        torch.set_rng_state(own)
        try:
            item = next(items)
        except StopIteration:
            return
        finally:
            own = torch.get_rng_state()
            torch.set_rng_state(before)
        yield item


def found_classes(loader: Iterable[Any], num_classes: int | None = None) -> tuple[str, ...]:
    """The class names that `encoded` finds in all batches; () if the target is real-valued."""
    return encoded(_all_labels(loader), None, num_classes)[1]


def _all_labels(loader: Iterable[Any]) -> np.ndarray[Any, Any]:
    """One pass over a loader that restores its generator and torch's."""
    generator = loader.generator if isinstance(loader, DataLoader) else None
    state = None if generator is None else generator.get_state()
    with torch.random.fork_rng(devices=[]):
        batches = [_batch(item, number)[1] for number, item in enumerate(_items(loader))]
    if generator is not None and state is not None:
        generator.set_state(state)
    if not batches:
        raise ValueError("expected a loader with a batch or more, got none")
    parts = [label_values(y) for y in batches]
    if len({part.dtype.kind for part in parts}) == 1:
        return np.concatenate(parts)
    return np.array([value for part in parts for value in part.tolist()], dtype=object)


def _loader_samples(loader: Iterable[Any]) -> int | None:
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return None
    if loader.batch_size is None or not isinstance(loader.sampler, Sized):
        return None
    n = len(loader.sampler)
    return n - n % loader.batch_size if loader.drop_last else n

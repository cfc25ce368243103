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
from forward_forward.data.tensors import as_tensor, unpack


class Stream:
    """A DataLoader, or any re-iterable of (x, y) or (x, y, weight) batches, read as a Source.

    Args:
        loader: Yields x [batch, *shape] (uint8 is divided by 255) and integer y [batch].
        classes: The class names, in the order of the labels.
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
            x, y, _ = unpack(next(iter(self.loader)), "batch 0")
        return tuple(as_tensor(x).shape[1:]), len(y)

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
        items = self.loader if shuffle is None else _seeded(self.loader, shuffle)
        for number, item in enumerate(items):
            if number >= skip:
                x, y, weight = unpack(item, f"batch {number}")
                x, y = as_tensor(x), _batch_labels(y, number)
                weight = None if weight is None else as_tensor(weight)
                batch = checked(x, y, weight, len(self.classes), f"batch {number}, ")
                yield batch._replace(x=as_float(batch.x))
        if number < 0:
            raise ValueError("expected batches, got none: is the loader's data set exhausted?")


def _seeded(loader: Iterable[Any], rng: torch.Generator) -> Iterator[Any]:
    """The loader's items, each drawn from its own seeded state of torch's global generator."""
    own = torch.Generator().manual_seed(rng.initial_seed()).get_state()
    items: Iterator[Any] | None = None
    while True:
        before = torch.get_rng_state()
        torch.set_rng_state(own)
        try:
            items = iter(loader) if items is None else items
            item = next(items)
        except StopIteration:
            return
        finally:
            own = torch.get_rng_state()
            torch.set_rng_state(before)
        yield item


def found_classes(loader: Iterable[Any]) -> tuple[str, ...]:
    found = np.unique(_all_labels(loader).cpu().numpy()).tolist()
    if found != list(range(len(found))):
        text = f"expected labels 0..C-1 in the DataLoader, got {found[:5]}..{found[-1]}"
        raise ValueError(f"{text}: pass classes=[...] if some are rare, else renumber them")
    return tuple(str(each) for each in found)


def _all_labels(loader: Iterable[Any]) -> Tensor:
    """One pass over a loader that restores its generator and torch's."""
    generator = loader.generator if isinstance(loader, DataLoader) else None
    state = None if generator is None else generator.get_state()
    with torch.random.fork_rng(devices=[]):
        parts = [_batch_labels(unpack(item, f"batch {k}")[1], k) for k, item in enumerate(loader)]
    if generator is not None and state is not None:
        generator.set_state(state)
    if not parts:
        raise ValueError("expected a loader with a batch or more, got none")
    return torch.cat(parts)


def _batch_labels(y: Any, number: int) -> Tensor:
    if isinstance(y, np.ndarray) and y.dtype.kind in "iu":
        return torch.as_tensor(y)
    if not isinstance(y, Tensor):
        found = f"batch {number}: expected a tensor of integer labels, got a {type(y).__name__}"
        raise ValueError(f"{found}: number the labels in the loader's Dataset")
    return y


def _loader_samples(loader: Iterable[Any]) -> int | None:
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return None
    if loader.batch_size is None or not isinstance(loader.sampler, Sized):
        return None
    n = len(loader.sampler)
    return n - n % loader.batch_size if loader.drop_last else n

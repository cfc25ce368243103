"""x [batch, *shape], y [batch], weight [batch] or None -> the same, checked, as a Batch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeGuard, runtime_checkable

import torch
from torch import Tensor


class Batch(NamedTuple):
    """One step's samples: x [batch, *shape] float32, y [batch] int64, weight [batch] or None.

    If a sample may have several labels, y is 0 and 1 [batch, labels]; a real-valued target is
    float32 [batch].
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None


@runtime_checkable
class Source(Protocol):
    """Samples in batches, as training and evaluation read them, with a name and class names.

    There are no classes if the target is real-valued.
    """

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def shape(self) -> tuple[int, ...]:
        """One sample's shape."""
        ...

    @property
    def batch_size(self) -> int:
        """Default number of samples per batch."""
        ...

    def __len__(self) -> int: ...
    def batches(
        self, batch_size: int, *, shuffle: torch.Generator | None = None, skip: int = 0
    ) -> Iterator[Batch]: ...


def is_source(what: object) -> TypeGuard[Source]:
    """Whether an object has every attribute of a Source, without reading any of them.

    Before Python 3.12 ``isinstance`` reads each property, and that of a stream opens its loader.
    """
    names = ("name", "classes", "shape", "batch_size", "__len__", "batches")
    missing = object()
    return all(inspect.getattr_static(what, name, missing) is not missing for name in names)


def checked(x: Tensor, y: Tensor, weight: Tensor | None, classes: int, where: str = "") -> Batch:
    if x.dim() < 2 or not x.numel():
        found = f"expected inputs [n, *shape] with a row or more, got {list(x.shape)}"
        raise ValueError(f"{where}{found}: a single feature is x.reshape(-1, 1)")
    if x.dtype != torch.uint8 and not x.is_floating_point():
        raise ValueError(f"{where}expected uint8 or floating inputs, got {x.dtype}: use x.float()")
    several = classes > 0 and y.shape == (len(x), classes)  # labels per sample, each of them 0 or 1
    for what, values in (("labels", y), ("weights", weight)):
        if values is not None and values.shape != x.shape[:1] and not (several and values is y):
            found = f"expected {what} [{len(x)}], one per row, got {list(values.shape)}"
            fix = "one-hot labels need y.argmax(1)" if values.dim() == 2 else "give each row one"
            raise ValueError(f"{where}{found}: {fix}")
        if values is not None and values.device != x.device:
            found = f"expected {what} on {x.device} like the inputs, got {values.device}"
            raise ValueError(f"{where}{found}: use .to({str(x.device)!r})")
    if classes == 0:
        if not y.is_floating_point():
            found = f"expected different class names, or real-valued targets, got {y.dtype}"
            raise ValueError(f"{where}{found}: name the classes, or use y.float()")
        y = y.to(torch.float32)
        _require(y.isfinite(), where, "a finite float32 target", y)
    elif y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise ValueError(f"{where}expected integer labels, got {y.dtype}: use y.long()")
    else:
        y = y.to(torch.int64)
        right = ((y == 0) | (y == 1)).all(1) if several else (y >= 0) & (y < classes)
        expected = "0 or 1 for each label" if several else f"a label in 0..{classes - 1}"
        _require(right, where, expected, y)
    if x.is_floating_point():  # the extremes carry NaN and infinity, and need no copy of the set
        extremes = torch.stack((x.flatten(1).amin(1), x.flatten(1).amax(1))).float()
        _require(extremes.isfinite().all(0), where, "finite float32 inputs")
    if weight is not None:
        weight = weight.to(torch.float32)
        _require(weight.isfinite() & (weight >= 0), where, "a finite weight >= 0", weight)
    return Batch(x, y, weight)


def _require(good: Tensor, where: str, expected: str, values: Tensor | None = None) -> None:
    if not bool(good.all()):
        row = int((~good).nonzero()[0, 0])
        found = "NaN or infinity" if values is None else values[row].tolist()
        raise ValueError(f"{where}row {row}: expected {expected}, got {found}")


def as_float(x: Tensor) -> Tensor:
    return x.to(torch.float32).div_(255) if x.dtype == torch.uint8 else x.to(torch.float32)


def check_batching(batch_size: int, skip: int, shuffle: torch.Generator | None = None) -> None:
    if batch_size < 1:
        raise ValueError(
            f"expected batch_size >= 1, got {batch_size}: pass the samples per step, such as 256"
        )
    if skip < 0:
        raise ValueError(
            f"expected skip >= 0, got {skip}: pass how many of the first batches to leave out"
        )
    if shuffle is not None and shuffle.device.type != "cpu":
        raise ValueError(f"expected a CPU generator, got {shuffle.device}: torch.Generator()")


def class_names(classes: Sequence[str]) -> tuple[str, ...]:
    """The names as a tuple; it is empty for a real-valued target."""
    names = tuple(classes)
    strings = not isinstance(classes, str) and all(isinstance(each, str) for each in names)
    if isinstance(classes, str) or not strings or len(set(names)) < len(names):
        raise ValueError(f"expected different class names like ('cat', 'dog'), got {classes!r}")
    return names

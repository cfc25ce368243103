"""Inputs [n, *shape] and labels [n] -> batches [batch, *shape], parts [k, *shape]."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from forward_forward.data.batch import Batch, as_float, check_batching, checked, class_names
from forward_forward.data.holdout import held_out
from forward_forward.display.html import table


@dataclass(frozen=True, eq=False, repr=False)
class Data:
    """A labelled set in one tensor; uint8 inputs are divided by 255 in each batch.

    Args:
        inputs: [n, *shape], uint8 (0..255) or floating (used unchanged, as float32).
        labels: [n] integers in 0..len(classes)-1, or [n, len(classes)] of 0 and 1 if a sample may
            have several labels; floating-point numbers [n] if the target is real-valued.
        classes: The class names, in the order of the labels; () for a real-valued target.
        name: What reports call the set.
        weights: [n] non-negative sample weights, or None.
        holdout: How many of the last rows are by convention for validation; used by ``split``.

    Raises:
        ValueError: Shapes disagree, a label is out of range, or a value is NaN or infinite.

    >>> data = Data(torch.rand(6, 3), torch.tensor([0, 1, 0, 1, 0, 1]), ("cat", "dog"))
    >>> data, data.shape, [len(batch.y) for batch in data.batches(4)]
    (Data('data': 6 inputs of [3], 2 classes), (3,), [4, 2])
    """

    inputs: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    name: str = "data"
    weights: Tensor | None = None
    holdout: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", class_names(self.classes))
        batch = checked(self.inputs, self.labels, self.weights, len(self.classes))
        object.__setattr__(self, "labels", batch.y)
        object.__setattr__(self, "weights", batch.weight)
        if batch.weight is not None and not bool(batch.weight.any()):
            raise ValueError("expected a weight above 0, got only zeros: leave weights out")
        if self.holdout is not None and not 0 < self.holdout < len(self):
            raise ValueError(f"expected holdout in 1..{len(self) - 1}, got {self.holdout}")

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def __repr__(self) -> str:
        kind = f"{len(self.classes)} classes" if self.classes else "a real-valued target"
        about = f"{len(self)} inputs of {list(self.shape)}, {kind}"
        return f"Data({self.name!r}: {about})"

    def _repr_html_(self) -> str:
        classes: object = "none: the target is a number"
        if self.classes:
            labels, size = self.labels, len(self.classes)
            counts = labels.sum(0) if labels.dim() > 1 else labels.bincount(minlength=size)
            named = zip(self.classes, counts.long().tolist(), strict=True)
            classes = ", ".join(f"{name} ({count:,})" for name, count in named)
            classes = f"{size}: {classes}"
        rows = [
            ("samples", len(self)),
            ("shape", " × ".join(map(str, self.shape))),
            ("values", str(self.inputs.dtype).removeprefix("torch.")),
            ("classes", classes),
        ]
        return table(f"Data {self.name!r}", (), rows)

    @property
    def batch_size(self) -> int:
        """Default number of samples per batch."""
        return 256

    @property
    def shape(self) -> tuple[int, ...]:
        """One input's shape."""
        return tuple(self.inputs.shape[1:])

    def batches(
        self, batch_size: int, *, shuffle: torch.Generator | None = None, skip: int = 0
    ) -> Iterator[Batch]:
        """Split the set into batches; the last one may be smaller. Global seeds are not used.

        Args:
            batch_size: Samples in a batch.
            shuffle: A CPU generator that draws the order; None keeps the order of the rows, and
                such batches may use the set's memory: do not write into them.
            skip: Batches to skip at the start, as a run that resumes within an epoch does.
        """
        check_batching(batch_size, skip, shuffle)
        order = None if shuffle is None else torch.randperm(len(self), generator=shuffle)
        return self._cut(batch_size, skip, order if order is None else order.to(self.inputs.device))

    def _cut(self, batch_size: int, skip: int, order: Tensor | None) -> Iterator[Batch]:
        for start in range(skip * batch_size, len(self), batch_size):
            part = slice(start, start + batch_size)
            rows = part if order is None else order[part]
            weight = None if self.weights is None else _take(self.weights, rows)
            yield Batch(as_float(_take(self.inputs, rows)), _take(self.labels, rows), weight)

    def _with(self, change: Callable[[Tensor], Tensor], holdout: int | None = None) -> Data:
        inputs, labels = change(self.inputs), change(self.labels)
        weights = None if self.weights is None else change(self.weights)
        return replace(self, inputs=inputs, labels=labels, weights=weights, holdout=holdout)

    def to(self, device: torch.device | str) -> Data:
        """Move the set to another device."""
        return self._with(lambda values: values.to(device), self.holdout)

    def first(self, n: int) -> Data:
        """Keep the first n rows, without the conventional ``holdout``."""
        if not 1 <= n <= len(self):
            raise ValueError(f"expected n in 1..{len(self)}, got {n}")
        return self._with(lambda values: values[:n])

    def subset(self, indices: Tensor | Sequence[int]) -> Data:
        """Keep the rows with these numbers [k], or of a mask [n], without ``holdout``."""
        rows = torch.as_tensor(indices, device=self.inputs.device)
        if rows.dtype == torch.bool and rows.shape == (len(self),):
            rows = rows.nonzero()[:, 0]
        numbers = rows.dtype != torch.bool and not rows.is_floating_point()
        if not numbers or rows.dim() != 1 or not len(rows):
            found = f"{rows.dtype} {list(rows.shape)}"
            raise ValueError(f"expected 1 or more row numbers or a mask [{len(self)}], got {found}")
        if int(rows.min()) < 0 or int(rows.max()) >= len(self):
            found = f"{int(rows.min())}..{int(rows.max())}"
            raise ValueError(f"expected row numbers in 0..{len(self) - 1}, got {found}")
        return self._with(lambda values: values.index_select(0, rows.long()))

    def split(self, validation: float | None = None, seed: int = 0) -> tuple[Data, Data]:
        """Split the set into (train, validation), both in the order of the rows.

        Args:
            validation: Rows (int) or fraction (float) to hold out, drawn class by class if there
                are classes; None
                takes the last ``holdout`` rows if the set has that convention, else 15 %.
            seed: Seed of the draw.

        Raises:
            ValueError: Too few rows to leave one of every class to train on.

        >>> data = Data(torch.rand(8, 3), torch.arange(8) % 2, ("cat", "dog"))
        >>> [part.labels.bincount().tolist() for part in data.split(2)]
        [[3, 3], [1, 1]]
        """
        if validation is None and self.holdout is not None:
            cut = len(self) - self.holdout
            return self.first(cut), self._with(lambda values: values[cut:])
        labels = self.labels.cpu()
        # With several labels per sample, or numbers, there are no classes to draw from.
        classes = self.classes and labels.dim() == 1
        one = labels if classes else torch.zeros(len(self), dtype=torch.int64)
        held = held_out(one, validation, seed)
        return self.subset(~held), self.subset(held)

    def constant_inputs(self) -> Tensor:
        """Which flattened inputs are the same in every row: bool [prod(shape)]."""
        flat = self.inputs.flatten(1)
        return flat.amin(0) == flat.amax(0)


def _take(values: Tensor, rows: Tensor | slice) -> Tensor:
    return values[rows] if isinstance(rows, slice) else values.index_select(0, rows)

"""Labels [n] and a fraction -> which rows are held out, class by class, as a mask [n]."""

from __future__ import annotations

import torch
from torch import Tensor

HOLDOUT = 0.15  # fraction of a set that is held out by default


def held_out(labels: Tensor, wanted: float | None = None, seed: int = 0) -> Tensor:
    """Select rows to hold out, in proportion from each class, and never all rows of a class.

    Args:
        labels: Labels of all rows [n], 0 and up, on the CPU.
        wanted: Rows (int) or fraction (float) to hold out; None for `HOLDOUT`.
        seed: Seed of the draw.

    Returns:
        True where a row is held out [n].

    Raises:
        ValueError: The fraction is out of range, or leaves a class with nothing to train on.

    >>> int(held_out(torch.arange(8) % 2, 0.25).sum())
    2
    """
    wanted = HOLDOUT if wanted is None else wanted
    whole = isinstance(wanted, int)
    if isinstance(wanted, bool) or wanted <= 0 or not (whole or wanted < 1):
        choices = "a number of rows (int >= 1) or a fraction between 0 and 1 (float)"
        raise ValueError(f"expected {choices} for validation, got {wanted!r}")
    return _stratified(labels, int(wanted) if whole else max(1, round(wanted * len(labels))), seed)


def _stratified(labels: Tensor, count: int, seed: int) -> Tensor:
    """Select ``count`` of the rows [n], in proportion from each class and never all of a class."""
    n, sizes = len(labels), labels.bincount()
    spare = (sizes - 1).clamp(min=0)
    if count > int(spare.sum()):
        found = f"cannot hold out {count} of {n} rows and keep one of every class to train on"
        raise ValueError(f"{found}: hold out at most {int(spare.sum())}, or add rows")
    ideal = sizes.double() * count / n
    least = spare.clamp(max=1) * int(count >= int((spare > 0).sum()))
    take = torch.minimum(torch.maximum(ideal.long(), least), spare)
    while (missing := count - int(take.sum())) != 0:  # largest remainders
        if missing > 0:
            take[(ideal - take).masked_fill(take >= spare, -torch.inf).argmax()] += 1
        else:
            take[(ideal - take).masked_fill(take <= least, torch.inf).argmin()] -= 1
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    order = order[labels[order].argsort(stable=True)]
    rank = torch.arange(n) - (sizes.cumsum(0) - sizes)[labels[order]]
    return torch.zeros(n, dtype=torch.bool).index_put((order,), rank < take[labels[order]])

"""Samples in any usual form [batch, ...] -> a tensor, and a check that it can be answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from forward_forward.data.tensors import as_tensor


def tensor_of(x: Any) -> Tensor:
    """Samples as a tensor: an array of numpy, a frame or a list becomes one of its own type.

    Whole numbers keep their type, so that a network can ask for their scale.
    """
    if isinstance(x, Tensor):
        return x
    made, array = as_tensor(x), np.asarray(x)
    return made.long() if array.dtype.kind in "iu" else made


def finite(x: Any) -> Tensor:
    """Samples [batch, ...] as a tensor; one with NaN or infinity has no label.

    Raises:
        ValueError: There is one; the message names it. Or it is a single sample.
    """
    samples = tensor_of(x)
    if samples.dim() < 2:
        raise ValueError(
            f"expected samples [batch, ...], got {list(samples.shape)}: a single one is x[None],"
            " and a single feature x[:, None]"
        )
    if not is_finite(samples):
        row = int((~samples.isfinite()).nonzero()[0, 0])
        raise ValueError(
            f"row {row}: expected finite inputs, got NaN or infinity: leave such rows out, or fill"
            " missing values as in training"
        )
    return samples


def is_finite(values: Tensor) -> bool:
    """Whether no value is NaN or infinite; their sum nearly always tells, in a tenth of the time.

    >>> import torch
    >>> is_finite(torch.full((2,), 3e38)), is_finite(torch.tensor([torch.inf, -torch.inf]))
    (True, False)
    """
    if not values.is_floating_point():
        return True
    return bool(values.sum().isfinite()) or bool(values.isfinite().all())


def check_weights(weights: Mapping[str, Tensor]) -> None:
    """Reject weights with NaN or infinity, by name; thresholds are NaN until they are calibrated.

    Raises:
        ValueError: A training that diverged has left them, or a file is damaged.
    """
    for name, values in weights.items():
        if not (name.endswith("threshold_value") or is_finite(values)):
            raise ValueError(
                f"expected finite weights, got NaN or infinity in {name!r}: the training has"
                " diverged, or the file is damaged; train again with a lower learning rate, or use"
                " another checkpoint"
            )

"""Samples in any usual form [batch, ...] -> a tensor, and a check that it can be answered."""

from __future__ import annotations

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
    """Samples as a tensor; one with NaN or infinity has no label.

    Raises:
        ValueError: There is one; the message names it.
    """
    samples = tensor_of(x)
    wrong = (~samples.isfinite()).nonzero()
    if len(wrong):
        raise ValueError(
            f"row {int(wrong[0, 0])}: expected finite inputs, got NaN or infinity: leave"
            " such rows out, or fill missing values as in training"
        )
    return samples

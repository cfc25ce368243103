"""X [n, features] -> tensors of float32 or float64, and data without labels to train on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from forward_forward.data import Data
from forward_forward.examples import Examples, HybridImages, HybridRows

Array = np.ndarray[Any, Any]


def as_float32(x: Array) -> torch.Tensor:
    """X [n, features] as a float32 tensor, which the network trains on."""
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))


def as_float64(x: Array) -> torch.Tensor:
    """X [n, features] as a float64 tensor, which predictions are computed from."""
    return torch.from_numpy(np.array(x, dtype=np.float64))  # a copy: DataFrames are read-only


def unlabelled(x: Array, image_shape: Sequence[int] | None) -> tuple[Data, Examples]:
    """Samples as data of a single class, with examples that need no labels.

    Args:
        x: Features [n, features].
        image_shape: (height, width) or (channels, height, width) if samples are images, else None.

    Returns:
        The data, and `HybridImages` or `HybridRows`.

    Raises:
        ValueError: ``image_shape`` is not an image's shape with one value per feature.
    """
    inputs, labels = as_float32(x), torch.zeros(len(x), dtype=torch.int64)
    if image_shape is None:
        return Data(inputs, labels, ("sample",)), HybridRows(1)
    shape = tuple(int(side) for side in image_shape)
    if len(shape) not in (2, 3) or math.prod(shape) != x.shape[1]:
        raise ValueError(
            f"image_shape expects (height, width) or (channels, height, width) of {x.shape[1]}"
            f" values, got {image_shape}"
        )
    images = inputs.view(-1, *(1,) * (3 - len(shape)), *shape)
    return Data(images, labels, ("sample",)), HybridImages(1)

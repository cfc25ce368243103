"""X [n, features] -> data without labels, and the hybrids that their samples are told from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from forward_forward.data import Data
from forward_forward.examples import Examples, HybridImages, HybridRows
from forward_forward.sklearn.estimator import Array, samples


def unlabelled(x: Array, image_shape: Sequence[int] | None) -> tuple[Data, Examples]:
    """Samples as data of one class, and examples without labels.

    Args:
        x: Features [n, features].
        image_shape: (height, width) or (channels, height, width) of pictures; None for others.

    Returns:
        The data, and `HybridImages` or `HybridRows`.

    Raises:
        ValueError: The shape is none of a picture with as many values as there are features.
    """
    inputs, labels = samples(x), torch.zeros(len(x), dtype=torch.int64)
    if image_shape is None:
        return Data(inputs, labels, ("sample",)), HybridRows(1)
    shape = tuple(int(side) for side in image_shape)
    if len(shape) not in (2, 3) or math.prod(shape) != x.shape[1]:
        raise ValueError(
            f"image_shape expects (height, width) or (channels, height, width) of {x.shape[1]}"
            f" values, got {image_shape}"
        )
    pictures = inputs.view(-1, *(1,) * (3 - len(shape)), *shape)
    return Data(pictures, labels, ("sample",)), HybridImages(1)

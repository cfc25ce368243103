"""The arguments that all exports for devices take -> checked; scores -> how far they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forward_forward.export.device.device_layer import Array
from forward_forward.forward import Network


def class_names(network: Network, classes: Sequence[str] | None, spare: int) -> list[str]:
    """The names of a network's classes, by default their numbers, and of spare ones."""
    count = network.examples.num_classes
    names = [*map(str, range(count))] if classes is None else [*classes]
    if len(names) != count:
        raise ValueError(f"the network has {count} classes, got {len(names)} names: name each one")
    return names + [f"spare {index + 1}" for index in range(spare)]


def check_settings(spare: int, rate: float) -> None:
    """Refuse settings that are out of range."""
    if isinstance(spare, bool) or not isinstance(spare, int) or not 0 <= spare <= 1000:
        raise ValueError(f"spare_classes expects a whole number from 0 to 1000, got {spare!r}")
    if not 0 <= rate < 1e6:
        raise ValueError(f"rate expects a number from 0 on, got {rate!r}")


def difference_of(found: Array, right: Any) -> float:
    """How far scores [n, classes] are from the right ones, relative to a row's largest."""
    size = np.maximum(np.abs(right).max(1), np.median(np.abs(right).max(1)))
    return float((np.abs(found - right).max(1) / np.maximum(size, 1e-30)).max())

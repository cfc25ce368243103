"""What the exports for devices share: checked settings, what is recorded, how scores agree."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from forward_forward.export.device.device_layer import Array, DeviceLayer
from forward_forward.export.folder import MADE_BY, fingerprint
from forward_forward.export.verify import relative_differences
from forward_forward.forward import Network


def check_settings(spare: int, rate: float) -> None:
    """Refuse settings that are out of range."""
    if isinstance(spare, bool) or not isinstance(spare, int) or not 0 <= spare <= 1000:
        raise ValueError(f"spare_classes expects a whole number from 0 to 1000, got {spare!r}")
    if not 0 <= rate < 1e6:
        raise ValueError(f"rate expects a number from 0 on, got {rate!r}")


def spare_names(count: int) -> list[str]:
    """The names of spare classes."""
    return [f"spare {index + 1}" for index in range(count)]


def record_of(
    network: Network, layers: Sequence[DeviceLayer], names: list[str], spare: int, rate: float
) -> dict[str, Any]:
    """What each export says of its network."""
    return {
        "made_by": MADE_BY,
        "version": version("forward-forward"),
        "weights": fingerprint(network),
        "classes": names,
        "spare_classes": spare,
        "rate": rate,
        "layers": [{"notes": each.notes, **each.fields} for each in layers],
    }


def agreement(found: Array, right: Tensor) -> dict[str, Any]:
    """How scores [n, classes], of spare classes too, agree with the library's [n, classes]."""
    scores, right = torch.from_numpy(found)[:, : right.shape[1]].double(), right.double().cpu()
    return {
        "samples": len(right),
        "largest_relative_difference": float(relative_differences(scores, right).max()),
        "labels_equal": float((scores.argmax(1) == right.argmax(1)).double().mean()),
    }

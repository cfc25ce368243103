"""Samples [n, *shape] and labels [n] -> those that a page shows, and how a drawing becomes one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from forward_forward.data.batch import as_float
from forward_forward.export.device.layers import map_of
from forward_forward.forward import Network

PER_CLASS = 4
WHOLE = 60  # samples on a page, at most: the browser predicts all of them after each lesson
BYTES = 300_000  # of the samples on a page
SOUGHT = 2000  # samples among which those that are recognised wrongly are looked for
EDGE = 2  # pixels at the border that are blank in centred pictures
BLANK = 0.02  # mean ink at the border, below which pictures count as centred
FEATURES = 64  # values of a sample, at most, that a person can enter


def chosen(network: Network, samples: Tensor, labels: Tensor) -> Tensor:
    """Rows of the samples to show: a few of each class, the last one recognised wrongly if any is.

    Args:
        network: The network.
        samples: Raw samples [n, *shape].
        labels: Their labels [n].

    Returns:
        Rows [m], class by class.
    """
    labels = labels.cpu()
    kinds = sorted({*labels.tolist()})
    size = samples[0].numel() * samples.element_size()
    count = min(PER_CLASS, WHOLE // max(1, len(kinds)), BYTES // (size * max(1, len(kinds))))
    found = network.predict(as_float(samples[:SOUGHT].cpu())).cpu()
    wrong = torch.zeros(len(samples), dtype=torch.bool)
    wrong[: len(found)] = found != labels[:SOUGHT]
    rows: list[int] = []
    for kind in kinds[: WHOLE if count == 0 else None]:
        correct = ((labels == kind) & ~wrong).nonzero()[:, 0].tolist()
        false = ((labels == kind) & wrong).nonzero()[:, 0].tolist()
        number = max(1, count)
        shown = [*correct[: number - 1], *false[:1]] if number > 1 else correct
        rest = [row for row in [*correct, *false] if row not in shown]
        rows += [*shown, *rest[: max(0, number - len(shown))]][:number]
    return torch.tensor(rows, dtype=torch.long)


def picture_of(samples: Tensor) -> dict[str, Any] | None:
    """How the page shows pictures and takes drawings; None for other samples.

    A drawing on a page for pictures of 28 x 28 pixels with a blank border is framed as those of
    MNIST are: scaled into 20 x 20 pixels, its centre of mass in the middle.

    >>> picture_of(torch.zeros(5, 8, 8))["fit"]
    'box'
    """
    if samples.dim() < 3:
        return None
    channels, height, width = map_of(samples.shape[1:])
    if channels not in (1, 3) or min(height, width) < 2:
        return None
    values = as_float(samples).reshape(-1, channels, height, width)
    low, high = float(values.min()), float(values.max())
    low, high = min(low, 0.0), high if high > low else low + 1
    if samples.dtype == torch.uint8:
        low, high = 0.0, 1.0
    light = float(values.median()) < (low + high) / 2  # light strokes on a dark background
    blank, full = (low, high) if light else (high, low)
    ink = (values - blank).abs() / (high - low)
    fit, box, how = _fit(ink)
    whole = 255 if samples.dtype == torch.uint8 else 1
    return {
        "channels": channels,
        "height": height,
        "width": width,
        "drawn": channels == 1,
        "blank": blank * whole,
        "full": full * whole,
        "fit": fit,
        "box": box,
        "how": how,
    }


def _fit(ink: Tensor) -> tuple[str, int, str]:
    """How drawings are framed: by which point, to which size, and what the page says of it."""
    height, width = ink.shape[-2:]
    edge = torch.ones(height, width, dtype=torch.bool)
    edge[EDGE:-EDGE, EDGE:-EDGE] = False
    if (height, width) == (28, 28) and float(ink[..., edge].mean()) < BLANK:
        return "mass", 20, ": your drawing, scaled and centred as MNIST's digits are"
    if (height, width) == (8, 8):
        return "box", 8, ": your drawing, scaled to fill the picture as the digits are"
    return "whole", max(height, width), ": your drawing, scaled down"


def features_of(samples: Tensor) -> list[dict[str, Any]]:
    """The values of a sample that a person can enter, with the ranges of the samples."""
    flat = samples.flatten(1).double()
    if flat.shape[1] > FEATURES:
        return []
    low, high = flat.min(0).values.tolist(), flat.max(0).values.tolist()
    return [
        {"name": f"value {index + 1}", "low": _short(a), "range": f"{_short(a)} to {_short(b)}"}
        for index, (a, b) in enumerate(zip(low, high, strict=True))
    ]


def _short(value: float) -> str:
    """A number with three digits."""
    return f"{value:.3g}" if math.isfinite(value) else "0"


def rehearsal(labels: Sequence[int]) -> list[int]:
    """The order in which samples are repeated: one of each class in turn.

    >>> rehearsal([0, 0, 1, 1, 2])
    [0, 2, 4, 1, 3]
    """
    place: list[tuple[int, int]] = []
    seen: dict[int, int] = {}
    for index, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        place.append((seen[label], index))
    return [index for _, index in sorted(place)]

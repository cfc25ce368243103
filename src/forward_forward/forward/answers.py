"""A network and samples [batch, ...] -> goodness and head logits [layers, batch, classes]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from forward_forward.examples import Examples
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.layer import Layer
from forward_forward.forward.passes import (
    ROWS,
    ForwardPass,
    class_goodness,
    rows_at_a_time,
    variants_goodness,
)
from forward_forward.forward.samples import tensor_of
from forward_forward.forward.views import Views, averaged
from forward_forward.forward.workspace import Workspace


class Answering(Protocol):
    """What an answer needs of a `Network`."""

    layers: list[Layer]
    examples: Examples
    blocks: torch.dtype | None
    views: Views | None

    @property
    def class_wise(self) -> bool: ...

    def floats(self, x: Tensor) -> Tensor: ...

    def transformed(self, x: Tensor, products: torch.dtype | None = None) -> Tensor: ...


def goodness_below(network: Answering, x: Tensor, stop: int) -> Tensor:
    """Goodness of every label in the first ``stop`` layers [stop, batch, classes]."""
    layers, candidates = list(network.layers)[:stop], network.examples.candidates
    if network.class_wise:

        def of_classes(part: Tensor) -> Tensor:
            return class_goodness(layers, candidates(part).rest, network.blocks)

        return _of_views(network, x, rows_at_a_time(1), of_classes)
    forward = ForwardPass(layers, workspace=Workspace(), blocks=network.blocks)

    def of_variants(part: Tensor) -> Tensor:
        return variants_goodness(forward, candidates(part))

    return _of_views(network, x, rows_at_a_time(network.examples.num_classes), of_variants)


def logits_by_layer(network: Answering, head: SoftmaxHead, x: Tensor) -> Tensor:
    """What each layer adds to a head's logits [layers the head reads, batch, classes]."""
    forward = ForwardPass(network.layers, workspace=Workspace())

    @torch.no_grad()
    def logits(part: Tensor) -> Tensor:
        activities = forward.activities(network.examples.neutral(part))
        return head.by_layer(each.h for each in activities)

    return _of_views(network, x, ROWS, logits)


def _of_views(
    network: Answering, x: Tensor, rows: int, compute: Callable[[Tensor], Tensor]
) -> Tensor:
    """What is computed of samples, so many at a time, averaged over their views."""

    def of_view(view: Tensor) -> Tensor:
        return compute(network.transformed(view, network.blocks))

    parts = torch.split(tensor_of(x), rows)
    return torch.cat([averaged(network.views, network.floats(part), of_view) for part in parts], 1)

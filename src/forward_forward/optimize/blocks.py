"""Neighbouring layers that are trained together: inputs -> their gradients, by one graph.

In the overlapping order the loss of the upper layer of a pair also reaches the lower one, and no
further: training is local to a pair of layers, not to a layer. Of all layers together, each loss
reaches all layers below: backprop with deep supervision, to compare local training with; with the
loss of the last layer alone it is backprop.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.forward.layer import Layer
from forward_forward.forward.passes import read_by
from forward_forward.optimize.collaboration import Dropped
from forward_forward.optimize.gradients import passed, set_gradients
from forward_forward.optimize.outcome import LayerOutcome, outcome_of
from forward_forward.optimize.targets import Targets


def blocks_of(layers: range, step: int, *, together: bool = False) -> list[range]:
    """Pairs of neighbouring layers, from the first in even steps and from the second in odd ones.

    With ``together``, a single block of all layers.

    A layer that has no partner in a step is trained alone.

    >>> blocks_of(range(4), 0), blocks_of(range(4), 1)
    ([range(0, 2), range(2, 4)], [range(0, 1), range(1, 3), range(3, 4)])
    """
    if together:
        return [layers]
    start, stop = layers.start - step % 2, layers.stop
    return [range(max(first, 0), min(first + 2, stop)) for first in range(start, stop, 2)]


def block_gradients(
    layers: Mapping[int, Layer],
    source: Inputs | Activities,
    targets: Targets,
    dropped: Dropped,
    products: torch.dtype | None = None,
    *,
    last_only: bool = False,
) -> list[LayerOutcome]:
    """Set the gradients of the summed losses of consecutive layers.

    Args:
        layers: The layers by their index in the network, lowest first.
        source: Input of the lowest: positives first, then the negatives.
        targets: The samples' weights in the mean loss, and their labels.
        dropped: A layer's index and its input -> the input after dropout.
        products: Type of the products within blocks; None for the weights' own.
        last_only: Whether the loss of the last of them alone is differentiated.

    References:
        Dooms et al. (2023), arXiv 2311.18130: overlapping local updates.
    """
    found: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []
    losses = []
    with torch.enable_grad():
        for index, layer in layers.items():
            x = read_by(layer, dropped(index, source))
            rows = layer.normalized(x if found else x.detach())
            _, h, rated, loss = passed(layer, rows, targets, products)
            added = layer.added(x, detached=False)
            found.append((h, rated, loss, added))
            losses.append((targets.weight * loss).sum())
            source = Activities(h, added=added)
        objective = losses[-1] if last_only else torch.stack(losses).sum()
    weights = [each for one in layers.values() for each in one.parameters() if each.requires_grad]
    slopes = torch.autograd.grad(objective, weights, allow_unused=True)
    set_gradients(weights, slopes)
    return [
        outcome_of(_apart(h, added), loss.detach(), rated.detach(), targets)
        for h, rated, loss, added in found
    ]


def _apart(h: Tensor, added: Tensor | None) -> Activities:
    """Activities without their graph."""
    return Activities(h.detach(), added=None if added is None else added.detach())

"""A stack of layers and its lowest input -> the problems of each layer, by its index."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from forward_forward.forward.activities import Activities
from forward_forward.forward.check import shared
from forward_forward.forward.layer import Layer, evaluating
from forward_forward.forward.symbols import later_symbols


def stack_problems(
    layers: Sequence[Layer], x: Tensor, texts: Tensor | None, classes: int
) -> dict[int, list[str]]:
    """What `Layer.check` finds in each layer, and weights that layers share.

    Args:
        layers: The layers, lowest first.
        x: The lowest one's input [rows, *shape].
        texts: Symbols [batch, positions] if layers predict the next one, else None.
        classes: How many symbols, or other classes, there are.
    """
    found = shared(layers)
    for number, layer in enumerate(layers):
        with evaluating(layer), torch.no_grad():
            own = layer.check(x)
            if own:
                found[number] = [*own, *found.get(number, [])]
            try:
                x = Activities(layer(x), added=layer.added(x)).onward.h
            except Exception:  # the layer's own check reports it; those above have no input
                break
    else:
        if texts is not None:
            later = later_symbols(layers, texts, classes)
            found |= {each: [*later[each], *found.get(each, [])] for each in later}
    return dict(sorted(found.items()))

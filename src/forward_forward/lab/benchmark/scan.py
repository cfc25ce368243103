"""Samples [n, features] -> the goodness of all labels, as it is mostly done: every row in full."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward.forward import Network
from forward_forward.forward.passes import ROWS


@torch.no_grad()
def naive_scan(network: Network, x: Tensor) -> Tensor:
    """Goodness of each label in each layer, with one dense row for each sample and label.

    Args:
        network: A network of linear layers with ReLU, the label appended.
        x: Samples [n, features].

    Returns:
        Goodness [layers, n, classes]; what `Network.goodness_by_layer` gives.
    """
    classes = network.examples.num_classes
    parts = torch.split(x, max(1, ROWS // classes))
    return torch.cat([_part(network, part, classes) for part in parts], 1)


def _part(network: Network, x: Tensor, classes: int) -> Tensor:
    labels = torch.eye(classes).repeat_interleave(len(x), 0)
    h = torch.cat([x.repeat(classes, 1), labels], 1)
    rated = []
    for layer in network.layers:
        linear = layer.linear
        if linear is None:
            raise ValueError("the naive scan expects linear layers")
        h = h / (h.square().mean(1, keepdim=True).sqrt() + 1e-8)
        h = functional.linear(h, linear.weight, linear.bias).relu()
        rated.append(h.square().mean(1))
    return torch.stack(rated).view(len(rated), classes, len(x)).transpose(1, 2)

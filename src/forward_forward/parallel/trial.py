"""The first batch of some data -> what a network makes of it, apart from any training."""

from __future__ import annotations

import torch
from torch import Tensor

from forward_forward.examples import Inputs, stack
from forward_forward.forward import Network


def examples_of(network: Network, x: Tensor, y: Tensor) -> tuple[Inputs, Inputs | Tensor]:
    """Positives, and positives with negatives as a step shows them.

    Args:
        network: The network, which stays as it is.
        x: Samples [batch, ...].
        y: Labels [batch, ...].
    """
    examples, y = network.examples, y.to(network.device)
    positive = examples.positive(network.ready(x), y)
    scores = torch.zeros(len(x), examples.num_classes, device=network.device)
    rng = torch.Generator(network.device).manual_seed(0)
    return positive, stack(positive, examples.negative(positive, y, rng, scores))

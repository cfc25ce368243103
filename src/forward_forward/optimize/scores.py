"""A batch's forward passes -> scores [rows, classes] that hard negatives are drawn from."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.passes import ForwardPass


@torch.no_grad()
def teach_head(
    network: Network, forward: ForwardPass, inputs: Inputs, y: Tensor, share: Tensor
) -> Tensor:
    """Gradients of the softmax head on the neutral input, by hand: ``(softmax - target)^T h``.

    Args:
        network: A network with a head; the head's ``grad`` is set.
        forward: Its passes on this batch.
        inputs: Any inputs made from the batch; their rest is used.
        y: True labels [batch].
        share: Each sample's share in the mean loss [batch].

    Returns:
        Logits [batch, classes] from before the head's step.

    References:
        Hinton (2022), ``ffnew.m``: the pass that feeds the head also gives the hard negatives.
    """
    head = network.head
    if head is None:
        raise ValueError("teach_head expects a network with a head, got one without")
    activities = forward.activities(network.examples.neutral(inputs))
    rows = [head.row(each.h) for each in itertools.islice(activities, head.skip, None)]
    logits = head.logits(rows).sum(0)
    target = functional.one_hot(y, head.num_classes)
    error = (logits.softmax(1) - target) * share[:, None]
    for weight, h in zip(head.weights, rows, strict=True):
        weight.grad = error.t() @ h
    return logits


@torch.no_grad()
def label_goodness(
    network: Network, forward: ForwardPass, inputs: Inputs, first: int, stop: int
) -> Tensor:
    """Goodness of every label, summed over the layers from ``first`` to before ``stop``.

    Args:
        network: The network.
        forward: Its passes on this batch.
        inputs: Any inputs made from the samples; their rest is used.
        first: The lowest layer that counts.
        stop: The layer above the highest.

    Returns:
        Goodness [rows, classes].
    """
    candidates = network.examples.candidates(inputs)
    # The layers come first in the zip: the pass stops at the last that is needed.
    pairs = zip(network.layers[:stop], forward.activities(candidates), strict=False)
    rated = [layer.rate(each) for index, (layer, each) in enumerate(pairs) if index >= first]
    total = rated[0] if len(rated) == 1 else torch.stack(rated).sum(0)
    return total.view(candidates.variants, -1).t()


def scored_layers(network: Network, trained: int) -> tuple[int, int]:
    """The layers whose goodness hard negatives are drawn from: first, and the one above the last.

    Args:
        network: The network.
        trained: How many layers, from the lowest, have been trained or are.
    """
    if network.examples.scores == "first layer":
        return 0, 1
    first, stop = network.readout
    stop = min(stop, trained)
    return min(first, stop - 1), stop

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
def label_goodness(network: Network, forward: ForwardPass, inputs: Inputs, trained: int) -> Tensor:
    """Goodness of every label, summed over those of the readout's layers that have been trained.

    Args:
        network: The network.
        forward: Its passes on this batch.
        inputs: Any inputs made from the samples; their rest is used.
        trained: How many layers, from the lowest, have been trained or are.

    Returns:
        Goodness [rows, classes].
    """
    first, stop = network.readout
    stop = min(stop, trained)
    first = min(first, stop - 1)
    candidates = network.examples.candidates(inputs)
    # The layers come first in the zip: the pass stops at the last that is needed.
    pairs = zip(network.layers[:stop], forward.activities(candidates), strict=False)
    rated = [layer.rate(each) for index, (layer, each) in enumerate(pairs) if index >= first]
    return torch.stack(rated).sum(0).view(candidates.variants, -1).t()

"""A batch's forward passes -> scores [rows, classes] that hard negatives are drawn from.

Each layer adds its term to the sum over the layers below it, lowest first, so that the result is
the same bit for bit whether the layers are in one process or in several.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass


@torch.no_grad()
def teach_head(
    network: Network, forward: ForwardPass, inputs: Inputs, y: Tensor, sample_weight: Tensor
) -> Tensor:
    """Gradients of the softmax head on the neutral input: ``(softmax - target)^T h``.

    Args:
        network: A network with a head; the head's ``grad`` is set.
        forward: Its passes on this batch.
        inputs: Any inputs computed from the batch; their part without the label is used.
        y: True labels [batch].
        sample_weight: Each sample's weight in the mean loss [batch].

    Returns:
        Logits [batch, classes] before the head's step.

    References:
        Hinton (2022), ``ffnew.m``: the pass that feeds the head also gives the hard negatives.
    """
    head = network.head
    if head is None:
        raise ValueError("teach_head expects a network with a head, got one without")
    neutral = network.examples.neutral(inputs)
    if head.local:
        every = range(len(network.layers))
        return teach_local_head(network, forward, neutral, y, sample_weight, every)[0]
    activities = forward.activities(neutral)
    rows = [head.row(each.h) for each in itertools.islice(activities, head.skip, None)]
    logits = head.logits(rows).sum(0)
    target = functional.one_hot(y, head.num_classes)
    error = (logits.softmax(1) - target) * sample_weight[:, None]
    for weight, h in zip(head.weights, rows, strict=True):
        weight.grad = error.t() @ h
    return logits


@torch.no_grad()
def teach_local_head(
    network: Network,
    forward: ForwardPass,
    source: Inputs | Activities,
    y: Tensor,
    sample_weight: Tensor,
    layers: range,
    below: Tensor | None = None,
) -> tuple[Tensor, Activities]:
    """`teach_head` for a local head, whose layers each learn from their own prediction.

    ``layers`` are run, lowest first; ``source`` is what the first of them reads of the neutral
    input, and ``below`` the sum of the lower layers' logits [batch, classes], or None. Returns that
    sum with these layers' logits added, and the highest activities.
    """
    head = network.head
    if head is None:
        raise ValueError("teach_local_head expects a network with a head, got one without")
    total = below
    target = functional.one_hot(y, head.num_classes)
    for index, each in zip(layers, forward.activities(source, layers.start), strict=False):
        if index >= head.skip:
            weight, row = head.weights[index - head.skip], head.row(each.h)
            logits = row @ weight.t()
            error = (logits.softmax(1) - target) * sample_weight[:, None]
            weight.grad = error.t() @ row
            total = logits if total is None else total + logits
    if total is None:
        total = torch.zeros(target.shape, dtype=network.dtype, device=target.device)
    return total, each


@torch.no_grad()
def label_goodness(
    network: Network,
    forward: ForwardPass,
    source: Inputs | Activities,
    variants: int,
    layers: range,
    counted: range,
    below: Tensor | None = None,
) -> tuple[Tensor, Activities]:
    """Goodness of every label, summed over the ``counted`` layers.

    ``layers`` are run, lowest first; ``source`` is what the first of them reads of the candidates,
    of which a sample has ``variants``, and ``below`` the sum over the lower layers [rows,
    variants], or None. Returns that sum with these layers' goodness added, and the highest
    activities.
    """
    total = below
    for index, each in zip(layers, forward.activities(source, layers.start), strict=False):
        if index in counted:
            rated = network.layers[index].table(each, variants)
            total = rated if total is None else total + rated
    if total is None:
        total = each.h.new_zeros(each.h.shape[0] // variants, variants)
    return total, each


def scored_layers(network: Network, trained: int) -> range:
    """The layers whose goodness hard negatives are drawn from, of those ``trained`` so far."""
    if network.examples.scores == "first layer":
        return range(1)
    # Not those chosen on validation data, from which nothing is learned.
    first, stop = network.fixed_readout
    stop = min(stop, trained)
    return range(min(first, stop - 1), stop)

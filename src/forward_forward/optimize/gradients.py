"""One layer's inputs, positives first -> its activities and the gradients of its own parameters.

Two methods give the same result. `closed_form` needs no graph: for a linear block
``delta = dL/dz`` and ``dW = delta^T x``. `by_autograd` serves every other block, and is the tests'
reference; its graph begins and ends within the layer.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from forward_forward import goodness, losses
from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities, FusedActivation, fused_activation
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer, peer_gradient
from forward_forward.forward.operands import operand_of
from forward_forward.forward.passes import written_out
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.metrics import Figures, figures_of
from forward_forward.radial import radial_of


class LayerOutcome(NamedTuple):
    """What a layer computed from a batch; its gradients are in its parameters' ``grad``.

    ``activities`` are [variants * batch, *feature], ``loss`` is [batch], ``positive`` [batch] and
    ``negative`` [negatives, batch] are goodness, ``figures`` those of the layer.
    """

    activities: Activities
    loss: Tensor
    positive: Tensor
    negative: Tensor
    figures: Figures


def outcome_of(
    activities: Activities,
    loss: Tensor,
    rated: Tensor,
    sample_weight: Tensor,
    *,
    positive: bool = False,
) -> LayerOutcome:
    """The outcome of activities, losses [batch], goodness [variants * batch], weights [batch].

    ``positive`` says that no activity is below 0, which makes a cheaper test for silent units.
    """
    batch = loss.shape[0]
    silent = silent_fraction(activities.h[:batch], positive=positive)
    good, bad = split(rated, batch)
    figures = figures_of(loss, good, bad, silent, sample_weight)
    return LayerOutcome(activities, loss, good, bad, figures)


def silent_fraction(h: Tensor, *, positive: bool) -> Tensor:
    """Fraction of units that are 0 in all of the activities [batch, *feature], a scalar."""
    h = h.flatten(1)
    # One sum is the cheapest test; of numbers that are not negative it is 0 only if all are.
    silent = h.sum(0) == 0 if positive else ~h.any(0)
    return silent.mean(dtype=h.dtype)


def split(values: Tensor, batch: int) -> tuple[Tensor, Tensor]:
    """Values of stacked variants [variants * batch] -> positives [batch], negatives [k, batch]."""
    variants = values.view(-1, batch)
    return variants[0], variants[1:]


@torch.no_grad()
def closed_form(
    layer: Layer,
    affine: Affine,
    source: Inputs | Activities,
    sample_weight: Tensor,
    skip: float = 0.0,
    replicas: ReplicaGroup | None = None,
) -> LayerOutcome:
    """Gradients of a layer with a linear block, without a graph.

    Args:
        layer: The layer.
        affine: Its products, computed from its current weights.
        source: Its input: positives first, then the negatives.
        sample_weight: Each sample's weight in the mean loss [batch]; ``1 / batch`` unweighted.
        skip: Samples whose slopes are all below this fraction of the batch's steepest are left out
            of the gradients' products; 0 leaves out none.
        replicas: The other replicas, if this is a shard of a batch.

    Returns:
        The outcome, with ``grad`` of the block's parameters set.
    """
    operand = operand_of(affine, source)
    z, activation = operand.totals(), affine.activation
    outcome, upstream, delta, scale = (
        _slopes_by_autograd(layer, z, sample_weight)
        if activation is None
        else _slopes_by_formula(layer, activation, z, sample_weight)
    )
    if layer.peer is not None:
        positives = slice(len(sample_weight))
        mean_activity = _follow(layer, outcome.activities.h[positives], sample_weight, replicas)
        # Its slope is not proportional to the activity, so the product must be computed in full.
        delta = delta.clone() if scale is None else delta * scale[:, None]
        delta[positives] += peer_gradient(layer.peer, mean_activity, sample_weight)
        scale = None
    kept = None
    if skip and layer.peer is None:
        kept = steeper(upstream.view(-1, len(sample_weight)), skip, replicas)
    weight_gradient, bias_gradient = operand.gradients(delta, scale, kept, len(sample_weight))
    affine.linear.weight.grad = weight_gradient
    if affine.linear.bias is not None:
        affine.linear.bias.grad = bias_gradient
    return outcome


class _Slopes(NamedTuple):
    """An outcome and the loss's slopes.

    ``upstream`` is the one with respect to the goodness [variants * batch],
    ``scale[:, None] * delta`` the one with respect to the preactivations.
    """

    outcome: LayerOutcome
    upstream: Tensor
    delta: Tensor
    scale: Tensor | None


def _slopes_by_formula(
    layer: Layer, activation: FusedActivation, z: Tensor, sample_weight: Tensor
) -> _Slopes:
    activities = Activities(activation.in_place(z))
    h, rated = activities.h, layer.rate(activities)
    loss, upstream = judge(layer.loss, layer.margin(rated), sample_weight, layer.temperature)
    outcome = outcome_of(activities, loss, rated, sample_weight, positive=activation.positive)
    radial = radial_of(layer.goodness)
    if radial is not None and activation.gates:
        gain = radial.gain(activities.length, h.shape[1], upstream)
        return _Slopes(outcome, upstream, h, gain)
    slope = goodness.slope_of(layer.goodness, h, upstream)
    return _Slopes(outcome, upstream, activation.slope(slope, h), None)


def _slopes_by_autograd(layer: Layer, z: Tensor, sample_weight: Tensor) -> _Slopes:
    with torch.enable_grad():
        leaf = z.detach().requires_grad_()  # not z: its memory is reused
        h = layer.activate(leaf.clone())  # it may work in place
        rated = layer.goodness(h)
    value = rated.detach()
    loss, upstream = judge(layer.loss, layer.margin(value), sample_weight, layer.temperature)
    (delta,) = torch.autograd.grad(rated, leaf, upstream)
    outcome = outcome_of(Activities(h.detach()), loss, value, sample_weight)
    return _Slopes(outcome, upstream, delta, None)


def judge(
    loss: losses.LocalLoss, margins: Tensor, sample_weight: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Loss [batch] and the mean loss's slope with respect to the goodness [variants * batch].

    Args:
        loss: The layer's.
        margins: Of all rows [variants * batch].
        sample_weight: Each sample's weight in the mean loss [batch].
        temperature: The layer's.
    """
    value, d_pos, d_neg = losses.judged(loss, *split(margins, sample_weight.shape[0]))
    if temperature != 1:
        sample_weight = sample_weight / temperature
    upstream = torch.cat([d_pos[None], d_neg]).mul_(sample_weight)
    return value, upstream.flatten()


def _follow(
    layer: Layer, positives: Tensor, sample_weight: Tensor, replicas: ReplicaGroup | None
) -> Tensor:
    """Update the running mean activity [feature] by these positives [batch, feature]."""
    mean = sample_weight @ positives
    return layer.follow_mean_activity(mean if replicas is None else replicas.add(mean))


def steeper(upstream: Tensor, skip: float, replicas: ReplicaGroup | None = None) -> Tensor:
    """Samples whose slope [variants, batch] is at least a fraction of the batch's steepest: [kept].

    >>> steeper(torch.tensor([[-1.0, 0.001, 0.5], [1.0, 0.0, 0.5]]), 0.01)
    tensor([0, 2])
    """
    steepness = upstream.abs().amax(0)
    steepest = steepness.max()
    if replicas is not None:
        steepest = replicas.largest(steepest)
    return (steepness >= skip * steepest).nonzero()[:, 0]


def draws(layer: Layer) -> bool:
    """Whether a layer may draw random numbers itself as it runs."""
    return layer.linear is None or fused_activation(layer.activation) is None


def by_autograd(
    layer: Layer,
    source: Inputs | Activities,
    sample_weight: Tensor,
    replicas: ReplicaGroup | None = None,
) -> LayerOutcome:
    """Gradients of a layer with any block, by a graph that ends at the layer's input.

    Args:
        layer: The layer.
        source: Its input: positives first, then the negatives.
        sample_weight: Each sample's weight in the mean loss [batch]; ``1 / batch`` unweighted.
        replicas: The other replicas, if this is a shard of a batch.

    Returns:
        The outcome, with ``grad`` of the layer's parameters set.
    """
    batch = len(sample_weight)
    with torch.enable_grad():
        z = layer.preactivation(written_out(source))
        # The activation may work in place, and the peer term needs z as it was.
        h = layer.activate(z if layer.peer is None else z.clone())
        rated = layer.goodness(h)
        pos, neg = split(layer.margin(rated), batch)
        loss = layer.loss(pos, neg)
        objective = (sample_weight * loss).sum()
        if layer.peer is not None:
            mean_activity = _follow(layer, h[:batch].detach(), sample_weight, replicas)
            # A product whose slope with respect to z is the peer term, past the activation.
            peer = peer_gradient(layer.peer, mean_activity, sample_weight)
            objective = objective + (peer * z[:batch]).sum()
    weights = [weight for weight in layer.parameters() if weight.requires_grad]
    gradients = torch.autograd.grad(objective, weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    return outcome_of(Activities(h.detach()), loss.detach(), rated.detach(), sample_weight)

"""One layer's inputs, positives first -> its activities and the gradients of its own parameters.

Two methods give the same result. `closed_form` needs no graph: for a linear block
``delta = dL/dz`` and ``dW = delta^T x``. `by_autograd` serves every other block, and is the tests'
reference; its graph begins and ends within the layer.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from forward_forward import goodness, losses, readouts
from forward_forward.examples import Inputs
from forward_forward.forward import workspace as slots
from forward_forward.forward.activities import Activities, FusedActivation, fused_activation
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer
from forward_forward.forward.operands import DenseOperand, operand_of
from forward_forward.forward.passes import written_out
from forward_forward.forward.peer import peer_gradient
from forward_forward.goodness import length_of
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.metrics import Figures, figures_of
from forward_forward.optimize.targets import Targets, joined, split
from forward_forward.radial import radial_of
from forward_forward.readouts import Readout


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
    targets: Targets,
    *,
    positive: bool = False,
) -> LayerOutcome:
    """The outcome of activities, losses [batch], goodness as of `split`, and targets.

    ``positive`` says that no activity is below 0, which makes a cheaper test for silent units.
    """
    batch = loss.shape[0]
    silent = silent_fraction(activities.h[:batch], positive=positive)
    good, bad = split(rated, targets)
    figures = figures_of(loss, good, bad, silent, targets.weight)
    return LayerOutcome(activities, loss, good, bad, figures)


def silent_fraction(h: Tensor, *, positive: bool) -> Tensor:
    """Fraction of units that are 0 in all of the activities [batch, *feature], a scalar."""
    h = h.flatten(1)
    # One sum is the cheapest test; of numbers that are not negative it is 0 only if all are.
    silent = h.sum(0) == 0 if positive else ~h.any(0)
    return silent.mean(dtype=h.dtype)


@torch.no_grad()
def closed_form(
    layer: Layer,
    affine: Affine,
    source: Inputs | Activities,
    targets: Targets,
    skip: float = 0.0,
    replicas: ReplicaGroup | None = None,
) -> LayerOutcome:
    """Gradients of a layer with a linear block, without a graph.

    Args:
        layer: The layer.
        affine: Its products, computed from its current weights.
        source: Its input: positives first, then the negatives.
        targets: The samples' weights in the mean loss, and their labels.
        skip: Samples whose slopes are all below this fraction of the batch's steepest are left out
            of the gradients' products; 0 leaves out none.
        replicas: The other replicas, if this is a shard of a batch.

    Returns:
        The outcome, with ``grad`` of the block's parameters set.
    """
    sample_weight = targets.weight
    # Read before the totals take the memory of the activities below.
    moves = layer.adversarial > 0 and layer.training
    rows = layer.rows(written_out(source)) if moves else None
    operand = operand_of(affine, source)
    outcome, upstream, delta, scale = _slopes(layer, affine, operand.totals(), targets)
    if rows is not None:
        slopes = affine.lowered(slots.DELTA, delta, scale)
        gradient = affine.multiply(slots.INPUT_GRADIENT, slopes, affine.weight)
        rows = moved(rows, gradient, layer.adversarial)
        operand = DenseOperand(affine, Activities(rows), normalized=True)
        totals = operand.totals(slots.MOVED)
        _, upstream, delta, scale = _slopes(layer, affine, totals, targets)
    if layer.peer is not None:
        positives = slice(len(sample_weight))
        mean_activity = _follow(layer, outcome.activities.h[positives], sample_weight, replicas)
        # Its slope is not proportional to the activity, so the product must be computed in full.
        delta = delta.clone() if scale is None else delta * scale[:, None]
        delta[positives] += peer_gradient(layer.peer, mean_activity, sample_weight)
        scale = None
    kept = None
    if skip and layer.peer is None:
        variants = upstream.t() if layer.class_wise else upstream.view(-1, len(sample_weight))
        kept = steeper(variants, skip, replicas)
    weight_gradient, bias_gradient = operand.gradients(delta, scale, kept, len(sample_weight))
    affine.linear.weight.grad = weight_gradient
    if affine.linear.bias is not None:
        affine.linear.bias.grad = bias_gradient
    return outcome


def moved(rows: Tensor, gradient: Tensor, fraction: float) -> Tensor:
    """Inputs [rows, *shape], each moved along its gradient by a fraction of its length.

    >>> moved(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 9.0]]), 0.1)
    tensor([[3.0000, 4.5000]])
    """
    flat = gradient.flatten(1)
    steepness = length_of(flat)
    step = fraction * length_of(rows.flatten(1)) / steepness.masked_fill(steepness == 0, 1)
    return rows + (flat * step[:, None]).view_as(rows)


class _Slopes(NamedTuple):
    """An outcome and the loss's slopes.

    ``upstream`` is the one with respect to the goodness [variants * batch] or [batch, classes],
    ``scale[:, None] * delta`` the one with respect to the preactivations.
    """

    outcome: LayerOutcome
    upstream: Tensor
    delta: Tensor
    scale: Tensor | None


def _slopes(layer: Layer, affine: Affine, z: Tensor, targets: Targets) -> _Slopes:
    if affine.activation is None:
        return _slopes_by_autograd(layer, z, targets)
    return _slopes_by_formula(layer, affine.activation, z, targets)


def _slopes_by_formula(
    layer: Layer, activation: FusedActivation, z: Tensor, targets: Targets
) -> _Slopes:
    activities = Activities(activation.in_place(z))
    h, rated = activities.h, layer.rate(activities)
    loss, upstream = judge(layer.loss, layer.margin(rated), targets, layer.temperature)
    outcome = outcome_of(activities, loss, rated, targets, positive=activation.positive)
    _learn_readout(layer, h, upstream)
    radial = radial_of(layer.goodness)
    if radial is not None and activation.gates:
        gain = radial.gain(activities.length, h.shape[1], upstream)
        return _Slopes(outcome, upstream, h, gain)
    slope = goodness.slope_of(layer.goodness, h, upstream)
    return _Slopes(outcome, upstream, activation.slope(slope, h), None)


def _learn_readout(layer: Layer, h: Tensor, upstream: Tensor) -> None:
    """Set the gradients of a read-out's own weights."""
    if not isinstance(layer.goodness, Readout):
        return
    read = readouts.slopes_of(layer.goodness)
    if read is not None:
        gradients = read.weight_gradients(h, upstream)
        for weight, gradient in zip(layer.goodness.parameters(), gradients, strict=True):
            weight.grad = gradient


def _slopes_by_autograd(layer: Layer, z: Tensor, targets: Targets) -> _Slopes:
    with torch.enable_grad():
        leaf = z.detach().requires_grad_()  # not z: its memory is reused
        h = layer.activate(leaf.clone())  # it may work in place
        rated = layer.goodness(h)
    value = rated.detach()
    loss, upstream = judge(layer.loss, layer.margin(value), targets, layer.temperature)
    (delta,) = torch.autograd.grad(rated, leaf, upstream)
    outcome = outcome_of(Activities(h.detach()), loss, value, targets)
    _learn_readout(layer, outcome.activities.h, upstream)
    return _Slopes(outcome, upstream, delta, None)


def judge(
    loss: losses.LocalLoss, margins: Tensor, targets: Targets, temperature: float
) -> tuple[Tensor, Tensor]:
    """Loss [batch] and the mean loss's slope with respect to the goodness, of its shape.

    Args:
        loss: The layer's loss.
        margins: Margins of all rows [variants * batch], or of every class [batch, classes].
        targets: The samples' weights and labels.
        temperature: The layer's temperature.
    """
    value, d_pos, d_neg = losses.judged(loss, *split(margins, targets))
    weight = targets.weight if temperature == 1 else targets.weight / temperature
    return value, joined(torch.cat([d_pos[None], d_neg]).mul_(weight), margins, targets)


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


def _passed(layer: Layer, rows: Tensor, targets: Targets) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Totals, activities, goodness and losses of a layer's normalised input rows."""
    z = layer.block(rows)
    # The activation may work in place, and the peer term needs z as it was.
    h = layer.activate(z if layer.peer is None else z.clone())
    rated = layer.goodness(h)
    return z, h, rated, layer.loss(*split(layer.margin(rated), targets))


def by_autograd(
    layer: Layer,
    source: Inputs | Activities,
    targets: Targets,
    replicas: ReplicaGroup | None = None,
) -> LayerOutcome:
    """Gradients of a layer with any block, by a graph that ends at the layer's input.

    The arguments and the result are those of `closed_form`.
    """
    sample_weight, batch = targets.weight, len(targets.weight)
    rows = layer.rows(written_out(source))
    with torch.enable_grad():
        z, h, rated, loss = _passed(layer, rows, targets)
        objective = (sample_weight * loss).sum()
        if layer.adversarial and layer.training:
            leaf = rows.detach().requires_grad_()
            _, _, _, local = _passed(layer, leaf, targets)
            (slope,) = torch.autograd.grad((sample_weight * local).sum(), leaf)
            *_, harder = _passed(layer, moved(rows, slope, layer.adversarial), targets)
            objective = (sample_weight * harder).sum()
        if layer.peer is not None:
            mean_activity = _follow(layer, h[:batch].detach(), sample_weight, replicas)
            # A product whose slope with respect to z is the peer term, past the activation.
            peer = peer_gradient(layer.peer, mean_activity, sample_weight)
            objective = objective + (peer * z[:batch]).sum()
    weights = [weight for weight in layer.parameters() if weight.requires_grad]
    gradients = torch.autograd.grad(objective, weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    return outcome_of(Activities(h.detach()), loss.detach(), rated.detach(), targets)

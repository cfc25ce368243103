"""One layer's inputs, positives first -> its activities and the gradients of its own parameters.

Two methods give the same result. `closed_form` needs no graph: for a linear block
``delta = dL/dz`` and ``dW = delta^T x``. `by_autograd` serves every other block, and is the tests'
reference; its graph begins and ends within the layer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward import workspace as slots
from forward_forward.forward.activities import Activities, fused_activation
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer
from forward_forward.forward.operands import DenseOperand, operand_of
from forward_forward.forward.passes import written_out
from forward_forward.forward.peer import peer_gradient
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.outcome import LayerOutcome, outcome_of
from forward_forward.optimize.slopes import moved, slopes
from forward_forward.optimize.targets import Targets, split


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
    factor = operand.factor
    outcome, upstream, delta, scale, multiplied = slopes(
        layer, affine, operand.totals(), targets, None if moves else factor
    )
    if rows is not None:
        lowered = affine.lowered(slots.DELTA, delta, scale)
        gradient = affine.multiply(slots.INPUT_GRADIENT, lowered, affine.weight)
        rows = moved(rows, gradient, layer.adversarial)
        operand = DenseOperand(affine, Activities(rows), normalized=True)
        totals = operand.totals(slots.MOVED)
        _, upstream, delta, scale, multiplied = slopes(layer, affine, totals, targets, None)
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
    batch = len(sample_weight)
    if isinstance(operand, DenseOperand):
        found = operand.gradients(delta, scale, kept, batch, multiplied=multiplied)
    else:
        found = operand.gradients(delta, scale, kept, batch)
    weight_gradient, bias_gradient = found
    affine.linear.weight.grad = weight_gradient
    if affine.linear.bias is not None:
        affine.linear.bias.grad = bias_gradient
    return outcome


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

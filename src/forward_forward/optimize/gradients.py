"""One layer's inputs, positives first -> its activities and the gradients of its own parameters.

Two methods give the same result. `closed_form` needs no graph: for a linear block
``delta = dL/dz`` and ``dW = delta^T x``. `by_autograd` serves every other block, and is the tests'
reference; its graph begins and ends within the layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from forward_forward.examples import Inputs
from forward_forward.forward import workspace as slots
from forward_forward.forward.activities import Activities, fused_activation
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer
from forward_forward.forward.operands import DenseOperand, operand_of
from forward_forward.forward.passes import lowered, read_by, written_out
from forward_forward.forward.peer import PeerNormalization, peer_gradient
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.outcome import LayerOutcome, outcome_of
from forward_forward.optimize.slopes import Slopes, moved, slopes
from forward_forward.optimize.targets import Targets, loss_of, margins
from forward_forward.terms import each_sample


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
        The outcome, with ``grad`` of the block's parameters set, unless the loss does not reach it.
    """
    batch = len(targets.weight)
    # Read before the totals take the memory of the activities below.
    moves = layer.adversarial > 0 and layer.training
    rows = layer.rows(written_out(source)) if moves else None
    operand = operand_of(affine, source)
    factor = None if moves else operand.factor
    found = slopes(layer, affine, operand.totals(), targets, factor)
    outcome = found.outcome
    if getattr(layer.goodness, "detached", False):
        return outcome  # nothing reaches the block
    if rows is not None:
        operand, found = _adversarial(layer, affine, rows, found, targets)
    if layer.peer is not None:
        found = _pulled(layer, layer.peer, found, targets, replicas)
    kept = None
    if skip and layer.peer is None:
        variants = found.upstream.t() if layer.class_wise else found.upstream.view(-1, batch)
        kept = steeper(variants, skip, replicas)
    if isinstance(operand, DenseOperand):
        multiplied = found.multiplied
        both = operand.gradients(found.delta, found.scale, kept, batch, multiplied=multiplied)
    else:
        both = operand.gradients(found.delta, found.scale, kept, batch)
    affine.linear.weight.grad = both[0]
    if affine.linear.bias is not None:
        affine.linear.bias.grad = both[1]
    return outcome


def _adversarial(
    layer: Layer, affine: Affine, rows: Tensor, found: Slopes, targets: Targets
) -> tuple[DenseOperand, Slopes]:
    """The normalised input rows moved along the gradient of their loss, and the slopes there."""
    lowered = affine.lowered(slots.DELTA, found.delta, found.scale)
    gradient = affine.multiply(slots.INPUT_GRADIENT, lowered, affine.weight)
    further = moved(rows, gradient, layer.adversarial)
    operand = DenseOperand(affine, Activities(further), normalized=True)
    return operand, slopes(layer, affine, operand.totals(slots.MOVED), targets, None)


def _pulled(
    layer: Layer,
    peer: PeerNormalization,
    found: Slopes,
    targets: Targets,
    replicas: ReplicaGroup | None,
) -> Slopes:
    """The slopes with the pull of peer normalisation added to those of the positives."""
    positives = slice(len(targets.weight))
    active = found.outcome.activities.h[positives]
    mean_activity = _follow(layer, active, targets.weight, replicas)
    # The pull is not proportional to the activity, so the product must be computed in full.
    delta = found.delta.clone() if found.scale is None else found.delta * found.scale[:, None]
    delta[positives] += peer_gradient(peer, mean_activity, targets.weight)
    return found._replace(delta=delta, scale=None)


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


def passed(
    layer: Layer, rows: Tensor, targets: Targets, products: torch.dtype | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Totals, activities, goodness and losses of a layer's normalised input rows.

    ``products`` is the type of the products within the block, None for the weights' own.
    """
    with lowered(rows.device, products):
        z = layer.block(rows)
        # The activation may work in place, and the peer term needs z as it was.
        h = layer.activate(z if layer.peer is None else z.clone())
    rated = layer.judge(h)
    if rated.dim() == 3:  # at every position
        rated = rated.flatten(0, 1)
    loss = loss_of(layer.loss, margins(layer, rated, targets), targets)
    for term in layer.terms:
        positives = h[: len(targets.weight)].to(rated.dtype)
        loss = loss + each_sample(term, positives, targets.labels)
    return z, h, rated, loss


def set_gradients(weights: Sequence[nn.Parameter], gradients: Iterable[Tensor | None]) -> None:
    """Set the gradients of weights, in the order in which memory holds the weights.

    Fused optimisers read both in the order of memory, and the gradient of a convolution of
    channels-last pictures is laid out in another one.
    """
    for weight, gradient in zip(weights, gradients, strict=True):
        if gradient is not None and gradient.stride() != weight.stride():
            gradient = torch.empty_like(weight).copy_(gradient)
        weight.grad = gradient


def by_autograd(
    layer: Layer,
    source: Inputs | Activities,
    targets: Targets,
    replicas: ReplicaGroup | None = None,
    products: torch.dtype | None = None,
) -> LayerOutcome:
    """Gradients of a layer with any block, by a graph that ends at the layer's input.

    The arguments and the result are those of `closed_form`, and ``products`` as of `passed`.
    """
    sample_weight, batch = targets.weight, len(targets.weight)
    rows = layer.rows(read_by(layer, source))
    with torch.enable_grad():
        z, h, rated, loss = passed(layer, rows, targets, products)
        objective = (sample_weight * loss).sum()
        if layer.adversarial and layer.training:
            leaf = rows.detach().requires_grad_()
            _, _, _, local = passed(layer, leaf, targets, products)
            (slope,) = torch.autograd.grad((sample_weight * local).sum(), leaf)
            *_, harder = passed(layer, moved(rows, slope, layer.adversarial), targets, products)
            objective = (sample_weight * harder).sum()
        if layer.peer is not None:
            mean_activity = _follow(layer, h[:batch].detach(), sample_weight, replicas)
            # A product whose slope with respect to z is the peer term, past the activation.
            peer = peer_gradient(layer.peer, mean_activity, sample_weight)
            objective = objective + (peer * z[:batch]).sum()
    weights = [weight for weight in layer.parameters() if weight.requires_grad]
    gradients = torch.autograd.grad(objective, weights, allow_unused=True)
    set_gradients(weights, gradients)
    return outcome_of(Activities(h.detach()), loss.detach(), rated.detach(), targets)

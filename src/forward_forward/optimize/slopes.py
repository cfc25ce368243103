"""A layer's totals [rows, units] -> slopes of its loss: of its goodness, totals and read-out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from forward_forward import goodness, losses, readouts
from forward_forward.fast_paths import fast_path
from forward_forward.forward import workspace as slots
from forward_forward.forward.activities import Activities, FusedActivation
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer
from forward_forward.goodness import length_of
from forward_forward.optimize.outcome import LayerOutcome, outcome_of
from forward_forward.optimize.targets import Targets, joined, margins, split, with_soft_targets
from forward_forward.radial import radial_of
from forward_forward.readouts import Readout


def moved(rows: Tensor, gradient: Tensor, fraction: float) -> Tensor:
    """Inputs [rows, *shape], each moved along its gradient by a fraction of its length.

    >>> moved(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 9.0]]), 0.1)
    tensor([[3.0000, 4.5000]])
    """
    flat = gradient.flatten(1)
    steepness = length_of(flat)
    step = fraction * length_of(rows.flatten(1)) / steepness.masked_fill(steepness == 0, 1)
    return rows + (flat * step[:, None]).view_as(rows)


class Slopes(NamedTuple):
    """An outcome and the loss's slopes.

    ``upstream`` is the one with respect to the goodness [variants * batch] or [batch, classes],
    ``scale[:, None] * delta`` the one with respect to the preactivations, perhaps ``multiplied`` by
    the factor of the operand's rows.
    """

    outcome: LayerOutcome
    upstream: Tensor
    delta: Tensor
    scale: Tensor | None
    multiplied: bool = False


def slopes(
    layer: Layer, affine: Affine, z: Tensor, targets: Targets, factor: Tensor | None
) -> Slopes:
    """The slopes of a layer's loss, and what else is known of its totals.

    Args:
        layer: The layer; gradients of its read-out's weights are set, if it has some.
        affine: Its products.
        z: Totals [rows, units], whose memory the activities take.
        targets: The samples' weights and labels.
        factor: What normalisation multiplies each input row by [rows]; the slopes of a read-out are
            then multiplied by it too. None for no factor, or not to.
    """
    if affine.activation is None:
        return _slopes_by_autograd(layer, z, targets)
    if isinstance(layer.goodness, Readout):
        return _slopes_of_readout(layer, affine, affine.activation, z, targets, factor)
    return _slopes_by_formula(layer, affine.activation, z, targets)


def _slopes_of_readout(
    layer: Layer,
    affine: Affine,
    activation: FusedActivation,
    z: Tensor,
    targets: Targets,
    factor: Tensor | None,
) -> Slopes:
    activities = Activities(activation.in_place(z))
    h, rated = activities.h, layer.rate(activities)
    loss, upstream = judge(layer.loss, margins(layer, rated, targets), targets, layer.temperature)
    outcome = outcome_of(activities, loss, rated, targets, positive=activation.positive)
    _learn_readout(layer, h, upstream)
    # A row's factor multiplies its few classes, which is cheaper than its many units.
    scaled = upstream if factor is None else upstream * factor[:, None]
    read = readouts.slopes_of(layer.goodness)
    slope = (
        goodness.slope_of(layer.goodness, h, scaled)
        if read is None
        else read.slope(h, scaled, affine.take(slots.SLOPES, *h.shape))
    )
    delta = activation.slope_in_place(slope, h)
    return Slopes(outcome, upstream, delta, None, multiplied=factor is not None)


def _slopes_by_formula(
    layer: Layer, activation: FusedActivation, z: Tensor, targets: Targets
) -> Slopes:
    activities = Activities(activation.in_place(z))
    h, rated = activities.h, layer.rate(activities)
    loss, upstream = judge(layer.loss, margins(layer, rated, targets), targets, layer.temperature)
    outcome = outcome_of(activities, loss, rated, targets, positive=activation.positive)
    radial = radial_of(layer.goodness)
    if radial is not None and activation.gates:
        gain = radial.gain(activities.length, h.shape[1], upstream)
        return Slopes(outcome, upstream, h, gain)
    slope = goodness.slope_of(layer.goodness, h, upstream)
    return Slopes(outcome, upstream, activation.slope(slope, h), None)


def _learn_readout(layer: Layer, h: Tensor, upstream: Tensor) -> None:
    """Set the gradients of a read-out's own weights."""
    if not isinstance(layer.goodness, Readout):
        return
    read = readouts.slopes_of(layer.goodness)
    if read is not None:
        gradients = read.weight_gradients(h, upstream)
        for weight, gradient in zip(layer.goodness.parameters(), gradients, strict=True):
            weight.grad = gradient


def _slopes_by_autograd(layer: Layer, z: Tensor, targets: Targets) -> Slopes:
    with torch.enable_grad():
        leaf = z.detach().requires_grad_()  # not z: its memory is reused
        h = layer.activate(leaf.clone())  # it may work in place
        rated = layer.goodness(h)
    value = rated.detach()
    loss, upstream = judge(layer.loss, margins(layer, value, targets), targets, layer.temperature)
    (delta,) = torch.autograd.grad(rated, leaf, upstream)
    outcome = outcome_of(Activities(h.detach()), loss, value, targets)
    _learn_readout(layer, outcome.activities.h, upstream)
    return Slopes(outcome, upstream, delta, None)


def judge(
    loss: losses.LocalLoss, compared: Tensor, targets: Targets, temperature: float
) -> tuple[Tensor, Tensor]:
    """Loss [batch] and the mean loss's slope with respect to the goodness, of its shape.

    Args:
        loss: The layer's loss.
        compared: Margins of all rows [variants * batch], or of every class [batch, classes].
        targets: The samples' weights and labels.
        temperature: The layer's temperature.
    """
    weight = targets.weight if temperature == 1 else targets.weight / temperature
    if targets.soft is not None:
        value, slope = with_soft_targets(loss).soft_judged(compared, targets.soft)
        return value, slope.mul_(weight[:, None])
    if compared.dim() == 2:
        by_table = fast_path(loss, losses.HasTable)
        if by_table is not None:
            value, slope = by_table.judged_table(compared, targets.known_labels)
            return value, slope.mul_(weight[:, None])
    value, d_pos, d_neg = losses.judged(loss, *split(compared, targets))
    return value, joined(torch.cat([d_pos[None], d_neg]).mul_(weight), compared, targets)

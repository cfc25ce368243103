"""One layer's inputs, positives first -> its activities and the gradients of its own parameters.

Two paths give one result. `closed_form` needs no graph: for a linear block ``delta = dL/dz`` and
``dW = delta^T x``. `by_autograd` serves every other block, and is the reference of the tests; its
graph begins and ends within the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forward_forward import goodness, losses
from forward_forward.examples import Inputs
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer, peer_gradient
from forward_forward.forward.passes import written_out


class Outcome(NamedTuple):
    """What a layer made of a batch; its gradients lie in its parameters' ``grad``.

    ``h`` are the activities [variants * batch, *feature], ``loss`` is [batch], ``positive`` [batch]
    and ``negative`` [negatives, batch] are goodness.
    """

    h: Tensor
    loss: Tensor
    positive: Tensor
    negative: Tensor

    def statistics(self, share: Tensor) -> dict[str, Tensor]:
        """Figures of the batch, each a scalar on the device; see `Trainer.step`."""
        positives = self.h[: len(share)]
        silent = positives.flatten(1).abs().sum(0) == 0
        figures = {
            "loss": share @ self.loss,
            "goodness_positive": share @ self.positive,
            "silent_units": silent.to(share).mean(),
        }
        if len(self.negative):
            higher = (self.positive > self.negative).to(share)
            figures["goodness_negative"] = share @ self.negative.mean(0)
            figures["separation"] = share @ higher.mean(0)
        return figures


def split(values: Tensor, batch: int) -> tuple[Tensor, Tensor]:
    """Values of stacked variants [variants * batch] -> positives [batch], negatives [k, batch]."""
    return values[:batch], values[batch:].view(-1, batch)


@torch.no_grad()
def closed_form(layer: Layer, affine: Affine, source: Inputs | Tensor, share: Tensor) -> Outcome:
    """Gradients of a layer with a linear block, without a graph.

    Args:
        layer: The layer.
        affine: Its products, made from its present weights.
        source: Its input: positives first, then the negatives.
        share: Each sample's share in the mean loss [batch]; ``1 / batch`` unweighted.

    Returns:
        The outcome, with ``grad`` of the block's parameters set.
    """
    operand = affine.operand(source)
    batch = len(share)
    z = operand.totals()
    if type(layer.activation) in _ACTIVATION_SLOPES:
        h = layer.activate(z)
        rated = layer.goodness(h)
        loss, upstream = _judge(layer, rated, share)
        slope = goodness.slope_of(layer.goodness, h, upstream)
        delta = _ACTIVATION_SLOPES[type(layer.activation)](slope, h)
    else:
        with torch.enable_grad():
            leaf = z.requires_grad_()
            h = layer.activate(leaf.clone())  # it may work in place
            rated = layer.goodness(h)
        loss, upstream = _judge(layer, rated.detach(), share)
        (delta,) = torch.autograd.grad(rated, leaf, upstream)
        h, rated = h.detach(), rated.detach()
    if layer.peer is not None:
        mean_activity = layer.follow_mean_activity(h[:batch], share)
        delta = delta.contiguous()  # a sum's slope is one number seen many times
        delta[:batch] += peer_gradient(layer.peer, mean_activity, share)
    affine.linear.weight.grad = operand.weight_gradient(delta)
    if affine.linear.bias is not None:
        affine.linear.bias.grad = delta.sum(0)
    return Outcome(h, loss, *split(rated, batch))


def _judge(layer: Layer, rated: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Loss [batch] and the mean loss's slope [variants * batch] for the goodness of all rows."""
    pos, neg = split(layer.margin(rated), len(share))
    d_pos, d_neg = losses.slope_of(layer.loss, pos, neg)
    upstream = torch.cat([d_pos[None], d_neg]) * (share / layer.temperature)
    return layer.loss(pos, neg), upstream.flatten()


# Slopes found from the activities, times what comes from above; others go through autograd.
_ACTIVATION_SLOPES: dict[type | None, Callable[[Tensor, Tensor], Tensor]] = {
    nn.ReLU: lambda slope, h: torch.ops.aten.threshold_backward(slope, h, 0),
    nn.Tanh: torch.ops.aten.tanh_backward,
    nn.Sigmoid: torch.ops.aten.sigmoid_backward,
    nn.Identity: lambda slope, h: slope,
}


def draws(layer: Layer) -> bool:
    """Whether a layer may draw random numbers of its own as it runs."""
    return layer.linear is None or type(layer.activation) not in _ACTIVATION_SLOPES


def by_autograd(layer: Layer, source: Inputs | Tensor, share: Tensor) -> Outcome:
    """Gradients of a layer with any block, by a graph that ends at the layer's input.

    Args:
        layer: The layer.
        source: Its input: positives first, then the negatives.
        share: Each sample's share in the mean loss [batch]; ``1 / batch`` unweighted.

    Returns:
        The outcome, with ``grad`` of the layer's parameters set.
    """
    batch = len(share)
    with torch.enable_grad():
        z = layer.preactivation(written_out(source))
        # The activation may work in place, and the peer term needs z as it was.
        h = layer.activate(z if layer.peer is None else z.clone())
        rated = layer.goodness(h)
        pos, neg = split(layer.margin(rated), batch)
        loss = layer.loss(pos, neg)
        objective = (share * loss).sum()
        if layer.peer is not None:
            mean_activity = layer.follow_mean_activity(h[:batch].detach(), share)
            # A product whose slope with respect to z is the peer term, past the activation.
            objective = (
                objective + (peer_gradient(layer.peer, mean_activity, share) * z[:batch]).sum()
            )
    weights = [weight for weight in layer.parameters() if weight.requires_grad]
    gradients = torch.autograd.grad(objective, weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    return Outcome(h.detach(), loss.detach(), *split(rated.detach(), batch))

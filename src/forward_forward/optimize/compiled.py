"""`closed_form` with all that lies between a layer's two products compiled into a few kernels.

Small layers spend more time in the calls of small kernels than in their products; torch.compile
joins them. It needs a C++ compiler (or a GPU) and some seconds at the first step, so it pays in
long runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward.activation import Known, known
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine, LabelledOperand
from forward_forward.forward.layer import Layer
from forward_forward.goodness import length_of, slope_of
from forward_forward.optimize.gradients import Outcome, closed_form, judge, silent_share, split
from forward_forward.radial import radial_of


class Compiled:
    """Gradients of one layer, with compiled kernels for batches of the first size it meets.

    Other sizes, such as the last batch of an epoch, are left to `closed_form`: to compile for them
    too would cost more than it saves.

    Args:
        layer: A layer with a linear block.
        products: Type of the products' operands.
    """

    def __init__(self, layer: Layer, products: torch.dtype) -> None:
        activation = None if layer.peer is not None else known(layer.activation)
        self.fits = activation is not None
        self.batch: int | None = None
        if activation is not None:
            tail = _tail(layer, activation)
            self.dense: Any = torch.compile(_dense(tail, products), dynamic=False)
            self.labelled: Any = torch.compile(_labelled(tail, products), dynamic=False)

    @torch.no_grad()
    def __call__(
        self, layer: Layer, affine: Affine, source: Inputs | Activities, share: Tensor
    ) -> Outcome:
        """The same as `closed_form`."""
        self.batch = self.batch or len(share)
        if not self.fits or len(share) != self.batch:
            return closed_form(layer, affine, source, share)
        operand, linear = affine.operand(source), affine.linear
        constants = affine.bias, layer.threshold_value, share
        if isinstance(operand, LabelledOperand):
            inputs = operand.shared.product, operand.label_products(), operand.inputs.index
            tail, total, delta = self.labelled(*inputs, operand.divisor, *constants)
            linear.weight.grad = operand.weight_gradient(total, delta)
        else:
            tail, delta = self.dense(operand.product(), *constants)
            linear.weight.grad = operand.weight_gradient(delta)
        if linear.bias is not None:
            linear.bias.grad = tail.bias_gradient
        activities = Activities(tail.h, tail.length)
        return Outcome(activities, tail.loss, *split(tail.rated, len(share)), tail.silent)


class _Tail(NamedTuple):
    """What follows from a layer's totals."""

    h: Tensor
    length: Tensor
    loss: Tensor
    rated: Tensor
    silent: Tensor
    bias_gradient: Tensor


def _tail(layer: Layer, activation: Known) -> Callable[..., tuple[_Tail, Tensor]]:
    """Totals [rows, units] -> what follows, and the slopes with respect to them [rows, units]."""
    radial, goodness = radial_of(layer.goodness), layer.goodness

    def tail(z: Tensor, threshold: Tensor, share: Tensor) -> tuple[_Tail, Tensor]:
        h = activation.of(z)
        length = length_of(h)
        rated = goodness(h) if radial is None else radial.of_length(length, h.shape[1])
        loss, upstream = judge(layer, rated, threshold, share)
        if radial is not None and activation.gates:
            delta = h * radial.gain(length, h.shape[1], upstream)[:, None]
        else:
            delta = activation.slope(slope_of(goodness, h, upstream), h)
        silent = silent_share(h[: len(share)])
        return _Tail(h, length, loss, rated, silent, delta.sum(0)), delta

    return tail


def _dense(
    tail: Callable[..., tuple[_Tail, Tensor]], products: torch.dtype
) -> Callable[..., tuple[_Tail, Tensor]]:
    """The product of rows written out [rows, units] -> what follows."""

    def dense(
        product: Tensor, bias: Tensor | None, threshold: Tensor, share: Tensor
    ) -> tuple[_Tail, Tensor]:
        z = product.to(share.dtype)
        follows, delta = tail(z if bias is None else z + bias, threshold, share)
        return follows, delta.to(products)

    return dense


def _labelled(
    tail: Callable[..., tuple[_Tail, Tensor]], products: torch.dtype
) -> Callable[..., tuple[_Tail, Tensor, Tensor]]:
    """The shared product [batch, units] and those of the labels -> what follows."""

    def labelled(
        product: Tensor,
        labels: Tensor,
        index: Tensor,
        divisor: Tensor | None,
        bias: Tensor | None,
        threshold: Tensor,
        share: Tensor,
    ) -> tuple[_Tail, Tensor, Tensor]:
        z = product + labels[index]
        if divisor is not None:
            z = z / divisor[..., None]
        if bias is not None:
            z = z + bias
        follows, delta = tail(z.flatten(0, 1), threshold, share)
        if divisor is not None:
            delta = delta / divisor.flatten()[:, None]
        total = delta.view(*index.shape, -1).sum(0)
        return follows, total.to(products), delta

    return labelled

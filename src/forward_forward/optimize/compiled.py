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
from forward_forward.forward.normalize import LengthNormalize
from forward_forward.forward.passes import written_out
from forward_forward.goodness import length_of, slope_of
from forward_forward.optimize.gradients import Outcome, closed_form, judge, silent_share, split
from forward_forward.parts import offers
from forward_forward.radial import radial_of


class Compiled:
    """Gradients of one layer, with compiled kernels for the largest batches it has met.

    Smaller ones, such as the last batch of an epoch, are left to `closed_form`: to compile for them
    too would cost more than it saves.

    Args:
        layer: A layer with a linear block.
        products: Type of the products' operands.
    """

    def __init__(self, layer: Layer, products: torch.dtype) -> None:
        activation = None if layer.peer is not None else known(layer.activation)
        self.fits = activation is not None
        self.batch = 0
        if activation is not None:
            tail = _tail(layer, activation)
            self.dense = _compiled(_dense(layer, tail, products))
            self.labelled = _compiled(_labelled(tail, products))

    @torch.no_grad()
    def __call__(
        self, layer: Layer, affine: Affine, source: Inputs | Activities, share: Tensor
    ) -> Outcome:
        """The same as `closed_form`."""
        self.batch = max(self.batch, len(share))
        if not self.fits or len(share) != self.batch:
            return closed_form(layer, affine, source, share)
        linear = affine.linear
        constants = affine.bias, layer.threshold_value, share
        if isinstance(source, Inputs) and affine.shares(source):
            operand = LabelledOperand(affine, source)
            inputs = operand.shared.product, operand.label_products(), source.index
            tail, total, delta = self.labelled(*inputs, operand.divisor, *constants)
            linear.weight.grad = operand.weight_gradient(total, delta)
        else:
            rows = Activities(written_out(source)) if isinstance(source, Inputs) else source
            layer.check_width(rows.h.flatten(1).shape[1])
            tail, linear.weight.grad = self.dense(rows.h, rows.length, affine.weight, *constants)
        if linear.bias is not None:
            linear.bias.grad = tail.bias_gradient
        activities = Activities(tail.h, tail.length)
        return Outcome(activities, tail.loss, *split(tail.rated, len(share)), tail.silent)


def _compiled(function: Callable[..., Any]) -> Any:
    # The layer's parts stay as they were when it was compiled, so at each call only the tensors
    # are looked at again: the rest of torch's guards would take longer than the kernels. Without
    # them, layers must not share what was compiled for another.
    guards: Any = {"guard_filter_fn": torch.compiler.keep_tensor_guards_unsafe}
    compile: Any = torch.compile
    return compile(function, dynamic=False, options=guards, isolate_recompiles=True)


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
    # Only what is needed of the layer: a whole module would be looked through at each call.
    radial, goodness, loss = radial_of(layer.goodness), layer.goodness, layer.loss
    temperature = layer.temperature

    def tail(z: Tensor, threshold: Tensor, share: Tensor) -> tuple[_Tail, Tensor]:
        h = activation.of(z)
        length = length_of(h)
        rated = goodness(h) if radial is None else radial.of_length(length, h.shape[1])
        margins = (rated - threshold) / temperature
        losses, upstream = judge(loss, margins, share, temperature)
        if radial is not None and activation.gates:
            delta = h * radial.gain(length, h.shape[1], upstream)[:, None]
        else:
            delta = activation.slope(slope_of(goodness, h, upstream), h)
        silent = silent_share(h[: len(share)], positive=activation.positive)
        return _Tail(h, length, losses, rated, silent, delta.sum(0)), delta

    return tail


def _dense(
    layer: Layer, tail: Callable[..., tuple[_Tail, Tensor]], products: torch.dtype
) -> Callable[..., tuple[_Tail, Tensor]]:
    """Rows written out [rows, inputs] -> what follows, and the gradient of the weights."""
    normalize = layer.normalize

    def dense(
        x: Tensor,
        length: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        threshold: Tensor,
        share: Tensor,
    ) -> tuple[_Tail, Tensor]:
        x = x.flatten(1)
        if normalize is not None and offers(normalize, LengthNormalize):
            x = x / normalize.divisor(length.square(), x.shape[1])[:, None]
        elif normalize is not None:
            x = normalize(x)
        rows = x.to(products)
        z = (rows @ weight.t()).to(share.dtype)
        follows, delta = tail(z if bias is None else z + bias, threshold, share)
        gradient = delta.to(products).t() @ rows
        return follows, gradient.to(share.dtype)

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

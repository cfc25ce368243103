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
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer
from forward_forward.forward.operands import LabelledOperand, length_factor, operand_of
from forward_forward.forward.passes import written_out
from forward_forward.goodness import length_of, slope_of
from forward_forward.optimize.gradients import (
    Outcome,
    closed_form,
    judge,
    silent_share,
    split,
    steeper,
)
from forward_forward.radial import radial_of


class Compiled:
    """Gradients of one layer, with compiled kernels for the largest batches it has met.

    Smaller ones, such as the last batch of an epoch, are left to `closed_form`: to compile for them
    too would cost more than it saves.

    Args:
        layer: A layer with a linear block.
        products: Type of the products' operands.
        skip: See `closed_form`.
    """

    def __init__(self, layer: Layer, products: torch.dtype, skip: float = 0.0) -> None:
        activation = None if layer.peer is not None else known(layer.activation)
        self.fits = activation is not None
        self.skip = skip
        self.batch = 0
        if activation is not None:
            _keep_freed_memory()
            front = _front(layer, activation)
            self.front, self.labelled_front = _compiled(front), _compiled(_labelled_front(front))
            self.dense = _compiled(_dense(layer, front, products))
            self.labelled = _compiled(_labelled(front, products))

    @torch.no_grad()
    def __call__(
        self, layer: Layer, affine: Affine, source: Inputs | Activities, share: Tensor
    ) -> Outcome:
        """The same as `closed_form`."""
        self.batch = max(self.batch, len(share))
        if not self.fits or len(share) != self.batch:
            return closed_form(layer, affine, source, share, self.skip)
        constants = affine.bias, layer.threshold_value, share
        gradients = self._of_few if self.skip else self._of_all
        front, weight_gradient, bias_gradient = gradients(affine, source, constants)
        affine.linear.weight.grad = weight_gradient
        if affine.linear.bias is not None:
            affine.linear.bias.grad = bias_gradient
        rated = split(front.rated, len(share))
        return Outcome(Activities(front.h, front.length), front.loss, *rated, front.silent)

    def _of_all(
        self, affine: Affine, source: Inputs | Activities, constants: _Constants
    ) -> tuple[_Front, Tensor, Tensor]:
        """Gradients of the weights and biases, from all samples."""
        if isinstance(source, Inputs) and affine.shares(source):
            operand = LabelledOperand(affine, source)
            front, total, delta, bias = self.labelled(*_shared(operand), *constants)
            return front, operand.weight_gradient(total, delta), bias
        rows = Activities(written_out(source)) if isinstance(source, Inputs) else source
        affine.layer.check_width(rows.h.flatten(1).shape[1])
        gradients: tuple[_Front, Tensor, Tensor] = self.dense(
            rows.h, length_factor(affine.layer, rows), affine.weight, *constants
        )
        return gradients

    def _of_few(
        self, affine: Affine, source: Inputs | Activities, constants: _Constants
    ) -> tuple[_Front, Tensor, Tensor]:
        """The same from those whose slope is steep: how many there are is not known beforehand."""
        operand, batch = operand_of(affine, source), len(constants[-1])
        if isinstance(operand, LabelledOperand):
            front: _Front = self.labelled_front(*_shared(operand), *constants)
        else:
            front = self.front(operand.product(), *constants)
        kept = steeper(front.upstream.view(-1, batch), self.skip)
        slopes = (front.h, front.gain) if front.delta is None else (front.delta, None)
        return front, *operand.gradients(*slopes, kept, batch)


_Constants = tuple[Tensor | None, Tensor, Tensor]  # biases, threshold, each sample's share


def _shared(operand: LabelledOperand) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """What the totals of label variants are made of: see `_totals`."""
    product, by_label = operand.shared.product, operand.label_products()
    return product, by_label, operand.inputs.index, operand.factor


def _compiled(function: Callable[..., Any]) -> Any:
    # The layer's parts stay as they were when it was compiled, so at each call only the tensors
    # are looked at again: the rest of torch's guards would take longer than the kernels. Without
    # them, layers must not share what was compiled for another.
    guards: Any = {"guard_filter_fn": torch.compiler.keep_tensor_guards_unsafe}
    compile: Any = torch.compile
    return compile(function, dynamic=False, options=guards, isolate_recompiles=True)


def _keep_freed_memory() -> None:
    """Let the C library keep memory that compiled kernels free, for the next step.

    glibc gives a block back to the system until one of that size or larger was freed; to ask for
    it anew costs up to a tenth of a step in page faults. This block is the largest that it learns
    from, and none of its pages is touched. Other libraries take no notice.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


class _Front(NamedTuple):
    """What follows from a layer's totals.

    The slopes with respect to them are ``delta`` [rows, units] or, where that is None,
    ``gain[:, None] * h``; ``upstream`` [rows] are those with respect to the goodness.
    """

    h: Tensor
    length: Tensor
    loss: Tensor
    rated: Tensor
    silent: Tensor
    upstream: Tensor
    delta: Tensor | None
    gain: Tensor | None

    def slopes(self) -> Tensor:
        """The slopes with respect to the totals [rows, units]."""
        if self.delta is not None:
            return self.delta
        return self.h if self.gain is None else self.h * self.gain[:, None]


def _front(layer: Layer, activation: Known) -> Callable[..., _Front]:
    """A product with the weights [rows, units] -> what follows."""
    # Only what is needed of the layer: a whole module would be looked through at each call.
    radial, goodness, loss = radial_of(layer.goodness), layer.goodness, layer.loss
    temperature = layer.temperature

    def front(product: Tensor, bias: Tensor | None, threshold: Tensor, share: Tensor) -> _Front:
        z = product.to(share.dtype)
        h = activation.of(z if bias is None else z + bias)
        length = length_of(h)
        rated = goodness(h) if radial is None else radial.of_length(length, h.shape[1])
        margins = (rated - threshold) / temperature
        losses, upstream = judge(loss, margins, share, temperature)
        silent = silent_share(h[: len(share)], positive=activation.positive)
        delta = gain = None
        if radial is not None and activation.gates:
            gain = radial.gain(length, h.shape[1], upstream)
        else:
            delta = activation.slope(slope_of(goodness, h, upstream), h)
        return _Front(h, length, losses, rated, silent, upstream, delta, gain)

    return front


def _totals(product: Tensor, by_label: Tensor, index: Tensor, factor: Tensor | None) -> Tensor:
    """The totals of label variants, without biases [variants * batch, units].

    Args:
        product: What they share [batch, units].
        by_label: What each label adds [patterns, units].
        index: Each variant's label [variants, batch].
        factor: What normalisation multiplies each by [variants, batch], or None.
    """
    z = product.to(by_label.dtype) + by_label[index]
    return (z if factor is None else z * factor[..., None]).flatten(0, 1)


def _labelled_front(front: Callable[..., _Front]) -> Callable[..., _Front]:
    def labelled_front(
        product: Tensor,
        by_label: Tensor,
        index: Tensor,
        factor: Tensor | None,
        *constants: Tensor | None,
    ) -> _Front:
        return front(_totals(product, by_label, index, factor), *constants)

    return labelled_front


def _dense(
    layer: Layer, front: Callable[..., _Front], products: torch.dtype
) -> Callable[..., tuple[_Front, Tensor, Tensor]]:
    """Rows written out [rows, inputs] -> what follows; gradients of the weights and biases."""
    normalize = layer.normalize

    def dense(
        x: Tensor, factor: Tensor | None, weight: Tensor, *constants: Tensor
    ) -> tuple[_Front, Tensor, Tensor]:
        x = x.flatten(1)
        if factor is not None:
            x = x * factor[:, None]
        elif normalize is not None:
            x = normalize(x)
        rows = x.to(products)
        follows = front(rows @ weight.t(), *constants)
        delta = follows.slopes()
        gradient = delta.to(products).t() @ rows
        return follows, gradient.to(delta.dtype), delta.sum(0)

    return dense


def _labelled(
    front: Callable[..., _Front], products: torch.dtype
) -> Callable[..., tuple[_Front, Tensor, Tensor, Tensor]]:
    """Label variants, as `_totals` takes them -> what follows, and the biases' gradient.

    Between the two: the slopes with respect to the products [variants * batch, units], and before
    them their sums over the variants [batch, units], both in the products' type.
    """

    def labelled(
        product: Tensor,
        by_label: Tensor,
        index: Tensor,
        factor: Tensor | None,
        *constants: Tensor,
    ) -> tuple[_Front, Tensor, Tensor, Tensor]:
        follows = front(_totals(product, by_label, index, factor), *constants)
        delta = follows.slopes()
        bias = delta.sum(0)
        if factor is not None:
            delta = delta * factor.flatten()[:, None]
        total = delta.view(*index.shape, -1).sum(0)
        return follows, total.to(products), delta.to(products), bias

    return labelled

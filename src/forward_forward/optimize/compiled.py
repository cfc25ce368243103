"""`closed_form` with all that lies between a layer's two products compiled into a few kernels.

Small layers spend more time in the calls of small kernels than in their products; torch.compile
joins them. It needs a C++ compiler (or a GPU) and some seconds at the first step, so it pays in
long runs.
"""

from __future__ import annotations

import operator
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward.activation import FusedActivation
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine, divisor_of
from forward_forward.forward.layer import Layer
from forward_forward.forward.operands import DenseOperand, LabelledOperand, operand_of
from forward_forward.goodness import length_of, slope_of
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.gradients import (
    Outcome,
    closed_form,
    judge,
    silent_share,
    split,
    steeper,
)
from forward_forward.optimize.metrics import Figures, figures_of
from forward_forward.radial import radial_of


def compiler() -> str | None:
    """Where a C++ compiler is that torch.compile can use on a CPU, or None."""
    return shutil.which("g++") or shutil.which("clang++") or shutil.which("c++")


class Compiled:
    """Gradients of one layer, with compiled kernels for the largest batches it has met.

    Smaller ones, such as the last batch of an epoch, are left to `closed_form`: to compile for them
    too would cost more than it saves.

    Where a part of the layer was replaced by another since, the kernels are made anew.

    Args:
        skip: See `closed_form`.
    """

    def __init__(self, skip: float = 0.0) -> None:
        _keep_freed_memory()
        self.skip = skip
        self.exchange: ReplicaGroup | None = None
        self.batch = 0
        self.parts: tuple[object, ...] = ()

    @torch.no_grad()
    def __call__(
        self, layer: Layer, affine: Affine, source: Inputs | Activities, share: Tensor
    ) -> Outcome:
        """The same as `closed_form`."""
        batch = share.shape[0]
        self.batch = max(self.batch, batch)
        if affine.activation is None or layer.peer is not None or batch != self.batch:
            return closed_form(layer, affine, source, share, self.skip, self.exchange)
        self._begin(layer, affine.activation, affine.products)
        operand, constants = operand_of(affine, source), (affine.bias, layer.threshold_value, share)
        function = self.of_dense if isinstance(operand, DenseOperand) else self.of_labelled
        front: _Front
        kept = slopes = None
        if self.skip:  # how many samples count is not known beforehand
            front = function(_given(operand), constants)
            kept = steeper(front.upstream.view(-1, batch), self.skip, self.exchange)
        else:
            front, slopes = function(_given(operand), constants)
        operand.factor = front.factor
        delta = (front.h, front.gain) if front.delta is None else (front.delta, None)
        weight_gradient, bias_gradient = operand.gradients(*delta, kept, batch, slopes)
        affine.linear.weight.grad = weight_gradient
        if affine.linear.bias is not None:
            affine.linear.bias.grad = bias_gradient
        rated = split(front.rated, batch)
        return Outcome(Activities(front.h, front.length), front.loss, *rated, front.figures)

    def _begin(self, layer: Layer, activation: FusedActivation, products: torch.dtype) -> None:
        """Make the kernels, where they are not those of the layer as it is now."""
        of_layer = layer.goodness, layer.loss, layer.normalize, layer.temperature
        parts = *of_layer, activation, products
        if len(parts) == len(self.parts) and all(map(operator.is_, parts, self.parts)):
            return
        self.parts = parts
        front = _front(layer, activation)
        function = front if self.skip else _with_slopes(front, products)
        # One for each kind of operand: what kind it is, is not looked at again.
        self.of_dense, self.of_labelled = _compiled(function), _compiled(function)


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
    it anew costs up to a tenth of a step in page faults. It learns so from blocks of up to 32 MiB;
    this one is a little smaller, and none of its pages is touched. Other libraries take no notice.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


class _Front(NamedTuple):
    """What follows from a layer's totals.

    The slopes with respect to them are ``delta`` [rows, units] or, where that is None,
    ``gain[:, None] * h``; ``upstream`` [rows] are those with respect to the goodness, and
    ``factor`` is what normalisation multiplies each row by, or None.
    """

    h: Tensor
    length: Tensor
    loss: Tensor
    rated: Tensor
    figures: Figures
    factor: Tensor | None
    upstream: Tensor
    delta: Tensor | None
    gain: Tensor | None

    def slopes(self) -> Tensor:
        """The slopes with respect to the totals [rows, units]."""
        if self.delta is not None:
            return self.delta
        return self.h if self.gain is None else self.h * self.gain[:, None]


class _Dense(NamedTuple):
    """What the totals of rows are made of.

    ``product`` is that of the rows with the weights [rows, units], in the products' type, and
    ``length`` that of each row [rows], of ``width`` inputs; None where it is not needed.
    """

    product: Tensor
    length: Tensor | None
    width: int

    def lengths(self) -> Tensor | None:
        """Of each row, before it is normalised [rows]."""
        return self.length

    def product_of(self, dtype: torch.dtype) -> Tensor:
        """The product of each row [rows, units]."""
        return self.product.to(dtype)

    def slopes(self, delta: Tensor) -> Tensor:
        """Slopes with respect to ``product``, from those of each row's."""
        return delta


class _Labelled(NamedTuple):
    """What the totals of label variants are made of.

    ``product`` is what they share [batch, units], in the products' type, and ``length`` that of
    their rest [batch]; ``by_label`` is what each label adds [patterns, units], ``patterns`` are the
    labels' own [patterns, classes], and ``label`` is each variant's [variants, batch].
    """

    product: Tensor
    length: Tensor
    width: int
    by_label: Tensor
    patterns: Tensor
    label: Tensor

    def lengths(self) -> Tensor:
        """Of each variant, before it is normalised [variants * batch]."""
        of_label = self.patterns.square().sum(1)[self.label]
        return (of_label + self.length.square()).sqrt().flatten()

    def product_of(self, dtype: torch.dtype) -> Tensor:
        """The product of each variant [variants * batch, units]."""
        return (self.product.to(dtype) + self.by_label[self.label]).flatten(0, 1)

    def slopes(self, delta: Tensor) -> Tensor:
        """Slopes with respect to ``product``, from those of each variant's."""
        return delta.view(*self.label.shape, -1).sum(0)


def _scaled(z: Tensor, factor: Tensor | None) -> Tensor:
    return z if factor is None else z * factor[:, None]


_Given = _Dense | _Labelled
_Constants = tuple[Tensor | None, Tensor, Tensor]  # biases, threshold, each sample's share


def _given(operand: DenseOperand | LabelledOperand) -> _Given:
    if isinstance(operand, DenseOperand):
        return _Dense(operand.product(), operand.length, operand.width)
    shared, inputs = operand.shared, operand.inputs
    labels = operand.label_products(), inputs.patterns, inputs.index
    return _Labelled(shared.product, shared.length, operand.width, *labels)


def _front(layer: Layer, activation: FusedActivation) -> Callable[[_Given, _Constants], _Front]:
    """What the totals are made of -> what follows from them."""
    # Only what is needed of the layer: a whole module would be looked through at each call.
    radial, goodness, loss = radial_of(layer.goodness), layer.goodness, layer.loss
    temperature, divisor = layer.temperature, divisor_of(layer.normalize)

    def front(given: _Given, constants: _Constants) -> _Front:
        bias, threshold, share = constants
        factor, lengths = None, given.lengths()
        if divisor is not None and lengths is not None:
            factor = divisor(lengths, given.width).reciprocal()
        z = _scaled(given.product_of(share.dtype), factor)
        h = activation.of(z if bias is None else z + bias)
        length = length_of(h)
        rated = goodness(h) if radial is None else radial.of_length(length, h.shape[1])
        margins = (rated - threshold) / temperature
        losses, upstream = judge(loss, margins, share, temperature)
        silent = silent_share(h[: share.shape[0]], positive=activation.positive)
        figures = figures_of(losses, *split(rated, share.shape[0]), silent, share)
        delta = gain = None
        if radial is not None and activation.gates:
            gain = radial.gain(length, h.shape[1], upstream)
        else:
            delta = activation.slope(slope_of(goodness, h, upstream), h)
        return _Front(h, length, losses, rated, figures, factor, upstream, delta, gain)

    return front


def _with_slopes(
    front: Callable[[_Given, _Constants], _Front], products: torch.dtype
) -> Callable[[_Given, _Constants], tuple[_Front, Tensor]]:
    """The same, and the slopes with respect to the product, in the products' type."""

    def with_slopes(given: _Given, constants: _Constants) -> tuple[_Front, Tensor]:
        follows = front(given, constants)
        return follows, given.slopes(_scaled(follows.slopes(), follows.factor)).to(products)

    return with_slopes

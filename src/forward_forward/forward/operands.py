"""A layer's input -> totals [rows, units] of its units, and from their slopes its gradients.

Rows are written out, or differ only in their label, and then share one product:

    z_k = (W_rest x_rest + W_label label_k) / n_k + b,    dW_rest = (sum_k delta_k / n_k)^T x_rest

and a label's part is no product but a row that is looked up, since the patterns are few.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.forward.layer import Layer
from forward_forward.forward.normalize import LengthNormalize
from forward_forward.parts import offers

Rows = TypeVar("Rows", Tensor, Tensor | None)

# Up to so many patterns a product with one-hot rows is the faster way to sum by pattern.
FEW = 32


def operand_of(affine: Affine, source: Inputs | Activities) -> DenseOperand | LabelledOperand:
    """A batch as an operand: shared over its variants where that is exact."""
    if isinstance(source, Activities):
        return DenseOperand(affine, source)
    if affine.shares(source):
        return LabelledOperand(affine, source)
    return DenseOperand(affine, Activities(source.dense().flatten(0, 1)))


class DenseOperand:
    """Rows written out, normalised, in the products' type: ``rows`` [rows, inputs]."""

    def __init__(self, affine: Affine, source: Activities) -> None:
        self.affine = affine
        self.rows = _normalized(affine, source)

    def product(self) -> Tensor:
        """The product with the weights [rows, units], in the products' type."""
        affine = self.affine
        out = affine.take_operand("product", len(self.rows), len(affine.weight))
        return torch.mm(self.rows, affine.weight.t(), out=out)

    def totals(self) -> Tensor:
        """Total inputs of the units [rows, units]."""
        affine = self.affine
        # The product in its own type is spent before the slopes are lowered into its memory.
        z = affine.multiply("h", self.rows, affine.weight.t(), low="delta")
        return z if affine.bias is None else z.add_(affine.bias)

    def gradients(
        self,
        delta: Tensor,
        scale: Tensor | None = None,
        kept: Tensor | None = None,
        batch: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the weights [units, inputs] and of the biases [units].

        Args:
            delta: Slopes with respect to the totals [variants * batch, units].
            scale: What each row is still to be multiplied by [variants * batch], or None.
            kept: The samples that count [kept], out of 0 to ``batch`` - 1; None for all.
            batch: How many samples there are, where only some count.
        """
        affine, rows = self.affine, self.rows
        if kept is not None:
            rows, delta = _rows_of(rows, kept, batch), _rows_of(delta, kept, batch)
            scale = _rows_of(scale, kept, batch)
        bias = column_sums(delta, scale)
        lowered = affine.lowered("delta", delta, scale)
        return affine.multiply("gradient", lowered.t(), rows), bias


def _normalized(affine: Affine, source: Activities) -> Tensor:
    """A layer's normalised input in the products' type [rows, inputs]."""
    layer, x = affine.layer, source.h.flatten(1)
    layer.check_width(x.shape[1])
    factor = length_factor(layer, source)
    if factor is None:
        # A copy in any case: the input may lie where the output will.
        return affine.take_operand("rows", *x.shape).copy_(layer.rows(x))
    return affine.lowered("rows", x, factor)


def length_factor(layer: Layer, source: Activities) -> Tensor | None:
    """What normalisation by length multiplies each row by [rows]; None where it is another."""
    normalize = layer.normalize
    if normalize is None or not offers(normalize, LengthNormalize):
        return None
    width = source.h.shape[1:].numel()
    return normalize.divisor(source.length.square(), width).reciprocal()


class LabelledOperand:
    """Variants that share their rest [batch, inputs] and differ in the label part."""

    def __init__(self, affine: Affine, inputs: Inputs) -> None:
        width = inputs.rest.shape[1]
        self.width = width + inputs.patterns.shape[1] if inputs.appended else width
        affine.layer.check_width(self.width)
        self.affine = affine
        self.inputs = inputs
        self.shared = affine.shared(inputs.rest)
        self.factor = self._factor()

    def _factor(self) -> Tensor | None:
        """What normalisation multiplies each row by [variants, batch]."""
        normalize = self.affine.layer.normalize
        if normalize is None or not offers(normalize, LengthNormalize):
            return None
        label = self.inputs.patterns.square().sum(1)[self.inputs.index]
        return normalize.divisor(self.shared.length.square() + label, self.width).reciprocal()

    def totals(self) -> Tensor:
        """Total inputs of the units [variants * batch, units]."""
        bias, factor, z = self.affine.bias, self.factor, self._products()
        if factor is not None and bias is not None:
            torch.addcmul(bias, z, factor[..., None], out=z)
        elif factor is not None:
            z *= factor[..., None]
        elif bias is not None:
            z += bias
        return z.flatten(0, 1)

    def _products(self) -> Tensor:
        """``W_rest x_rest + W_label label`` of every variant [variants, batch, units]."""
        index, rows = self.inputs.index, self.label_products()
        z = self.affine.take("h", *index.shape, rows.shape[1])
        product = self.affine.raised("delta", self.shared.product)
        if index.stride(1) == 0 and index.numel():
            # One label for all samples: a row to be added, not one for each.
            return torch.add(rows[index[:, 0]][:, None], product, out=z)
        torch.index_select(rows, 0, index.flatten(), out=z.view(-1, rows.shape[1]))
        return z.add_(product)

    def label_products(self) -> Tensor:
        """``W_label`` times each pattern [patterns, units]."""
        weight = self.affine.linear.weight.detach()
        return self.inputs.patterns @ weight[:, self.inputs.columns].t()

    def gradients(
        self,
        delta: Tensor,
        scale: Tensor | None = None,
        kept: Tensor | None = None,
        batch: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """As those of `DenseOperand`."""
        index, factor, rest = self.inputs.index, self.factor, self.shared.operand
        if kept is not None:
            index, rest = index[:, kept], rest.index_select(0, kept)
            factor = None if factor is None else factor[:, kept]
            delta, scale = _rows_of(delta, kept, batch), _rows_of(scale, kept, batch)
        bias = column_sums(delta, scale)
        if factor is not None:
            scale = factor.flatten() if scale is None else scale * factor.flatten()
        total = self._total(delta.view(*index.shape, delta.shape[1]), scale)
        by_pattern = sums_by(index.flatten(), delta, scale, len(self.inputs.patterns))
        return self._joined(self.affine.lowered("delta", total), rest, by_pattern), bias

    def weight_gradient(self, total: Tensor, delta: Tensor) -> Tensor:
        """Gradient of the weights for slopes in the products' type.

        Args:
            total: With respect to the products, summed over the variants [batch, units].
            delta: The same before they are summed [variants * batch, units].
        """
        index, count = self.inputs.index.flatten(), len(self.inputs.patterns)
        by_pattern = sums_by(index, delta, None, count).to(self.affine.linear.weight.dtype)
        return self._joined(total, self.shared.operand, by_pattern)

    def _total(self, delta: Tensor, scale: Tensor | None) -> Tensor:
        """The sum over the variants [batch, units] of delta [variants, batch, units]."""
        if scale is None:
            return delta.sum(0)
        scales = scale.view(*delta.shape[:2], 1)
        total = self.affine.take("delta", *delta.shape[1:])
        torch.mul(delta[0], scales[0], out=total)
        for variant, factor in zip(delta[1:], scales[1:], strict=True):
            total.addcmul_(variant, factor)
        return total

    def _joined(self, total: Tensor, rest: Tensor, by_pattern: Tensor) -> Tensor:
        """The gradient by the rest [batch, features] and that by the patterns [patterns, units]."""
        affine, inputs = self.affine, self.inputs
        weight = affine.take("gradient", total.shape[1], self.width)
        affine.multiply_into(weight[:, : rest.shape[1]], total.t(), rest)
        weight[:, inputs.columns] = by_pattern.t() @ inputs.patterns
        return weight


def _rows_of(matrix: Rows, kept: Tensor, batch: int) -> Rows:
    """The rows of some samples [variants * kept, ...] of all rows [variants * batch, ...]."""
    if matrix is None:
        return None
    variants = matrix.view(-1, batch, *matrix.shape[1:])
    return variants.index_select(1, kept).flatten(0, 1)


def column_sums(rows: Tensor, scale: Tensor | None) -> Tensor:
    """Sums of the rows [units], each times ``scale`` [rows] where that is given."""
    return rows.sum(0) if scale is None else scale @ rows


def sums_by(index: Tensor, rows: Tensor, scale: Tensor | None, count: int) -> Tensor:
    """Sums of the rows with each index [count, units], each times ``scale`` where given.

    >>> sums_by(torch.tensor([1, 0, 1]), torch.eye(3), None, count=2)
    tensor([[0., 1., 0.],
            [1., 0., 1.]])
    """
    if rows.device.type == "cpu" and count > FEW:
        rows = rows if scale is None else rows * scale[:, None]
        return rows.new_zeros(count, rows.shape[1]).index_add_(0, index, rows)
    # On other devices `index_add_` sums in any order; a product does not.
    one_hot = (index == torch.arange(count, device=index.device)[:, None]).to(rows.dtype)
    return (one_hot if scale is None else one_hot * scale) @ rows

"""A layer's input -> totals [rows, units] of its units, and from their slopes its gradients.

Rows are written out, or differ only in their label and then share one product:

    z_k = (W_rest x_rest + W_label label_k) / n_k + b,    dW_rest = (sum_k delta_k / n_k)^T x_rest

with n_k the divisor of row k's normalisation. There are few label patterns, so a label's part is a
row that is looked up, and no product.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward import workspace as slots
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.forward.workspace import Slot

Rows = TypeVar("Rows", Tensor, Tensor | None)

# Up to so many patterns a product with one-hot rows is the faster way to sum by pattern.
FEW = 32


def operand_of(affine: Affine, source: Inputs | Activities) -> DenseOperand | LabelledOperand:
    """A batch as an operand: shared over its variants where that is exact."""
    if isinstance(source, Activities):
        return DenseOperand(affine, source.onward)
    if affine.shares(source):
        return LabelledOperand(affine, source)
    if source.variants == 1 and not source.patterns.shape[1]:
        return DenseOperand(affine, Activities(source.rest))  # only read: needs no copy
    return DenseOperand(affine, Activities(source.dense().flatten(0, 1)))


class DenseOperand:
    """Rows written out.

    ``rows`` [rows, inputs] are in the products' type. If the layer normalises by length, they are
    not yet normalised: each is still to be multiplied by its `factor`. That is cheaper on the
    units' side, where every row is scaled anyway. ``length`` [rows] is the rows' length if it is
    needed, else None; ``width`` is the number of inputs.
    """

    def __init__(self, affine: Affine, source: Activities, *, normalized: bool = False) -> None:
        if source.h.dtype != affine.full.dtype:  # maps below may come in bfloat16
            source = Activities(source.h.to(affine.full.dtype))
        x = source.h.flatten(1)
        affine.layer.check_width(x.shape[1])
        self.affine = affine
        self.width = x.shape[1]
        self.length = None if normalized or affine.divisor is None else source.length
        raw = not normalized and affine.divisor is None
        self.rows = affine.lowered(slots.ROWS, affine.layer.rows(x) if raw else x)

    @cached_property
    def factor(self) -> Tensor | None:
        """What normalisation multiplies each row by [rows]; None if it is not a division."""
        divisor, length = self.affine.divisor, self.length
        if divisor is None or length is None:
            return None
        return divisor(length, self.width).reciprocal()

    def totals(self, slot: Slot | None = None) -> Tensor:
        """Total inputs of the units [rows, units], by default in the slot of the activities."""
        affine, slot = self.affine, slot or self.affine.activities
        # The product in its own type is spent before the slopes are lowered into this slot.
        z = affine.multiply(slot, self.rows, affine.weight.t(), low=slots.DELTA)
        return scaled_and_biased(z, self.factor, affine.bias, out=z)

    def gradients(
        self,
        delta: Tensor,
        scale: Tensor | None = None,
        kept: Tensor | None = None,
        batch: int = 0,
        *,
        multiplied: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the weights [units, inputs] and of the biases [units].

        Args:
            delta: Slopes with respect to the totals [variants * batch, units].
            scale: What each row is still to be multiplied by [variants * batch], or None.
            kept: The samples that contribute [kept], out of 0 to ``batch`` - 1; None for all.
            batch: Number of samples, if only some contribute.
            multiplied: Whether each row of ``delta`` has been multiplied by its `factor`.
        """
        affine, rows, factor = self.affine, self.rows, self.factor
        if kept is not None:
            rows, delta = _rows_of(rows, kept, batch), _rows_of(delta, kept, batch)
            scale, factor = _rows_of(scale, kept, batch), _rows_of(factor, kept, batch)
        if multiplied:
            slopes = affine.lowered(slots.DELTA, delta)
            scale = None if factor is None else factor.reciprocal()
        else:
            slopes = affine.lowered(slots.DELTA, delta, _times(scale, factor))
        bias = column_sums(delta, scale)  # before the product, which leaves the caches cold
        return affine.multiply(slots.GRADIENT, slopes.t(), rows), bias


class LabelledOperand:
    """Variants that share their rest [batch, inputs] and differ in the label part."""

    def __init__(self, affine: Affine, inputs: Inputs) -> None:
        width = inputs.rest.shape[1]
        self.width = width + inputs.patterns.shape[1] if inputs.appended else width
        affine.layer.check_width(self.width)
        self.affine = affine
        self.inputs = inputs
        self.shared = affine.shared(inputs.rest)

    @cached_property
    def factor(self) -> Tensor | None:
        """What normalisation multiplies each row by [variants * batch], or None."""
        squares = self.inputs.patterns.square().sum(1)[self.inputs.index]
        length = self.shared.length
        if self.inputs.rows is not None:
            length = length[self.inputs.rows]
        return variant_factors(self.affine.divisor, length, squares, self.width)

    def totals(self) -> Tensor:
        """Total inputs of the units [variants * batch, units]."""
        index, label_weight = self.inputs.index, self.affine.full[:, self.inputs.columns]
        rows = self.inputs.patterns @ label_weight.t()  # of each pattern [patterns, units]
        z = self.affine.take(self.affine.activities, *index.shape, rows.shape[1])
        product = self.affine.raised(slots.DELTA, self.shared.product)
        if self.inputs.rows is not None:
            product = product[self.inputs.rows]
        if index.stride(1) == 0 and index.numel():
            labels = rows[index[:, 0]][:, None]  # one label for all samples: one row each is enough
        else:
            labels = z
            torch.index_select(rows, 0, index.flatten(), out=z.view(-1, rows.shape[1]))
        return variant_totals(product, labels, self.factor, self.affine.bias, out=z)

    def gradients(
        self, delta: Tensor, scale: Tensor | None = None, kept: Tensor | None = None, batch: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Gradients as of `DenseOperand`; the slopes are summed over the variants."""
        index, factor, rest = self.inputs.index, self.factor, self.shared.operand
        images = self.inputs.rows
        if kept is not None:
            index = index[:, kept]
            if images is None:
                rest = rest.index_select(0, kept)
            else:
                images = images[:, kept]
            factor, delta = _rows_of(factor, kept, batch), _rows_of(delta, kept, batch)
            scale = _rows_of(scale, kept, batch)
        scales = _times(scale, factor)
        if images is None:
            total = self._total(delta.view(*index.shape, delta.shape[1]), scales)
        else:
            total = delta.new_zeros(len(rest), delta.shape[1])
            scaled = delta if scales is None else delta * scales[:, None]
            total.index_add_(0, images.flatten(), scaled)
        slopes = self.affine.lowered(slots.DELTA, total)
        # Normalisation does not scale the biases.
        by_pattern, bias = sums_by(index, delta, scales, scale, self.inputs.patterns.shape[0])
        return self._joined(slopes, rest, by_pattern), bias

    def _total(self, delta: Tensor, scale: Tensor | None) -> Tensor:
        """The sum over the variants [batch, units] of delta [variants, batch, units]."""
        if scale is None:
            return delta.sum(0)
        scales = scale.view(*delta.shape[:2], 1)
        total = self.affine.take(slots.DELTA, *delta.shape[1:])
        torch.mul(delta[0], scales[0], out=total)
        for variant, factor in zip(delta[1:], scales[1:], strict=True):
            total.addcmul_(variant, factor)
        return total

    def _joined(self, total: Tensor, rest: Tensor, by_pattern: Tensor) -> Tensor:
        """The gradient by the rest [batch, features] and that by the patterns [patterns, units]."""
        affine, inputs = self.affine, self.inputs
        weight = affine.take(slots.GRADIENT, total.shape[1], self.width)
        affine.multiply_into(weight[:, : rest.shape[1]], total.t(), rest)
        torch.mm(by_pattern.t(), inputs.patterns, out=weight[:, inputs.columns])
        return weight


def variant_totals(
    rest: Tensor,
    labels: Tensor,
    factor: Tensor | None,
    bias: Tensor | None,
    out: Tensor | None = None,
) -> Tensor:
    """Totals of label variants, ``z_k = (W_rest x_rest + W_label label_k) / n_k + b``.

    Args:
        rest: ``W_rest x_rest`` [batch, units], which all variants share.
        labels: ``W_label label_k`` [variants, batch, units], or [variants, 1, units] if a variant
            has one label for all samples.
        factor: ``1 / n_k`` [variants * batch], as `variant_factors` gives it; None for no division.
        bias: ``b`` [units], or None.
        out: Memory for the result [variants, batch, units], which may be that of ``labels``; None
            allocates it, which a graph to be exported needs.

    Returns:
        Totals [variants * batch, units].
    """
    z = torch.add(labels, rest, out=out).flatten(0, 1)
    return scaled_and_biased(z, factor, bias, out=None if out is None else z)


def variant_factors(
    divisor: Callable[[Tensor, int], Tensor] | None, rest: Tensor, squares: Tensor, width: int
) -> Tensor | None:
    """What normalisation multiplies each variant's row by [variants * batch]; None if by nothing.

    Args:
        divisor: Lengths [rows] and the width -> what the rows are divided by, or None.
        rest: Length of each sample's rest [batch], or of each variant's [variants, batch].
        squares: Squared length of each variant's label part [variants, batch or 1].
        width: Inputs of a row.
    """
    if divisor is None:
        return None
    return divisor(torch.addcmul(squares, rest, rest).sqrt().flatten(), width).reciprocal()


def scaled_and_biased(
    z: Tensor, factor: Tensor | None, bias: Tensor | None, out: Tensor | None = None
) -> Tensor:
    """``factor z + b`` for z [rows, units], a factor [rows] or None, and biases [units] or None."""
    if factor is None:
        return z if bias is None else torch.add(z, bias, out=out)
    if bias is None:
        return torch.mul(z, factor[:, None], out=out)
    return torch.addcmul(bias, z, factor[:, None], out=out)


def _rows_of(matrix: Rows, kept: Tensor, batch: int) -> Rows:
    """The rows of some samples [variants * kept, ...], from all rows [variants * batch, ...]."""
    if matrix is None:
        return None
    variants = matrix.view(-1, batch, *matrix.shape[1:])
    return variants.index_select(1, kept).flatten(0, 1)


def _times(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """The product of two scales; None is 1."""
    if first is None or second is None:
        return second if first is None else first
    return first * second


def column_sums(rows: Tensor, scale: Tensor | None) -> Tensor:
    """Sums of the rows [units], each multiplied by ``scale`` [rows], if any."""
    return rows.sum(0) if scale is None else scale @ rows


def sums_by(
    index: Tensor, rows: Tensor, scale: Tensor | None, whole: Tensor | None, count: int
) -> tuple[Tensor, Tensor]:
    """Sums of the rows with each index [count, units], and of all rows [units].

    Args:
        index: Each row's index, 0 to ``count`` - 1 [variants, batch].
        rows: The rows [variants * batch, units].
        scale: Each row's factor in the sum of its index [rows], or None for 1.
        whole: Each row's factor in the sum of all rows [rows], or None for 1.
        count: Number of indices.

    >>> sums_by(torch.tensor([[1, 0, 1]]), torch.eye(3), None, None, count=2)
    (tensor([[0., 1., 0.],
            [1., 0., 1.]]), tensor([1., 1., 1.]))
    """
    index = index.flatten()
    if rows.device.type == "cpu" and count > FEW:
        scaled = rows if scale is None else rows * scale[:, None]
        sums = rows.new_zeros(count, rows.shape[1]).index_add_(0, index, scaled)
        return sums, column_sums(rows, whole)
    # One product for both sums; on other devices `index_add_` would add in any order. Rows in
    # fours, since products with an odd number of them take up to twice as long.
    weights = rows.new_zeros(-(-(count + 1) // 4) * 4, rows.shape[0])
    if scale is None:
        weights.scatter_(0, index[None], 1)
    else:
        weights.scatter_(0, index[None], scale[None])
    weights[count] = 1 if whole is None else whole
    sums = weights @ rows
    return sums[:count], sums[count]

"""Products of a linear block for one batch: rows [rows, inputs] -> totals [rows, units], and back.

The weights and the inputs are converted once to the precision of the products; sums, norms and the
weights themselves stay in their own. Inputs that differ only in their label share one product:

    z_k = (W_rest x_rest + W_label label_k) / n_k + b,    dW_rest = (sum_k delta_k / n_k)^T x_rest

and a label's part is no product but a row that is looked up, since the patterns are few.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.forward.layer import Layer
from forward_forward.forward.normalize import LengthNormalize
from forward_forward.forward.room import Room
from forward_forward.goodness import length_of
from forward_forward.parts import offers

Rows = TypeVar("Rows", Tensor, Tensor | None)


class Shared(NamedTuple):
    """What all label variants of a batch have in common, computed once.

    ``rest`` are the inputs [batch, features], ``operand`` the same in the precision of the
    products, ``product`` is ``rest @ W^T`` [batch, units] with the weights of these columns, and
    ``length`` [batch] the norm of each row.
    """

    rest: Tensor
    operand: Tensor
    product: Tensor
    length: Tensor

    def begins_with(self, rest: Tensor) -> bool:
        """Whether ``rest`` is the first rows of these, the same memory."""
        return rest.data_ptr() == self.rest.data_ptr() and len(rest) <= len(self.rest)

    def first(self, rows: int) -> Shared:
        return self if rows == len(self.rest) else Shared(*(each[:rows] for each in self))


class Affine:
    """The linear block of a layer, ready for the products of one step.

    Args:
        layer: A layer with a linear block.
        products: Type of the products' operands; the weights' own type computes exactly.
        room: Memory for the results; by default they get memory of their own.
        name: The layer's own name in the room, where other layers use it too.
    """

    def __init__(
        self, layer: Layer, products: torch.dtype, room: Room | None = None, name: str = ""
    ) -> None:
        linear = layer.linear
        if linear is None:
            raise ValueError("Affine expects a layer with a linear block and its own activation")
        self.layer = layer
        self.linear: nn.Linear = linear
        self.products = products
        self.exact = products == linear.weight.dtype
        self.room = room or Room(keep=False)
        self.name = name
        self._weight: Tensor | None = None
        self.bias = None if linear.bias is None else linear.bias.detach()
        self._shared: Shared | None = None

    @property
    def weight(self) -> Tensor:
        """The weights [units, inputs] in the products' type, of the first call."""
        if self._weight is None:
            self._weight = self.lowered(f"weight {self.name}", self.linear.weight.detach())
        return self._weight

    def operand(self, source: Inputs | Activities) -> DenseOperand | LabelledOperand:
        """The batch as an operand: shared over its variants where that is exact."""
        if isinstance(source, Activities):
            return DenseOperand.of(self, source)
        if self.shares(source):
            return LabelledOperand(self, source)
        return DenseOperand.of(self, Activities(source.dense().flatten(0, 1)))

    def shares(self, inputs: Inputs) -> bool:
        """Whether one product can serve all variants: the normalisation must be a mere division."""
        normalize = self.layer.normalize
        return inputs.rest.dim() == 2 and (normalize is None or offers(normalize, LengthNormalize))

    def share(self, inputs: Inputs) -> None:
        """Compute the product with these inputs' rest, for all operands made of its first rows."""
        if self.shares(inputs):
            self.shared(inputs.rest)

    def take(self, name: str, *shape: int) -> Tensor:
        """Memory in the weights' own type."""
        weight = self.linear.weight
        return self.room.take(name, shape, weight.dtype, weight.device)

    def take_operand(self, name: str, *shape: int) -> Tensor:
        """Memory in the products' type."""
        return self.room.take(name, shape, self.products, self.linear.weight.device)

    def lowered(self, name: str, matrix: Tensor) -> Tensor:
        """A matrix in the products' type."""
        if matrix.dtype == self.products:
            return matrix
        return self.take_operand(name, *matrix.shape).copy_(matrix)

    def scaled(self, matrix: Tensor, scale: Tensor | None) -> Tensor:
        """A matrix with each row times ``scale`` [rows]; None leaves it as it is."""
        if scale is None:
            return matrix
        return torch.mul(matrix, scale[:, None], out=self.take("scaled", *matrix.shape))

    def multiply(self, name: str, a: Tensor, b: Tensor) -> Tensor:
        """The product of two matrices in the products' type, back in the weights' own."""
        return self.multiply_into(self.take(name, len(a), b.shape[1]), a, b)

    def multiply_into(self, out: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The same into the memory of ``out`` [a's rows, b's columns]."""
        if self.exact:
            return torch.mm(a, b, out=out)
        return out.copy_(torch.mm(a, b, out=self.take_operand("product", *out.shape)))

    def shared(self, rest: Tensor) -> Shared:
        """What the variants of a rest share, computed once for it and for its first rows."""
        if self._shared is None or not self._shared.begins_with(rest):
            operand = self.lowered("rest", rest)
            # The columns of the rest alone: in one piece their products are faster.
            columns = self.linear.weight.detach()[:, : rest.shape[1]]
            weight = self.lowered(f"rest weight {self.name}", columns)
            product = self.multiply("rest product", operand, weight.t())
            self._shared = Shared(rest, operand, product, length_of(rest))
        return self._shared.first(len(rest))


class DenseOperand:
    """Rows written out [rows, inputs]."""

    def __init__(self, affine: Affine, rows: Tensor) -> None:
        self.affine = affine
        self.rows = rows

    @classmethod
    def of(cls, affine: Affine, source: Activities) -> DenseOperand:
        """The operand of a layer's input, normalised."""
        return cls(affine, _normalized(affine, source))

    def totals(self) -> Tensor:
        """Total inputs of the units [rows, units]."""
        z = self.affine.multiply("h", self.rows, self.affine.weight.t())
        return z if self.affine.bias is None else z.add_(self.affine.bias)

    def of_samples(
        self, kept: Tensor, batch: int, delta: Tensor, scale: Tensor | None
    ) -> tuple[DenseOperand, Tensor, Tensor | None]:
        """The operand, slopes and scale of some samples alone.

        Args:
            kept: The samples [kept], out of 0 to ``batch`` - 1.
            batch: How many there are.
            delta: Slopes [variants * batch, units].
            scale: What each row is still to be multiplied by, or None.
        """
        operand = DenseOperand(self.affine, _rows_of(self.rows, kept, batch))
        return operand, _rows_of(delta, kept, batch), _rows_of(scale, kept, batch)

    def gradients(self, delta: Tensor, scale: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Gradients of the weights [units, inputs] and of the biases [units].

        Args:
            delta: Slopes with respect to the totals [rows, units].
            scale: What each row is still to be multiplied by [rows], or None.
        """
        delta = self.affine.scaled(delta, scale)
        return self.weight_gradient(self.affine.lowered("delta", delta)), delta.sum(0)

    def weight_gradient(self, delta: Tensor) -> Tensor:
        """Gradient of the weights for slopes [rows, units] in the products' type."""
        return self.affine.multiply("gradient", delta.t(), self.rows)


def _normalized(affine: Affine, source: Activities) -> Tensor:
    """A layer's normalised input in the products' type [rows, inputs]."""
    layer, x = affine.layer, source.h.flatten(1)
    layer.check_width(x.shape[1])
    if layer.normalize is None or not offers(layer.normalize, LengthNormalize):
        # A copy in any case: the input may lie where the output will.
        return affine.take_operand("rows", *x.shape).copy_(layer.rows(x))
    divisor = layer.normalize.divisor(source.length.square(), x.shape[1])
    rows = affine.scaled(x, divisor.reciprocal())
    # In two steps: a kernel that reads one type and writes another makes copies of its own.
    return affine.take_operand("rows", *x.shape).copy_(rows)


class LabelledOperand:
    """Variants that share their rest [batch, inputs] and differ in the label part."""

    def __init__(self, affine: Affine, inputs: Inputs, shared: Shared | None = None) -> None:
        width = inputs.rest.shape[1]
        self.width = width + inputs.patterns.shape[1] if inputs.appended else width
        affine.layer.check_width(self.width)
        self.affine = affine
        self.inputs = inputs
        self.shared = shared or affine.shared(inputs.rest)
        self.divisor = self._divisor()

    def _divisor(self) -> Tensor | None:
        """Each row's own norm [variants, batch]."""
        normalize = self.affine.layer.normalize
        if normalize is None or not offers(normalize, LengthNormalize):
            return None
        label = self.inputs.patterns.square().sum(1)[self.inputs.index]
        return normalize.divisor(self.shared.length.square() + label, self.width)

    def totals(self) -> Tensor:
        """Total inputs of the units [variants * batch, units]."""
        bias, z = self.affine.bias, self._products()
        if self.divisor is not None and bias is not None:
            torch.addcdiv(bias, z, self.divisor[..., None], out=z)
        elif self.divisor is not None:
            z /= self.divisor[..., None]
        elif bias is not None:
            z += bias
        return z.flatten(0, 1)

    def _products(self) -> Tensor:
        """``W_rest x_rest + W_label label`` of every variant [variants, batch, units]."""
        index, rows = self.inputs.index, self.label_products()
        z = self.affine.take("h", *index.shape, rows.shape[1])
        if (
            index.stride(1) == 0 and index.numel()
        ):  # one label for all samples: a row to be added, not one for each
            return torch.add(rows[index[:, 0]][:, None], self.shared.product, out=z)
        torch.index_select(rows, 0, index.flatten(), out=z.view(-1, rows.shape[1]))
        return z.add_(self.shared.product)

    def label_products(self) -> Tensor:
        """``W_label`` times each pattern [patterns, units]."""
        weight = self.affine.linear.weight.detach()
        return self.inputs.patterns @ weight[:, self.inputs.columns].t()

    def of_samples(
        self, kept: Tensor, batch: int, delta: Tensor, scale: Tensor | None
    ) -> tuple[LabelledOperand, Tensor, Tensor | None]:
        """As that of `DenseOperand`."""
        shared = Shared(*(each.index_select(0, kept) for each in self.shared))
        inputs = replace(self.inputs, rest=shared.rest, index=self.inputs.index[:, kept])
        operand = LabelledOperand(self.affine, inputs, shared)
        return operand, _rows_of(delta, kept, batch), _rows_of(scale, kept, batch)

    def gradients(self, delta: Tensor, scale: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As those of `DenseOperand`, for slopes [variants * batch, units]."""
        affine = self.affine
        delta = affine.scaled(delta, scale)
        bias = delta.sum(0)
        if self.divisor is not None:
            delta = affine.scaled(delta, self.divisor.flatten().reciprocal())
        total = delta.view(self.inputs.variants, -1, delta.shape[1]).sum(0)
        return self.weight_gradient(affine.lowered("delta", total), delta), bias

    def weight_gradient(self, total: Tensor, delta: Tensor) -> Tensor:
        """Gradient of the weights.

        Args:
            total: Slopes over the norms, summed over the variants [batch, units], in the products'
                type.
            delta: The same before they are summed [variants * batch, units].
        """
        affine, inputs = self.affine, self.inputs
        weight = affine.take("gradient", delta.shape[1], self.width)
        affine.multiply_into(weight[:, : inputs.rest.shape[1]], total.t(), self.shared.operand)
        by_pattern = _sum_by(inputs.index.flatten(), delta, len(inputs.patterns))
        weight[:, inputs.columns] = by_pattern.t() @ inputs.patterns
        return weight


def _rows_of(matrix: Rows, kept: Tensor, batch: int) -> Rows:
    """The rows of some samples [variants * kept, ...] of all rows [variants * batch, ...]."""
    if matrix is None:
        return None
    variants = matrix.view(-1, batch, *matrix.shape[1:])
    return variants.index_select(1, kept).flatten(0, 1)


def _sum_by(index: Tensor, rows: Tensor, count: int) -> Tensor:
    """Sums of the rows with each index [count, units]."""
    if rows.device.type == "cpu":
        return rows.new_zeros(count, rows.shape[1]).index_add_(0, index, rows)
    # Elsewhere `index_add_` sums in any order; a product with one-hot rows does not.
    return functional.one_hot(index, count).to(rows).t() @ rows

"""Products of a linear block for one batch: rows [rows, inputs] -> totals [rows, units], and back.

The weights and the inputs are converted once to the precision of the products; sums, norms and the
weights themselves stay in their own. Inputs that differ only in their label share one product:

    z_k = (W_rest x_rest + W_label label_k) / n_k + b,    dW_rest = (sum_k delta_k / n_k)^T x_rest
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from forward_forward.examples import Inputs
from forward_forward.forward.layer import Layer
from forward_forward.forward.normalize import LengthNormalize


class Operand(Protocol):
    """One batch of inputs to a linear block."""

    def totals(self) -> Tensor:
        """Total inputs of the units [rows, units]."""
        ...

    def weight_gradient(self, delta: Tensor) -> Tensor:
        """Gradient of the weights [units, inputs] for slopes ``delta`` [rows, units]."""
        ...


class Affine:
    """The linear block of a layer, ready for the products of one step.

    Args:
        layer: A layer with a linear block.
        products: Type of the products' operands; the weights' own type computes exactly.
    """

    def __init__(self, layer: Layer, products: torch.dtype) -> None:
        linear = layer.linear
        if linear is None:
            raise ValueError("Affine expects a layer with a linear block and its own activation")
        self.layer = layer
        self.linear: nn.Linear = linear
        self.products = products
        self.weight = linear.weight.detach().to(products)
        self._rest: Tensor | None = None
        self._rest_product: Tensor | None = None

    def operand(self, source: Inputs | Tensor) -> Operand:
        """The batch as an operand: shared over its variants where that is exact."""
        if isinstance(source, Tensor):
            return DenseOperand(self, source)
        if self.shares(source):
            return LabelledOperand(self, source)
        return DenseOperand(self, source.dense().flatten(0, 1))

    def shares(self, inputs: Inputs) -> bool:
        """Whether one product can serve all variants: the normalisation must be a mere division."""
        return inputs.rest.dim() == 2 and isinstance(self.layer.normalize, LengthNormalize | None)

    def share(self, inputs: Inputs) -> None:
        """Compute the product with these inputs' rest, for all operands made of its first rows."""
        if self.shares(inputs):
            self.rest_product(inputs.rest)

    def multiply(self, a: Tensor, b: Tensor) -> Tensor:
        """The product of two matrices, back in the precision of the weights."""
        return (a.to(self.products) @ b.to(self.products)).to(self.linear.weight.dtype)

    def rest_product(self, rest: Tensor) -> Tensor:
        """``rest @ W^T``, computed once for all variants of the same rest, or of its first rows."""
        if self._rest_product is None or not _begins(self._rest, rest):
            self._rest, self._rest_product = rest, self.multiply(rest, self.weight.t())
        return self._rest_product[: len(rest)]


def _begins(whole: Tensor | None, part: Tensor) -> bool:
    """Whether ``part`` is the first rows of ``whole``, the same memory."""
    return whole is not None and part.data_ptr() == whole.data_ptr() and len(part) <= len(whole)


class DenseOperand:
    """Rows written out [rows, inputs]."""

    def __init__(self, affine: Affine, x: Tensor) -> None:
        self.affine = affine
        self.rows = affine.layer.rows(x).to(affine.products)

    def totals(self) -> Tensor:
        z = self.affine.multiply(self.rows, self.affine.weight.t())
        bias = self.affine.linear.bias
        return z if bias is None else z.add_(bias.detach())

    def weight_gradient(self, delta: Tensor) -> Tensor:
        return self.affine.multiply(delta.t(), self.rows)


class LabelledOperand:
    """Variants that share their rest [batch, inputs] and differ in the label part."""

    def __init__(self, affine: Affine, inputs: Inputs) -> None:
        affine.layer.check_width(inputs.rest.shape[1])
        self.affine = affine
        self.inputs = inputs
        self.divisor = self._divisor()

    def _divisor(self) -> Tensor | None:
        """Each row's own norm [variants, batch, 1]."""
        normalize = self.affine.layer.normalize
        if not isinstance(normalize, LengthNormalize):
            return None
        rest, label = self.inputs.rest, self.inputs.label
        square_sum = rest.square().sum(1) + label.square().sum(2)
        return normalize.divisor(square_sum, rest.shape[1])[..., None]

    def totals(self) -> Tensor:
        linear, inputs = self.affine.linear, self.inputs
        rest = self.affine.rest_product(inputs.rest)
        weight = linear.weight.detach()[:, inputs.columns]
        z = (inputs.label.flatten(0, 1) @ weight.t()).view(inputs.variants, *rest.shape)
        z += rest
        if self.divisor is not None:
            z /= self.divisor
        if linear.bias is not None:
            z += linear.bias.detach()
        return z.flatten(0, 1)

    def weight_gradient(self, delta: Tensor) -> Tensor:
        inputs = self.inputs
        delta = delta.reshape(inputs.variants, -1, delta.shape[1])
        if self.divisor is not None:
            delta = delta / self.divisor
        gradient = self.affine.multiply(delta.sum(0).t(), inputs.rest)
        label = inputs.label.flatten(0, 1)
        gradient[:, inputs.columns] = delta.flatten(0, 1).t() @ label
        return gradient

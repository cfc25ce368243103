"""A linear layer in one step: its weights as the products take them, and memory for the results.

The weights and the inputs are converted once a step; sums, norms and the weights themselves stay in
their own type. Inputs that differ only in their label share one product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forward_forward.examples import Inputs
from forward_forward.forward.activation import fused_activation
from forward_forward.forward.layer import Layer
from forward_forward.forward.normalize import LengthNormalize, Normalize
from forward_forward.forward.workspace import Workspace
from forward_forward.goodness import length_of
from forward_forward.protocols import supports

# Numbers that are scaled at a time before they are converted: few enough to stay in the caches.
SCRATCH = 2**16


class Shared(NamedTuple):
    """What all label variants of a batch have in common, computed once.

    ``rest`` are the inputs [batch, features], ``operand`` the same in the precision of the
    products, ``product`` is ``rest @ W^T`` [batch, units] with the weights of these columns, also
    in that precision, and ``length`` [batch] the norm of each row.
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


def divisor_of(normalize: Normalize | None) -> Callable[[Tensor, int], Tensor] | None:
    """What a normalisation divides rows of a length [rows] by; None where it does otherwise."""
    return normalize.divisor if supports(normalize, LengthNormalize) else None


class Affine:
    """The linear block of a layer, ready for the products of one step.

    Args:
        layer: A layer with a linear block.
        products: Type of the products' operands; None for the weights' own, which computes exactly.
        room: Memory for the results; by default they get memory of their own.
        index: Which layer it is, where others use the room too: its input lies there, too.
    """

    def __init__(
        self,
        layer: Layer,
        products: torch.dtype | None = None,
        room: Workspace | None = None,
        index: int = 0,
    ) -> None:
        linear = layer.linear
        if linear is None:
            raise ValueError("Affine expects a layer with a linear block and its own activation")
        self.layer = layer
        self.linear: nn.Linear = linear
        self._products = products
        self.room = room or Workspace(keep=False)
        self.index = index
        self.begin()

    def begin(self) -> None:
        """Take the layer as it is now: what was made of earlier weights is forgotten."""
        layer, linear = self.layer, self.linear
        self.activation = fused_activation(layer.activation)
        normalize = layer.normalize
        self.divisor = divisor_of(normalize)
        self.divides = normalize is None or self.divisor is not None
        self.has_mode = isinstance(normalize, nn.Module)  # of training or of evaluation
        self.full = linear.weight.detach()
        self.bias = None if linear.bias is None else linear.bias.detach()
        self.products = self._products or self.full.dtype
        self.exact = self.products == self.full.dtype
        # The activities below are an operand themselves where they need not be converted.
        self.place = f"h {self.index % 2}" if self.exact else "h"
        self._weight: Tensor | None = None
        self._shared: Shared | None = None

    @property
    def weight(self) -> Tensor:
        """The weights [units, inputs] in the products' type."""
        if self._weight is None:
            self._weight = self.lowered(f"weight {self.index}", self.full)
        return self._weight

    def shares(self, inputs: Inputs) -> bool:
        """Whether one product can serve all variants: the normalisation must be a mere division."""
        return self.divides and inputs.rest.dim() == 2

    def share(self, inputs: Inputs) -> None:
        """Compute the product with these inputs' rest, for all operands made of its first rows."""
        if self.shares(inputs):
            self.shared(inputs.rest)

    def take(self, name: str, *shape: int) -> Tensor:
        """Memory in the weights' own type."""
        return self.room.take(name, shape, self.full.dtype, self.full.device)

    def take_operand(self, name: str, *shape: int) -> Tensor:
        """Memory in the products' type."""
        return self.room.take(name, shape, self.products, self.full.device)

    def lowered(self, name: str, matrix: Tensor, scale: Tensor | None = None) -> Tensor:
        """A matrix in the products' type, each row times ``scale`` [rows] where that is given."""
        if scale is None:
            if matrix.dtype == self.products:
                return matrix
            return self.take_operand(name, *matrix.shape).copy_(matrix)
        out = self.take_operand(name, *matrix.shape)
        if self.exact or out.device.type != "cpu":
            return torch.mul(matrix, scale[:, None], out=out)
        # On a CPU a kernel that reads one type and writes another copies the whole matrix.
        step = max(1, SCRATCH // max(1, matrix.shape[1]))
        for begin in range(0, len(matrix), step):
            rows = slice(begin, begin + step)
            scratch = self.take("scratch", *matrix[rows].shape)
            out[rows].copy_(torch.mul(matrix[rows], scale[rows, None], out=scratch))
        return out

    def scaled_and_biased(self, z: Tensor, factor: Tensor | None) -> Tensor:
        """``factor z + b`` in the place of z [rows, units], for a factor [rows] or None."""
        if factor is None:
            return z if self.bias is None else z.add_(self.bias)
        if self.bias is None:
            return z.mul_(factor[:, None])
        return torch.addcmul(self.bias, z, factor[:, None], out=z)

    def raised(self, name: str, matrix: Tensor) -> Tensor:
        """A matrix of the products' type in the weights' own."""
        return matrix if self.exact else self.take(name, *matrix.shape).copy_(matrix)

    def multiply(self, name: str, a: Tensor, b: Tensor, low: str = "product") -> Tensor:
        """The product of two matrices in the products' type, back in the weights' own.

        ``low`` names memory for the product in the products' type, which is not used further.
        """
        return self.multiply_into(self.take(name, len(a), b.shape[1]), a, b, low)

    def multiply_into(self, out: Tensor, a: Tensor, b: Tensor, low: str = "product") -> Tensor:
        """The same into the memory of ``out`` [a's rows, b's columns]."""
        if self.exact:
            return torch.mm(a, b, out=out)
        return out.copy_(torch.mm(a, b, out=self.take_operand(low, *out.shape)))

    def shared(self, rest: Tensor) -> Shared:
        """What the variants of a rest share, computed once for it and for its first rows."""
        if self._shared is None or not self._shared.begins_with(rest):
            operand = self.lowered("rest", rest)
            # The columns of the rest alone: in one piece their products are faster.
            columns = self.full[:, : rest.shape[1]]
            weight = self.lowered(f"rest weight {self.index}", columns)
            product = self.take_operand("rest product", len(rest), len(weight))
            torch.mm(operand, weight.t(), out=product)
            self._shared = Shared(rest, operand, product, length_of(rest))
        return self._shared.first(len(rest))

"""A linear layer -> its weights and products for one step, in the type and memory they use.

Weights and inputs are converted once a step; sums, norms and the weights themselves keep their own
type. Inputs that differ only in their label share one product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forward_forward.examples import Inputs
from forward_forward.fast_paths import fast_path
from forward_forward.forward import workspace as slots
from forward_forward.forward.activities import fused_activation
from forward_forward.forward.layer import Layer
from forward_forward.forward.normalize import LengthNormalize, Normalize
from forward_forward.forward.workspace import Slot, Workspace
from forward_forward.goodness import length_of

# Numbers that are scaled at a time before they are converted: few enough to stay in the caches.
BLOCK = 2**16


class Shared(NamedTuple):
    """What all label variants of a batch have in common, computed once.

    ``rest`` are the inputs [batch, features], ``operand`` the same in the products' type,
    ``product`` is ``rest @ W^T`` [batch, units] with the weights of these columns, also in that
    type, and ``length`` [batch] the norm of each row.
    """

    rest: Tensor
    operand: Tensor
    product: Tensor
    length: Tensor

    def begins_with(self, rest: Tensor) -> bool:
        """Whether ``rest`` is the first rows of these, in the same memory."""
        mine, other = self.rest, rest
        return (
            mine.data_ptr() == other.data_ptr()
            and mine.stride() == other.stride()
            and mine.shape[1:] == other.shape[1:]
            and mine.dtype == other.dtype
            and len(other) <= len(mine)
        )

    def first(self, rows: int) -> Shared:
        return self if rows == len(self.rest) else Shared(*(each[:rows] for each in self))


def divisor_of(normalize: Normalize | None) -> Callable[[Tensor, int], Tensor] | None:
    """What a normalisation divides rows of a length [rows] by; None if it is no such division."""
    by_length = fast_path(normalize, LengthNormalize)
    return None if by_length is None else by_length.divisor


class Affine:
    """The linear block of a layer, ready for the products of one step.

    Args:
        layer: A layer with a linear block.
        products: Type of the products' operands; None for the weights' own type, which is exact.
        workspace: Memory for the results; by default each result gets memory of its own.
        index: The layer's number, if several layers share the workspace: activities alternate
            between two slots, since a layer reads those of the layer below.
    """

    def __init__(
        self,
        layer: Layer,
        products: torch.dtype | None = None,
        workspace: Workspace | None = None,
        index: int = 0,
    ) -> None:
        linear = layer.linear
        if linear is None:
            raise ValueError("Affine expects a layer with a linear block and its own activation")
        self.layer = layer
        self.linear: nn.Linear = linear
        self._products = products
        self.workspace = workspace or Workspace(keep=False)
        self.index = index
        self.begin()

    def begin(self) -> None:
        """Read the layer's current parts and weights, and discard results of earlier ones."""
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
        # Exact products read the activities below where they are, so two slots take turns.
        self.activities = Slot("activities", self.index % 2 if self.exact else 0)
        self._weight: Tensor | None = None
        self._shared: Shared | None = None

    @property
    def weight(self) -> Tensor:
        """The weights [units, inputs] in the products' type."""
        if self._weight is None:
            self._weight = self.lowered(Slot("weights", self.index), self.full)
        return self._weight

    def shares(self, inputs: Inputs) -> bool:
        """Whether one product can serve all variants: the normalisation must be a mere division."""
        varied = inputs.variants > 1 or inputs.patterns.shape[1] > 0
        # On other devices the slopes of an image that is shown in several rows add in any order.
        in_order = inputs.rows is None or inputs.rest.device.type == "cpu"
        return varied and self.divides and in_order and inputs.rest.dim() == 2

    def share(self, inputs: Inputs) -> None:
        """Multiply these inputs' rest, for all operands that consist of its first rows."""
        if self.shares(inputs):
            self.shared(inputs.rest)

    def take(self, slot: Slot, *shape: int) -> Tensor:
        """Memory in the weights' own type."""
        return self.workspace.take(slot, shape, self.full.dtype, self.full.device)

    def take_operand(self, slot: Slot, *shape: int) -> Tensor:
        """Memory in the products' type."""
        return self.workspace.take(slot, shape, self.products, self.full.device)

    def lowered(self, slot: Slot, matrix: Tensor, scale: Tensor | None = None) -> Tensor:
        """A matrix in the products' type, each row multiplied by ``scale`` [rows], if any."""
        if scale is None:
            if matrix.dtype == self.products:
                return matrix
            return self.take_operand(slot, *matrix.shape).copy_(matrix)
        out = self.take_operand(slot, *matrix.shape)
        if self.exact or out.device.type != "cpu":
            return torch.mul(matrix, scale[:, None], out=out)
        # On a CPU a kernel that reads one type and writes another copies the whole matrix.
        step = max(1, BLOCK // max(1, matrix.shape[1]))
        for begin in range(0, len(matrix), step):
            rows = slice(begin, begin + step)
            block = self.take(slots.BLOCK, *matrix[rows].shape)
            out[rows].copy_(torch.mul(matrix[rows], scale[rows, None], out=block))
        return out

    def raised(self, slot: Slot, matrix: Tensor) -> Tensor:
        """A matrix of the products' type in the weights' own."""
        return matrix if self.exact else self.take(slot, *matrix.shape).copy_(matrix)

    def multiply(self, slot: Slot, a: Tensor, b: Tensor, low: Slot = slots.PRODUCT) -> Tensor:
        """The product of two matrices in the products' type, back in the weights' own.

        ``low`` is the slot for the product in the products' type, which is not used further.
        """
        return self.multiply_into(self.take(slot, len(a), b.shape[1]), a, b, low)

    def multiply_into(self, out: Tensor, a: Tensor, b: Tensor, low: Slot = slots.PRODUCT) -> Tensor:
        """The same into the memory of ``out`` [a's rows, b's columns]."""
        if self.exact:
            return torch.mm(a, b, out=out)
        return out.copy_(torch.mm(a, b, out=self.take_operand(low, *out.shape)))

    def shared(self, rest: Tensor) -> Shared:
        """What the variants of a rest share, computed once for it and for its first rows."""
        if self._shared is None or not self._shared.begins_with(rest):
            operand = self.lowered(slots.REST, rest)
            # The columns of the rest alone: contiguous, their products are faster.
            columns = self.full[:, : rest.shape[1]]
            weight = self.lowered(Slot("weights of the rest", self.index), columns)
            product = self.take_operand(slots.REST_PRODUCT, len(rest), len(weight))
            torch.mm(operand, weight.t(), out=product)
            self._shared = Shared(rest, operand, product, length_of(rest))
        return self._shared.first(len(rest))

"""Activities [batch, positions, units] -> goodness of every class at every position."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forward_forward.readouts.readout import Readout


class PositionReadout(Readout):
    """Learned weights from the activities at a position to the classes, ``g_t = R h_t``, from 0.

    The same weights serve all positions, so each position has a goodness of every class: with
    `examples.NextSymbol` and `losses.CrossEntropy` a layer predicts the next symbol of a text at
    each of them.

    Args:
        num_classes: Number of classes.
        units: Values at one position; None for those of the layer it is given to.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.4, predicts the next symbol by Forward-Forward;
        the prediction loss of a layer is that of Nøkland and Eidnes (2019), arXiv 1901.06656.

    >>> PositionReadout(num_classes=3, units=2)(torch.ones(1, 5, 2)).shape
    torch.Size([1, 5, 3])
    """

    def __init__(self, num_classes: int, units: int | None = None) -> None:
        super().__init__(num_classes, units)
        empty = None if units is None else nn.Parameter(torch.zeros(num_classes, units))
        self.register_parameter("weight", empty)

    def sized(self, units: int, *, maps: bool = True) -> PositionReadout:
        return PositionReadout(self.num_classes, units)

    def forward(self, h: Tensor) -> Tensor:
        """Goodness [batch, positions, classes] of activities [batch, positions, units]."""
        if self.weight is None or h.dim() != 3 or h.shape[2] != self.units:
            raise ValueError(
                f"PositionReadout expects activities [batch, positions, {self.units or 'units'}],"
                f" got {list(h.shape)}: use a block that returns them, and create the read-out"
                f" with units={h.shape[-1]}"
            )
        return h.to(self.weight.dtype) @ self.weight.t()

"""Activities [batch, *feature] -> goodness of every class by weights, learned or random."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forward_forward.readouts.readout import Readout


class LinearReadout(Readout):
    """Learned weights from the activities to the classes, ``g = R h``; they start at 0.

    With `losses.CrossEntropy` a layer learns to classify by its own linear classifier.

    Args:
        num_classes: Number of classes.
        units: Values of one sample's activities, or their channels; None for those of the layer it
            is given to.
        grid: Side of the grid of averages that maps are pooled to.
        detached: Whether it only reads: the layer's loss then trains these weights and does not
            reach the block, which learns from its terms (`forward_forward.terms`), if it has some.

    References:
        Mono-Forward, arXiv 2501.09238; the prediction loss of Nøkland and Eidnes (2019), arXiv
        1901.06656.

    >>> LinearReadout(num_classes=3, units=2)(torch.ones(1, 2)).tolist()
    [[0.0, 0.0, 0.0]]
    """

    def __init__(
        self, num_classes: int, units: int | None = None, grid: int = 1, detached: bool = False
    ) -> None:
        super().__init__(num_classes, units, grid)
        self.detached = detached
        empty = None if units is None else nn.Parameter(torch.zeros(num_classes, units * grid**2))
        self.register_parameter("weight", empty)

    def sized(self, units: int) -> LinearReadout:
        return LinearReadout(self.num_classes, units, self.grid, self.detached)

    def extra_repr(self) -> str:
        return super().extra_repr() + (", detached=True" if self.detached else "")

    def forward(self, h: Tensor) -> Tensor:
        return super().forward(h.detach() if self.detached else h)

    def slope(self, h: Tensor, upstream: Tensor, out: Tensor | None = None) -> Tensor:
        if self.detached:
            return torch.zeros_like(h) if out is None else out.zero_()
        return super().slope(h, upstream, out)

    def weight_gradients(self, h: Tensor, upstream: Tensor) -> list[Tensor]:
        return [upstream.t() @ self._values(h)]


class FixedReadout(Readout):
    """Random weights from the activities to the classes that are never trained, ``g = R h``.

    Weights are normal with variance 2 / (units grid^2), drawn from the seed.

    Args:
        num_classes: Number of classes.
        units: Values of one sample's activities, or their channels; None for those of the layer it
            is given to.
        grid: Side of the grid of averages that maps are pooled to.
        seed: Seed of the weights.
        squared: Whether to read the mean square of each channel in each cell of the grid.

    References:
        TinyFoA (AAAI 2025); ASGE, arXiv 2509.12394, which reads the sums of squares over the
        patches of each channel: the mean squares, up to a factor.

    >>> FixedReadout(num_classes=3, units=2)(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """

    def __init__(
        self,
        num_classes: int,
        units: int | None = None,
        seed: int = 0,
        grid: int = 1,
        squared: bool = False,
    ) -> None:
        super().__init__(num_classes, units, grid, squared)
        self.seed = seed
        drawn = None
        if units is not None:
            rng = torch.Generator().manual_seed(seed)
            values = units * grid**2
            drawn = torch.randn(num_classes, values, generator=rng) * (2 / values) ** 0.5
        self.register_buffer("weight", drawn)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, seed={self.seed}"

    def sized(self, units: int) -> FixedReadout:
        return FixedReadout(self.num_classes, units, self.seed, self.grid, self.squared)

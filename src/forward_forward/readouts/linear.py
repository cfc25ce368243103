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

    References:
        Mono-Forward, arXiv 2501.09238; the prediction loss of Nøkland and Eidnes (2019), arXiv
        1901.06656.

    >>> LinearReadout(num_classes=3, units=2)(torch.ones(1, 2)).tolist()
    [[0.0, 0.0, 0.0]]
    """

    def __init__(self, num_classes: int, units: int | None = None, grid: int = 1) -> None:
        super().__init__(num_classes, units, grid)
        empty = None if units is None else nn.Parameter(torch.zeros(num_classes, units * grid**2))
        self.register_parameter("weight", empty)

    def sized(self, units: int, *, maps: bool = True) -> LinearReadout:
        return LinearReadout(self.num_classes, units, self.grid if maps else 1)

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

    References:
        TinyFoA (AAAI 2025) and ASGE, arXiv 2509.12394, which read goodness by such weights.

    >>> FixedReadout(num_classes=3, units=2)(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """

    def __init__(
        self, num_classes: int, units: int | None = None, seed: int = 0, grid: int = 1
    ) -> None:
        super().__init__(num_classes, units, grid)
        self.seed = seed
        drawn = None
        if units is not None:
            rng = torch.Generator().manual_seed(seed)
            values = units * grid**2
            drawn = torch.randn(num_classes, values, generator=rng) * (2 / values) ** 0.5
        self.register_buffer("weight", drawn)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, seed={self.seed}"

    def sized(self, units: int, *, maps: bool = True) -> FixedReadout:
        return FixedReadout(self.num_classes, units, self.seed, self.grid if maps else 1)

"""Activities [batch, *feature] -> goodness of every class by likeness to what stands for it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from forward_forward.readouts.readout import Readout, unit_rows


class Prototypes(Readout):
    """Cosine between the activities and learned prototypes, several for each class.

    ``g_k = log sum_j exp(cos(h, p_kj) / T)``, a smooth maximum over the class's prototypes. It is
    in units of T: cosines differ by 2 at most, which is little for a loss such as cross-entropy.

    Args:
        num_classes: Number of classes.
        units: Values of one sample's activities, or their channels; None for those of the layer it
            is given to.
        per_class: Prototypes of each class.
        temperature: T: the smaller, the more the nearest prototype decides; above 0.
        grid: Side of the grid of averages that maps are pooled to.
        seed: Seed of the prototypes' random start.

    Raises:
        ValueError: No prototypes, or a temperature that is not positive.

    References:
        HFF, arXiv 2605.00082.

    >>> Prototypes(num_classes=3, units=2)(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """

    def __init__(
        self,
        num_classes: int,
        units: int | None = None,
        per_class: int = 4,
        temperature: float = 0.1,
        grid: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(num_classes, units, grid)
        if per_class < 1 or not temperature > 0:
            raise ValueError(
                "Prototypes expects per_class of 1 or more and a temperature above 0, got"
                f" per_class={per_class} and temperature={temperature}"
            )
        self.per_class, self.temperature, self.seed = per_class, temperature, seed
        drawn = None
        if units is not None:
            rng = torch.Generator().manual_seed(seed)
            shape = num_classes * per_class, units * grid**2
            drawn = nn.Parameter(unit_rows(torch.randn(*shape, generator=rng)))
        self.register_parameter("weight", drawn)

    def extra_repr(self) -> str:
        return (
            f"{super().extra_repr()}, per_class={self.per_class}, temperature={self.temperature},"
            f" seed={self.seed}"
        )

    def sized(self, units: int) -> Prototypes:
        return Prototypes(
            self.num_classes, units, self.per_class, self.temperature, self.grid, self.seed
        )

    def forward(self, h: Tensor) -> Tensor:
        rows = unit_rows(self._values(h))
        assert self.weight is not None  # it has units
        cosine = rows @ unit_rows(self.weight).t()
        by_class = cosine.view(-1, self.num_classes, self.per_class)
        goodness: Tensor = (by_class / self.temperature).logsumexp(2)
        return goodness


class Centroids(Readout):
    """Minus the squared distance to the mean activities of each class, ``-mean_j (h_j - c_kj)^2``.

    The means follow the activities of the training samples, after each step; no gradient changes
    them. The first samples of a class set its mean.

    Args:
        num_classes: Number of classes.
        units: Values of one sample's activities, or their channels; None for those of the layer it
            is given to.
        momentum: Fraction of a mean that is kept at each step that has samples of its class, 0 to
            below 1.
        grid: Side of the grid of averages that maps are pooled to.

    Raises:
        ValueError: ``momentum`` is out of range.

    References:
        Distance-Forward, arXiv 2408.14925, with `losses.NPairMargin`. Its distance is not known
        exactly: the square, averaged over the units, has a slope everywhere.

    >>> readout = Centroids(num_classes=2, units=2)
    >>> h = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> readout.follow(h, torch.tensor([0, 1]), torch.full((2,), 0.5))
    >>> readout(h)
    tensor([[ 0., -1.],
            [-1.,  0.]])
    """

    def __init__(
        self, num_classes: int, units: int | None = None, momentum: float = 0.9, grid: int = 1
    ) -> None:
        super().__init__(num_classes, units, grid)
        if not 0 <= momentum < 1:
            raise ValueError(
                f"Centroids expects a momentum from 0 to below 1, got {momentum}: use 0.9"
            )
        self.momentum = momentum
        means = None if units is None else torch.zeros(num_classes, units * grid**2)
        self.register_buffer("weight", means)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, momentum={self.momentum}"

    def sized(self, units: int) -> Centroids:
        return Centroids(self.num_classes, units, self.momentum, self.grid)

    def forward(self, h: Tensor) -> Tensor:
        values = self._values(h)
        assert self.weight is not None  # it has units
        twice = 2 * values @ self.weight.t()
        squares = values.square().sum(1, keepdim=True) + self.weight.square().sum(1)
        return (twice - squares) / values.shape[1]

    @torch.no_grad()
    def follow(
        self,
        h: Tensor,
        labels: Tensor,
        sample_weight: Tensor,
        add: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        values = self._values(h)
        assert self.weight is not None
        members = nn.functional.one_hot(labels, self.num_classes).to(values.dtype).t()
        sums = (members * sample_weight) @ torch.cat([values, torch.ones_like(values[:, :1])], 1)
        if add is not None:
            sums = add(sums)
        total = sums[:, -1:]
        present = total > 0
        means = sums[:, :-1] / total.masked_fill(~present, 1)
        seen = self.weight.any(1, keepdim=True)
        moved = torch.where(seen, torch.lerp(means, self.weight, self.momentum), means)
        self.weight.copy_(torch.where(present, moved, self.weight))

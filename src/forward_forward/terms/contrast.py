"""Activities [batch, *feature], labels [batch] -> supervised contrastive loss [batch]."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from forward_forward.readouts import pooled, unit_rows
from forward_forward.terms.term import Term, same_label


class SupervisedContrast(Term):
    """Samples of one class are more similar than others, on a learned projection of the activities.

    ``z = unit(batch_norm(P values))`` and ``L_i = -mean_j log(exp(z_i z_j / T) / sum_k exp(z_i z_k
    / T))``, with the mean over the other samples of the class of i, and the sum over all other
    samples. A sample without another of its class has the loss 0.

    Args:
        weight: Multiplies the term, beside the layer's loss; above 0.
        units: Values of one sample's activities, or their channels; None for those of the layer it
            is given to.
        features: Width of the projection.
        temperature: T, above 0; or its first and last value in a training by `Trainer.fit`, which
            it follows on a cosine. Outside of ``fit`` it stays at the first.
        grid: Side of the grid of averages that maps are pooled to.
        normalize: Applied to the activities first, such as `forward.ClassGroupNorm`; or None.
        seed: Seed of the projection's random start.

    Raises:
        ValueError: An argument is out of range.

    References:
        Khosla et al. (2020), arXiv 2004.11362; HCL-FF, arXiv 2605.24797, whose temperature falls
        from 0.8 to 0.1, and which normalises the activities of each class's channels first.

    >>> term = SupervisedContrast(units=2, features=4)
    >>> term(torch.rand(6, 2), torch.tensor([0, 0, 1, 1, 2, 2])).shape
    torch.Size([6])
    """

    current: Tensor  # the temperature now
    projection: Tensor | None  # [features, units * grid^2]
    norm: nn.BatchNorm1d | None

    def __init__(
        self,
        weight: float = 1.0,
        units: int | None = None,
        features: int = 128,
        temperature: float | tuple[float, float] = 0.2,
        grid: int = 1,
        normalize: Callable[[Tensor], Tensor] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(weight, units)
        range_ = temperature if isinstance(temperature, tuple) else (temperature,) * 2
        if features < 1 or grid < 1 or len(range_) != 2 or not min(range_) > 0:
            raise ValueError(
                "SupervisedContrast expects features and grid of 1 or more, and a temperature"
                f" above 0 or two of them, got features={features}, grid={grid} and"
                f" temperature={temperature}"
            )
        self.features, self.temperature, self.grid = features, temperature, grid
        self.normalize, self.seed = normalize, seed
        self._first, self._last = range_
        # A tensor, and not kept in files: it follows from the epoch.
        self.register_buffer("current", torch.tensor(self._first), persistent=False)
        drawn, self.norm = None, None
        if units is not None:
            rng = torch.Generator().manual_seed(seed)
            values = units * grid**2
            drawn = nn.Parameter(torch.randn(features, values, generator=rng) / math.sqrt(values))
            # The statistics of the batch alone: there is no evaluation.
            self.norm = nn.BatchNorm1d(features, track_running_stats=False)
        self.register_parameter("projection", drawn)

    def extra_repr(self) -> str:
        return (
            f"{super().extra_repr()}, features={self.features}, temperature={self.temperature},"
            f" grid={self.grid}, normalize={self.normalize!r}, seed={self.seed}"
        )

    def sized(self, units: int) -> SupervisedContrast:
        options = self.features, self.temperature, self.grid, self.normalize, self.seed
        return SupervisedContrast(self.weight, units, *options)

    def set_progress(self, fraction: float) -> None:
        """Set the temperature for a fraction of the training, 0 to 1."""
        fall = (1 - math.cos(math.pi * min(1.0, fraction))) / 2
        self.current.fill_(self._first + (self._last - self._first) * fall)

    def losses(self, h: Tensor, labels: Tensor) -> Tensor:
        if len(h) == 1:  # nothing to compare it with
            return 0 * h.flatten(1).sum(1)
        z = self._projected(h)
        alone = torch.eye(len(h), dtype=torch.bool, device=h.device)
        log_p = (z @ z.t() / self.current).masked_fill(alone, -math.inf).log_softmax(1)
        partners = same_label(labels) & ~alone
        found = log_p.masked_fill(~partners, 0).sum(1)
        return -found / partners.sum(1).clamp(min=1)

    def _projected(self, h: Tensor) -> Tensor:
        """Rows of length 1 [batch, features]."""
        values = pooled(h if self.normalize is None else self.normalize(h), self.units, self.grid)
        projection, norm = self.projection, self.norm
        if projection is None or norm is None or values.shape[1] != projection.shape[1]:
            raise ValueError(
                f"SupervisedContrast expects activities of {self.units} units or channels, pooled"
                f" to a grid of {self.grid}, got {list(h.shape[1:])} per sample: create it with"
                f" units={h.shape[1]}"
            )
        return unit_rows(norm(values @ projection.t()))

"""Real-valued targets [batch] -> soft targets over ordered bins [batch, bins], and numbers back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from forward_forward.examples.inputs import Examples, Inputs, Samples
from forward_forward.examples.no_label import SinglePass

SPREAD = 1.0  # of the soft targets, and spacing of the bins, in standard deviations of the targets
MARGIN = 3.0  # bins beyond the smallest and the largest target, in spreads
MOST_BINS = 64


@dataclass(frozen=True)
class OrdinalBins(SinglePass):
    """A real-valued target in ordered bins: one pass, in which each layer answers for every bin.

    The layers' goodness must be one of `forward_forward.readouts`, and their loss one with soft
    targets, such as `losses.CrossEntropy`. Bin b of target y has the probability
    ``q_b ~ exp(-(centre_b - y)^2 / (2 spread^2))``, so a near miss costs less than a far one. A
    layer predicts the expected centre under ``softmax(goodness)``; the network, the mean over the
    layers of its readout.

    Args:
        centres: Centres of the bins, ascending, in units of the target.
        spread: Standard deviation of the soft targets, in the same units.

    Raises:
        ValueError: Fewer than 2 bins, centres that do not ascend, or a spread that is not positive;
            targets that are not one floating-point number per sample.

    References:
        The soft ordinal targets of FFR, arXiv 2606.03927, of which only the summary was read.

    >>> bins = OrdinalBins(centres=(0.0, 1.0, 2.0), spread=0.5)
    >>> bins.soft(torch.tensor([1.0]))
    tensor([[0.1065, 0.7870, 0.1065]])
    """

    centres: tuple[float, ...]
    spread: float

    def __post_init__(self) -> None:
        pairs = zip(self.centres, self.centres[1:], strict=False)
        ascending = all(low < high for low, high in pairs)
        finite = all(map(math.isfinite, self.centres)) and 0 < self.spread < math.inf
        if len(self.centres) < 2 or not ascending or not finite:
            raise ValueError(
                "OrdinalBins expects 2 or more ascending centres and a spread above 0, got"
                f" centres={self.centres} and spread={self.spread}: use OrdinalBins.spanning(y)"
            )

    @classmethod
    def spanning(cls, y: Tensor, spread: float = SPREAD) -> Self:
        """Bins for the training targets.

        They are evenly spaced by the spread, at which the expected centre of a soft target is the
        target to within 0.001 spreads, and reach three spreads beyond all targets, without which
        predictions of extreme ones would be drawn to the middle. If these were more than 64 bins,
        the spread is larger.

        Args:
            y: Targets [n], floating-point.
            spread: Standard deviation of the soft targets, in those of the targets.

        >>> OrdinalBins.spanning(torch.tensor([-1.0, 1.0])).centres
        (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)
        """
        values = y.double()
        low, high = float(values.min()), float(values.max())
        # A constant target has no spread: any then serves.
        step = spread * float(values.std(correction=0)) if low < high else 1.0
        step = max(step, (high - low) / (MOST_BINS - 1 - 2 * MARGIN))
        steps = math.ceil((high - low) / step - 1e-6) + 2 * int(MARGIN)
        first = (low + high - steps * step) / 2
        return cls(tuple(first + step * place for place in range(steps + 1)), step)

    @property
    def num_classes(self) -> int:
        """The number of bins."""
        return len(self.centres)

    def positive(self, x: Samples, y: Tensor | None, rng: torch.Generator | None = None) -> Inputs:
        self._checked(y)
        return self.neutral(x)

    def soft(self, y: Tensor) -> Tensor:
        """The probability of every bin [batch, bins] for targets [batch]."""
        distance = (self._checked(y)[:, None] - self._centres(y)) / self.spread
        return (-distance.square() / 2).softmax(1)

    def mixture(self, goodness: Tensor) -> Tensor:
        """Logarithm of the layers' mean probabilities, for goodness [layers, batch, bins].

        Its expected centre is the mean of the layers' own.
        """
        return goodness.log_softmax(-1).logsumexp(0) - math.log(len(goodness))

    def decide(self, scores: Tensor) -> Tensor:
        """The expected centre [...] under the softmax of scores [..., bins]."""
        return scores.softmax(-1) @ self._centres(scores)

    def _centres(self, like: Tensor) -> Tensor:
        return torch.tensor(self.centres, dtype=like.dtype, device=like.device)

    def _checked(self, y: Tensor | None) -> Tensor:
        if y is None or not y.is_floating_point() or y.dim() != 1:
            got = "none" if y is None else f"{y.dtype} {list(y.shape)}"
            raise ValueError(
                f"OrdinalBins expects one floating-point target per sample [batch], got {got}: use"
                " y.float(), or NoLabel to predict classes"
            )
        return y


def check_kind(examples: Examples, *, real: bool) -> None:
    """Reject real-valued targets for a network that predicts classes, and the reverse."""
    if real is not isinstance(examples, OrdinalBins):
        kinds = {True: "real-valued targets", False: "classes"}
        raise ValueError(
            f"the network predicts {kinds[not real]}, got data with {kinds[real]}: build it with"
            f" examples={'OrdinalBins.spanning(y)' if real else 'NoLabel(num_classes)'}"
        )

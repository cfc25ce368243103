"""True labels [batch], scores [rows, classes] -> wrong labels [count, batch], never true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from forward_forward.examples.inputs import ScoreSource

__all__ = ["FromFirstLayer", "FromGoodness", "FromSoftmax", "Uniform"]


class WrongLabels(Protocol):
    """A strategy that chooses wrong labels.

    ``scores`` names what it draws from: "nothing", the "softmax" head's logits of the neutral pass,
    the "goodness" of every label, or that of the "first layer" only; ``fraction`` is the fraction
    of the batch that needs these scores.
    """

    @property
    def scores(self) -> ScoreSource: ...

    @property
    def fraction(self) -> float: ...

    def __call__(
        self, y: Tensor, classes: int, rng: torch.Generator, scores: Tensor | None
    ) -> Tensor: ...


def check_negatives(negatives: object) -> None:
    """Reject what chooses no wrong labels, such as True or a class instead of its object."""
    named = hasattr(negatives, "scores") and hasattr(negatives, "fraction")
    if isinstance(negatives, type) or not callable(negatives) or not named:
        raise ValueError(
            "negatives expects a way to choose wrong labels, got"
            f" {negatives!r}: such as negatives=ff.examples.FromGoodness()"
        )


def uniform_wrong(y: Tensor, classes: int, rng: torch.Generator) -> Tensor:
    """A wrong label for each sample [batch], every one equally likely.

    ``y`` are the true labels [batch]; the generator is preferably on their device.
    """
    if classes < 2:
        raise ValueError(
            f"wrong labels require at least 2 classes, got {classes}: use examples without labels,"
            " such as HybridImages"
        )
    shift = torch.randint(1, classes, y.shape, generator=rng, device=rng.device).to(y.device)
    return (y + shift) % classes


def sample_wrong(y: Tensor, logits: Tensor, draw: Tensor) -> Tensor:
    """A wrong label for each sample from the softmax of the wrong labels' logits.

    It is the first label whose cumulative probability exceeds the draw, as in Hinton's code.

    Args:
        y: True labels [batch].
        logits: Scores of every label [batch, classes].
        draw: Uniform numbers in [0, 1) [batch].

    Returns:
        Labels [batch].

    References:
        Hinton (2022), arXiv 2212.13345, section 3.3, and his program ``ffnew.m``.

    >>> sample_wrong(torch.tensor([2]), torch.zeros(1, 3), torch.tensor([0.7]))
    tensor([1])
    """
    wrong = torch.nan_to_num(logits).scatter(1, y[:, None], -torch.inf)
    cumulative = wrong.softmax(1).cumsum(1)
    total = cumulative[:, -1]
    # A true label adds 0, so it never passes a draw that is below the rounded total.
    below = torch.nextafter(total, torch.zeros_like(total))
    draw = torch.minimum(draw.to(total) * total, below)
    label = (cumulative <= draw[:, None]).sum(1)
    # Devices that sum in parallel may round differently; there, too, no true label is returned.
    return torch.where(label == y, (y + 1) % logits.shape[1], label)


def mixed_with_others(
    y: Tensor, wrong: Tensor, fraction: float, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Replace some wrong labels by another image of the batch with the true label.

    The image is drawn uniformly among those of other classes; if the batch has none, the wrong
    label stays.

    Args:
        y: True labels [batch].
        wrong: Wrong labels [negatives, batch].
        fraction: How likely a negative is to be another image.
        rng: For the draws.

    Returns:
        Of each negative its label and its image's row in the batch, both [negatives, batch].

    >>> y, wrong = torch.tensor([0, 0, 1]), torch.tensor([[1, 1, 0]])
    >>> labels, rows = mixed_with_others(y, wrong, 1.0, torch.Generator())
    >>> labels, rows[0, :2]
    (tensor([[0, 0, 1]]), tensor([2, 2]))
    """
    ordered, order = y.sort()
    begin = torch.searchsorted(ordered, y)
    end = torch.searchsorted(ordered, y, right=True)
    count = len(y) - (end - begin)  # images of other classes: in a circle, those from `end` on
    draw, which = torch.rand((2, *wrong.shape), generator=rng, device=rng.device).to(y.device)
    step = torch.minimum((which * count).long(), count - 1)
    others = order[(end + step) % len(y)]
    chosen = (draw < fraction) & (count > 0)
    own = torch.arange(len(y), device=y.device).expand_as(wrong)
    return torch.where(chosen, y, wrong), torch.where(chosen, others, own)


@dataclass(frozen=True)
class Uniform:
    """Wrong labels drawn uniformly.

    Args:
        count: Negatives per sample, at least 1.

    Raises:
        ValueError: ``count`` is below 1.

    >>> Uniform()(torch.tensor([1]), 2, torch.Generator(), None)
    tensor([[0]])
    """

    count: int = 1

    scores: ClassVar[ScoreSource] = "nothing"
    fraction = 0.0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"Uniform expects count >= 1, got {self.count}: use count=1 or more")

    def __call__(
        self, y: Tensor, classes: int, rng: torch.Generator, scores: Tensor | None
    ) -> Tensor:
        return torch.stack([uniform_wrong(y, classes, rng) for _ in range(self.count)])


def _hard(
    y: Tensor, classes: int, rng: torch.Generator, logits: Tensor | None, rows: int
) -> Tensor:
    """Hard labels for the first ``rows`` samples, uniform ones for the rest: [1, batch]."""
    labels = uniform_wrong(y, classes, rng)
    if rows:
        if logits is None:
            raise ValueError(
                "hard negatives require scores of the labels, got none: train with Trainer, which"
                " computes them, or use Uniform()"
            )
        # In float64, so that rounding does not decide; MPS has only float32.
        wide = torch.float32 if y.device.type == "mps" else torch.float64
        draw = torch.rand(rows, generator=rng, dtype=wide, device=rng.device).to(y.device)
        labels[:rows] = sample_wrong(y[:rows], logits[:rows].to(wide), draw)
    return labels[None]


@dataclass(frozen=True)
class FromSoftmax:
    """Hard wrong labels, sampled from the softmax head's prediction on the neutral input.

    The logits are computed before the head's own step on this batch. The network needs a head.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.3, and his program ``ffnew.m``.

    >>> FromSoftmax()(torch.tensor([0]), 2, torch.Generator(), torch.zeros(1, 2))
    tensor([[1]])
    """

    scores: ClassVar[ScoreSource] = "softmax"
    fraction = 1.0

    def __call__(
        self, y: Tensor, classes: int, rng: torch.Generator, scores: Tensor | None
    ) -> Tensor:
        return _hard(y, classes, rng, scores, len(y))


@dataclass(frozen=True)
class _FromScores:
    """Hard wrong labels for the first rows, sampled from the softmax of scores."""

    temperature: float
    fraction: float

    def __post_init__(self) -> None:
        if not self.temperature > 0 or not 0 <= self.fraction <= 1:
            raise ValueError(
                f"{type(self).__name__} expects temperature > 0 and fraction within 0 to 1, got"
                f" temperature={self.temperature} and fraction={self.fraction}"
            )

    def __call__(
        self, y: Tensor, classes: int, rng: torch.Generator, scores: Tensor | None
    ) -> Tensor:
        logits = None if scores is None else scores / self.temperature
        return _hard(y, classes, rng, logits, round(self.fraction * len(y)))


@dataclass(frozen=True)
class FromGoodness(_FromScores):
    """Hard wrong labels, sampled from ``softmax(goodness / temperature)`` over the wrong labels.

    Args:
        temperature: In units of goodness; smaller is harder.
        fraction: Fraction of each batch that gets hard labels, 0 to 1; the rest get uniform ones.
            The goodness of every label is computed for this fraction only.

    Raises:
        ValueError: ``temperature`` is not positive or ``fraction`` not within 0 to 1.

    >>> FromGoodness()(torch.tensor([0]), 2, torch.Generator(), torch.zeros(1, 2))
    tensor([[1]])
    """

    temperature: float = 0.1
    fraction: float = 0.3

    scores: ClassVar[ScoreSource] = "goodness"


@dataclass(frozen=True)
class FromFirstLayer(_FromScores):
    """Hard wrong labels, sampled from ``softmax(goodness of the first layer / temperature)``.

    All labels share the first layer's product, so its goodness of every label needs no further
    product: hard negatives for the whole batch at the cost of a few passes over its activities.

    Args:
        temperature: In units of goodness; smaller is harder.
        fraction: Fraction of each batch that gets hard labels, 0 to 1; the rest get uniform ones.

    Raises:
        ValueError: ``temperature`` is not positive or ``fraction`` not within 0 to 1.

    >>> FromFirstLayer()(torch.tensor([0]), 2, torch.Generator(), torch.zeros(1, 2))
    tensor([[1]])
    """

    temperature: float = 0.03
    fraction: float = 1.0

    scores: ClassVar[ScoreSource] = "first layer"


def hard_rows(negatives: WrongLabels, batch: int) -> int:
    """Number of a batch's first rows that get hard labels and so need scores."""
    return round(negatives.fraction * batch)

"""Samples [batch, *shape] without labels -> positives of one sample, negatives of two."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward.examples.inputs import Inputs, Samples, ScoreSource, floating, unlabelled


def blurred_masks(batch: int, height: int, width: int, rng: torch.Generator, blurs: int) -> Tensor:
    """Random masks with large regions of ones and zeros.

    Random bits are blurred ``blurs`` times with [1/4, 1/2, 1/4] along both axes (edges repeated),
    then thresholded at one half, or at the mask's median if it would be all ones or all zeros.

    More blurs give larger regions.

    Returns:
        Masks of zeros and ones [batch, 1, height, width], on the generator's device.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2.
    """
    mask = torch.randint(0, 2, (batch, 1, height, width), generator=rng, device=rng.device).float()
    for _ in range(blurs):
        rows = functional.pad(mask, (0, 0, 1, 1), mode="replicate")
        mask = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
        columns = functional.pad(mask, (1, 1, 0, 0), mode="replicate")
        mask = (columns[..., :-2] + 2 * columns[..., 1:-1] + columns[..., 2:]) / 4
    pixels = mask.flatten(1)
    # A small mask may be entirely above or below one half; the hybrid would be a real image.
    one_sided = (pixels.amin(1) > 0.5) | (pixels.amax(1) <= 0.5)
    cut = torch.where(one_sided, pixels.median(1).values, 0.5)
    return (mask > cut.view(-1, 1, 1, 1)).float()


@dataclass(frozen=True)
class OfTwoSamples(ABC):
    """Training without labels: a negative is made of two samples, as a subclass defines."""

    num_classes: int

    labelled = False
    scores: ClassVar[ScoreSource] = "nothing"

    def hard_rows(self, batch: int) -> int:
        return 0

    def width(self, features: int) -> int:
        return features

    @abstractmethod
    def _both(self, first: Tensor, second: Tensor, rng: torch.Generator) -> Tensor:
        """Negatives of positives [batch, *shape] and of as many others."""

    def positive(self, x: Samples, y: Tensor | None, rng: torch.Generator | None = None) -> Inputs:
        return self.neutral(x)

    def negative(
        self, x: Samples, y: Tensor | None, rng: torch.Generator, scores: Tensor | None = None
    ) -> Inputs:
        samples = self.neutral(x).rest
        batch = len(samples)
        if batch < 2:
            raise ValueError(
                f"{type(self).__name__} expects at least two samples in a batch, since a negative"
                f" is made of two, got {batch}: use another batch_size"
            )
        shift = torch.randint(1, batch, (1,), generator=rng, device=rng.device).to(samples.device)
        other = (torch.arange(batch, device=samples.device) - shift) % batch
        return unlabelled(self._both(samples, samples[other], rng))

    def neutral(self, x: Samples) -> Inputs:
        return x if isinstance(x, Inputs) else unlabelled(floating(x))

    def candidates(self, x: Samples) -> Inputs:
        raise ValueError(
            f"{type(self).__name__} puts no label into the input, so there are no candidates: give"
            " the network a head, Network(..., head=SoftmaxHead(...)), and predict by it"
        )

    def decide(self, scores: Tensor) -> Tensor:
        return scores.argmax(-1)


@dataclass(frozen=True)
class HybridImages(OfTwoSamples):
    """Training without labels: negatives are two images mixed by a blurred mask.

    Short-range correlations remain those of real images, long-range ones do not, so a layer must
    learn shapes. Labels are read by a softmax head on the activities.

    Args:
        num_classes: Number of labels of the network's head; the examples themselves use none.
        blurs: Number of times the mask of random bits is blurred.

    Raises:
        ValueError: Called on samples that are not images, or on a single one.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2.

    >>> images = torch.rand(2, 1, 8, 8)
    >>> HybridImages(10).negative(images, None, torch.Generator()).dense().shape
    torch.Size([1, 2, 1, 8, 8])
    """

    blurs: int = 10

    def _both(self, first: Tensor, second: Tensor, rng: torch.Generator) -> Tensor:
        if first.dim() != 4:
            raise ValueError(
                "HybridImages expects images [batch, channels, height, width], got "
                f"{tuple(first.shape)}: reshape the samples, for example x.view(-1, 1, 28, 28)"
            )
        batch, _, height, width = first.shape
        return _mixed(first, second, blurred_masks(batch, height, width, rng, self.blurs))


@dataclass(frozen=True)
class HybridRows(OfTwoSamples):
    """Training without labels on any rows: a negative takes each value from one of two samples.

    Each value is real but their combination is not, so a layer must learn which values occur
    together. For images, where neighbouring pixels correlate most, `HybridImages` is harder.

    Args:
        num_classes: Number of labels of the network's head; the examples themselves use none.
        share: Fraction of the values that come from the other sample, between 0 and 1.

    Raises:
        ValueError: ``share`` is out of range, or called on a single sample.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2, whose masks are blurred.

    >>> HybridRows(2).negative(torch.rand(2, 5), None, torch.Generator()).dense().shape
    torch.Size([1, 2, 5])
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(
                f"HybridRows expects a share between 0 and 1, got {self.share}: use 0.5"
            )

    def _both(self, first: Tensor, second: Tensor, rng: torch.Generator) -> Tensor:
        draw = torch.rand(first.shape, generator=rng, device=rng.device)
        return _mixed(first, second, (draw >= self.share).float())


@dataclass(frozen=True)
class SelfContrast(OfTwoSamples):
    """Training without labels: positives are a sample plus itself, negatives plus another one.

    ``x_i + x_i`` against ``x_i + x_j``, with the samples of the batch shifted by a random number
    for ``x_j``. A layer reads the sum by one set of weights. The layers above the first read the
    activities of these pairs as they are; they form no new pairs.

    Args:
        num_classes: Number of labels of the network's head; the examples themselves use none.

    Raises:
        ValueError: Called on a single sample.

    References:
        Chen et al. (Nature Communications, 2025), Self-Contrastive Forward-Forward,
        arXiv 2409.11593, whose first and third layers form new pairs and whose second does not.

    >>> pairs, x = SelfContrast(2), torch.tensor([[1.0], [5.0]])
    >>> pairs.positive(x, None).dense().flatten(), pairs.negative(x, None, torch.Generator()).rest
    (tensor([ 2., 10.]), tensor([[6.],
            [6.]]))
    """

    def _both(self, first: Tensor, second: Tensor, rng: torch.Generator) -> Tensor:
        return (first + second) / 2  # of samples that are already doubled

    def neutral(self, x: Samples) -> Inputs:
        return x if isinstance(x, Inputs) else unlabelled(2 * floating(x))


def _mixed(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """The first sample's values where the mask is 1, the second's where it is 0."""
    mask = mask.to(first)
    return mask * first + (1 - mask) * second

"""Pictures [batch, channels, height, width] -> maps of their whitened patches, without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward import seeds

if TYPE_CHECKING:
    from forward_forward.data import Source

MEASURED = 5_000  # pictures whose patches are measured


class Whitening(nn.Module):
    """A first layer that is measured, not trained: the principal components of the patches.

    Pictures are standardised by channel. Each filter is an eigenvector of the covariance of the
    patches, scaled so that its response has variance 1; every filter occurs with both signs, and
    the responses pass through GELU. Neither labels nor gradients are used.

    Args:
        channels: Channels of the pictures.
        components: Eigenvectors, those of the largest eigenvalues; maps have twice as many
            channels.
        kernel: Side of the patches, odd; maps have the height and width of the pictures.
        eps: Added to the eigenvalues.

    Raises:
        ValueError: More components than numbers in a patch, none, or an even ``kernel``.

    References:
        The whitening layer of Keller Jordan (2024), "94% on CIFAR-10 in 3.29 Seconds on a Single
        GPU", with 2 x 2 patches there.

    >>> whitening = Whitening(3, components=16)
    >>> whitening.measure([torch.rand(40, 3, 8, 8)])
    >>> whitening(torch.rand(2, 3, 8, 8)).shape
    torch.Size([2, 32, 8, 8])
    """

    mean: Tensor
    deviation: Tensor
    filters: Tensor

    def __init__(
        self, channels: int, components: int = 16, kernel: int = 3, eps: float = 5e-4
    ) -> None:
        super().__init__()
        width = channels * kernel**2
        if not 1 <= components <= width or kernel % 2 == 0:
            raise ValueError(
                f"Whitening expects 1 to {width} components, the numbers in a patch, and an odd"
                f" kernel, got components={components} and kernel={kernel}"
            )
        self.channels, self.components, self.kernel, self.eps = channels, components, kernel, eps
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation", torch.ones(channels, 1, 1))
        self.register_buffer("filters", torch.zeros(2 * components, channels, kernel, kernel))

    @classmethod
    def of(cls, train: Source, components: int = 16, kernel: int = 3, seed: int = 0) -> Whitening:
        """A whitening measured on about 5,000 of the training pictures.

        Args:
            train: The data; pictures [channels, height, width] or [height, width].
            components: See `Whitening`; at most as many as a patch has numbers.
            kernel: See `Whitening`.
            seed: Seed of the choice of pictures.

        Raises:
            ValueError: Samples that are no pictures.
        """
        if len(train.shape) not in (2, 3):
            raise ValueError(
                "whitening expects pictures [channels, height, width] or [height, width], got"
                f" samples of {list(train.shape)}"
            )
        channels = train.shape[0] if len(train.shape) == 3 else 1
        made = cls(channels, min(components, channels * kernel**2), kernel)
        drawn, count = [], 0
        for batch in train.batches(500, shuffle=seeds.generator(seed, "whitening")):
            drawn.append(batch.x)
            count += len(batch.x)
            if count >= MEASURED:
                break
        made.measure(drawn)
        return made

    @torch.no_grad()
    def measure(self, batches: list[Tensor]) -> None:
        """Set mean, deviation and filters from pictures, in batches of the shape of an input.

        Raises:
            ValueError: Samples that are no pictures of these channels, or smaller than a patch.
        """
        pictures = torch.cat([self._pictures(each).cpu().double() for each in batches])
        if min(pictures.shape[2:]) < self.kernel:
            raise ValueError(
                f"Whitening measures patches of {self.kernel} x {self.kernel}, got pictures of"
                f" {pictures.shape[2]} x {pictures.shape[3]}: use a smaller kernel"
            )
        self.mean.copy_(pictures.mean((0, 2, 3))[:, None, None])
        deviation = pictures.std((0, 2, 3))[:, None, None]
        self.deviation.copy_(deviation.masked_fill(deviation < 1e-7, 1))
        pictures = (pictures - self.mean) / self.deviation
        width = self.channels * self.kernel**2
        covariance = torch.zeros(width, width, dtype=torch.float64)
        for part in torch.split(pictures, 500):
            patches = functional.unfold(part, self.kernel).movedim(1, 2).reshape(-1, width)
            covariance += patches.t() @ patches / len(pictures)
        values, vectors = torch.linalg.eigh(covariance / _positions(pictures, self.kernel))
        largest = slice(-self.components, None)
        scales = (values[largest].clamp(min=0) + self.eps).rsqrt()
        filters = (vectors[:, largest] * scales).t().flip(0)
        # The sign of an eigenvector is arbitrary: the same on every machine.
        filters *= filters.gather(1, filters.abs().argmax(1, keepdim=True)).sign()
        filters = filters.view(-1, *self.filters.shape[1:])
        self.filters.copy_(torch.cat([filters, -filters]))

    def forward(self, x: Tensor) -> Tensor:
        pictures = (self._pictures(x) - self.mean) / self.deviation
        # Channels last, in which the convolutions of all layers are fastest.
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        responses = functional.conv2d(pictures, self.filters, padding=self.kernel // 2)
        # Those of grey pictures, whose two layouts are one, come in the other layout.
        return functional.gelu(responses.contiguous(memory_format=torch.channels_last))

    def _pictures(self, x: Tensor) -> Tensor:
        pictures = x[:, None] if x.dim() == 3 else x
        if pictures.dim() != 4 or pictures.shape[1] != self.channels:
            raise ValueError(
                f"Whitening expects pictures of {self.channels} channels, got samples of"
                f" {list(x.shape[1:])}"
            )
        return pictures

    def extra_repr(self) -> str:
        return f"{self.channels}, components={self.components}, kernel={self.kernel}"


def _positions(pictures: Tensor, kernel: int) -> int:
    """How many whole patches one picture has."""
    return (pictures.shape[2] - kernel + 1) * (pictures.shape[3] - kernel + 1)

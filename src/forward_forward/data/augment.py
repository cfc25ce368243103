"""Pictures [batch, (channels,) height, width] -> the same shape and type, changed at random.

Call a part as ``part(x, rng)`` with a whole batch: it works on x's device and leaves x unchanged.
What it fills in is zeros, unless it says otherwise: black if pictures are 0..255 or 0..1, the mean
if they are centred.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["AlternatingFlip", "Cutout", "Flip", "MirroredShift", "RandomAffine", "Shift"]


@dataclass(frozen=True)
class Shift:
    """Move every picture by -pixels..pixels down and to the right; zeros enter at the edges.

    All (2 pixels + 1)^2 offsets are equally likely.

    Args:
        pixels: The largest shift: 0 or more, less than either side.

    Raises:
        ValueError: ``pixels`` is out of range, or x is not a batch of pictures.

    >>> Shift(1)(torch.ones(1, 3, 3), torch.Generator().manual_seed(0))
    tensor([[[0., 1., 1.],
             [0., 1., 1.],
             [0., 0., 0.]]])

    References:
        Keller Jordan (2024), "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", which
        fills in the mirrored edge instead of zeros: `MirroredShift`.
    """

    pixels: int = 2
    padding: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        _require_whole("pixels", self.pixels, 0)

    def __call__(self, x: Tensor, rng: torch.Generator) -> Tensor:
        pictures = _pictures(x)
        batch, channels, height, width = pictures.shape
        if self.pixels >= min(height, width):
            found = f"{height} x {width} pictures and pixels={self.pixels}"
            raise ValueError(f"expected pixels < both sides, got {found}: use a smaller shift")
        if not len(x):
            return x.clone()
        padded = functional.pad(pictures, [self.pixels] * 4, self.padding)
        _, _, tall, wide = padded.shape
        top, left = _drawn(2 * self.pixels + 1, (2, batch), x, rng)
        # Every row of a result is contiguous in the padded pictures, and copying rows is several
        # times as fast as gathering pixels.
        planes = torch.arange(batch * channels, device=x.device).view(batch, channels, 1)
        rows = torch.arange(height, device=x.device) + top.view(batch, 1, 1) + planes * tall
        starts = rows * wide + left.view(batch, 1, 1)
        windows = padded.reshape(-1).unfold(0, width, 1)
        return windows.index_select(0, starts.view(-1)).view(x.shape)


@dataclass(frozen=True)
class MirroredShift(Shift):
    """`Shift`, but the mirrored picture enters at the edges.

    >>> MirroredShift(1)(torch.arange(9.0).view(1, 3, 3), torch.Generator().manual_seed(0))
    tensor([[[4., 3., 4.],
             [7., 6., 7.],
             [4., 3., 4.]]])
    """

    padding: ClassVar[str] = "reflect"


@dataclass(frozen=True)
class Flip:
    """Mirror every picture left to right with probability 1/2.

    Raises:
        ValueError: x is not a batch of pictures.

    >>> flipped = Flip()(torch.tensor([[[1, 2]]] * 6).float(), torch.Generator().manual_seed(0))
    >>> sorted({tuple(row) for row in flipped.flatten(1).int().tolist()})
    [(1, 2), (2, 1)]
    """

    def __call__(self, x: Tensor, rng: torch.Generator) -> Tensor:
        both = torch.cat((_pictures(x), _pictures(x).flip(-1)))
        rows = torch.arange(len(x), device=x.device) + len(x) * _drawn(2, (len(x),), x, rng)
        return both.index_select(0, rows).view(x.shape)


@runtime_checkable
class HasEpoch(Protocol):
    """A change that depends on the epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins, counted from 0."""


@dataclass
class AlternatingFlip:
    """Mirror a random half of the pictures, and in every other epoch the other half instead.

    In two epochs in a row each picture is seen as it is and mirrored, where coins would show the
    same version twice half of the time. Which half a picture belongs to follows from its pixels.

    Raises:
        ValueError: x is not a batch of pictures.

    >>> flip, picture = AlternatingFlip(), torch.tensor([[[1.0, 2.0]]])
    >>> seen = []
    >>> for epoch in range(2):
    ...     flip.set_epoch(epoch)
    ...     seen.append(flip(picture, torch.Generator()).flatten().tolist())
    >>> sorted(seen)
    [[1.0, 2.0], [2.0, 1.0]]

    References:
        Keller Jordan (2024), "94% on CIFAR-10 in 3.29 Seconds on a Single GPU".
    """

    epoch: int = field(default=0, init=False, repr=False, compare=False)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self, x: Tensor, rng: torch.Generator) -> Tensor:
        pictures = _pictures(x)
        # A sum of 8-bit pixels is exact on either scale, and its parity is as good as a coin.
        levels = pictures if pictures.dtype == torch.uint8 else pictures * 255
        odd = levels.round().sum((1, 2, 3), dtype=torch.float64).remainder(2) == self.epoch % 2
        return torch.where(odd.view(-1, *[1] * (x.dim() - 1)), x.flip(-1), x)


@dataclass(frozen=True)
class Cutout:
    """Set a square at a random position inside every picture to zero.

    Args:
        size: Side of the square, in pixels: 1 or more, at most either side.

    Raises:
        ValueError: ``size`` is out of range, or x is not a batch of pictures.

    >>> Cutout(2)(torch.ones(3, 4, 4), torch.Generator().manual_seed(0)).sum((1, 2))
    tensor([12., 12., 12.])

    References:
        Terrance DeVries and Graham Taylor (2017), "Improved Regularization of Convolutional
        Neural Networks with Cutout", where the square may extend beyond the picture.
    """

    size: int = 8

    def __post_init__(self) -> None:
        _require_whole("size", self.size, 1)

    def __call__(self, x: Tensor, rng: torch.Generator) -> Tensor:
        batch, channels, height, width = _pictures(x).shape
        if self.size > min(height, width):
            found = f"{height} x {width} pictures and size={self.size}"
            raise ValueError(f"expected size <= both sides, got {found}: use a smaller square")
        top = _drawn(height - self.size + 1, (batch, 1, 1, 1), x, rng)
        left = _drawn(width - self.size + 1, (batch, 1, 1, 1), x, rng)
        side = torch.arange(self.size, device=x.device)
        places = (top + side[:, None]) * width + left + side
        cut = places.view(batch, 1, self.size**2).expand(-1, channels, -1)
        return x.reshape(batch, channels, height * width).scatter(2, cut, 0).view(x.shape)


@dataclass(frozen=True)
class RandomAffine:
    """Turn, scale and shear every picture about its centre, at random; zeros enter at the edges.

    Args:
        degrees: The largest turn, to either side: 0 to 180.
        scale: The largest change of the size, as a fraction of it: 0 to below 1.
        shear: The largest slant, in pixels to the side for each pixel down: 0 to 1.

    Raises:
        ValueError: An argument is out of range, or x is not a batch of pictures.

    >>> turned = RandomAffine(degrees=90)(torch.eye(3)[None], torch.Generator().manual_seed(0))
    >>> turned.shape, bool(turned[0, 1, 1] == 1)
    (torch.Size([1, 3, 3]), True)

    References:
        Patrice Simard et al. (2003), "Best Practices for Convolutional Neural Networks Applied to
        Visual Document Analysis", which distorts digits.
    """

    degrees: float = 10.0
    scale: float = 0.0
    shear: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.degrees <= 180 and 0 <= self.scale < 1 and 0 <= self.shear <= 1):
            raise ValueError(
                "RandomAffine expects degrees of 0 to 180, scale of 0 to below 1 and shear of 0 to"
                f" 1, got degrees={self.degrees}, scale={self.scale}, shear={self.shear}"
            )

    def __call__(self, x: Tensor, rng: torch.Generator) -> Tensor:
        pictures = _pictures(x)
        batch, _, height, width = pictures.shape
        drawn = torch.rand((3, batch), generator=rng, device=rng.device).to(x.device) * 2 - 1
        angle, slant = math.radians(self.degrees) * drawn[0], self.shear * drawn[2]
        size = 1 + self.scale * drawn[1]
        cos, sin = angle.cos() / size, angle.sin() / size
        # From a pixel of the result to one of the picture, in units of half a side.
        rows = (cos, (slant * cos - sin) * height / width, torch.zeros_like(cos))
        columns = (sin * width / height, slant * sin + cos, torch.zeros_like(cos))
        places = torch.stack([torch.stack(rows, 1), torch.stack(columns, 1)], 1)
        grid = functional.affine_grid(places, list(pictures.shape), align_corners=False)
        moved = functional.grid_sample(pictures.to(grid.dtype), grid, align_corners=False)
        if not x.is_floating_point():
            moved = moved.round()
        return moved.to(x.dtype).view(x.shape)


def _require_whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"expected {name} to be a whole number >= {least}, got {value!r}")


def _pictures(x: Tensor) -> Tensor:
    """The pictures [batch, channels, height, width], with one channel if x has none."""
    if x.dim() not in (3, 4):
        expected = "pictures [batch, height, width] or [batch, channels, height, width] expected"
        raise ValueError(f"{expected}, got {list(x.shape)}: reshape, as in x.view(-1, 28, 28)")
    if x.dtype != torch.uint8 and not x.is_floating_point():
        raise ValueError(f"expected uint8 or floating pictures, got {x.dtype}: use x.float()")
    return x if x.dim() == 4 else x.unsqueeze(1)


def _drawn(below: int, shape: tuple[int, ...], x: Tensor, rng: torch.Generator) -> Tensor:
    """Integers 0..below-1, drawn on the generator's device and copied to x's without waiting."""
    numbers = torch.randint(below, shape, generator=rng, device=rng.device)
    return numbers.to(x.device, non_blocking=True)

"""A picture file of any size -> a sample [1, channels, height, width], framed as in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward.data.paths import check_regular
from forward_forward.data.pictures.decode import on_white

if TYPE_CHECKING:
    from forward_forward.data import Source

SAMPLED = 1000  # training pictures that are inspected

MARK = 0.2  # difference in brightness from the blank border that counts as content

OPPOSITE = 0.6  # difference in brightness between borders above which a picture is inverted


@dataclass(frozen=True)
class Frame:
    """How the pictures of a training set are framed.

    Args:
        shape: Channels, height and width.
        blank: Brightness of the blank border, 0 to 1; None if there is none.
        content: Longer side of the content as a fraction of the picture's; 1 if it fills it.
    """

    shape: tuple[int, int, int]
    blank: float | None = None
    content: float = 1.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Frame:
        return cls(tuple(values["shape"]), values["blank"], values["content"])


def frame_of(data: Source) -> Frame | None:
    """The frame of a set of pictures, from its first thousand; None for other data.

    Args:
        data: The training data.

    Returns:
        The frame, or None if samples are not [1 or 3 channels, height, width].

    >>> from forward_forward import datasets
    >>> frame_of(datasets.digits()[0])
    Frame(shape=(1, 8, 8), blank=None, content=1.0)
    """
    if len(data.shape) != 3 or data.shape[0] not in (1, 3):
        return None
    channels, height, width = data.shape
    bright = next(iter(data.batches(SAMPLED))).x.mean(1)
    border = torch.cat([bright[:, 0], bright[:, -1], bright[:, :, 0], bright[:, :, -1]], 1)
    if border.std() > 0.05:
        return Frame((channels, height, width))
    blank = float(border.mean())
    boxes = (_box(picture, blank) for picture in bright)
    sides = [max(bottom - top, right - left) for top, bottom, left, right in filter(None, boxes)]
    content = sum(sides) / len(sides) / max(height, width) if sides else 1.0
    return Frame((channels, height, width), round(blank, 3), round(content, 3))


def _box(picture: Tensor, blank: float) -> tuple[int, int, int, int] | None:
    """Top, bottom, left and right of what differs from the blank border; None if nothing does."""
    marks = (picture - blank).abs() > MARK
    rows, columns = marks.any(1).nonzero()[:, 0], marks.any(0).nonzero()[:, 0]
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def read_picture(path: Path | str | BinaryIO, frame: Frame) -> tuple[Tensor, list[str]]:
    """Read a picture file as a sample.

    If the training pictures have a blank border, a picture whose border has the opposite
    brightness is inverted. Pictures of the training size are otherwise unchanged; any other is
    scaled, or, if there is a blank border, its content is scaled and centred like theirs.

    Args:
        path: The file, or an open one, in any format that Pillow reads.
        frame: The frame of the training data.

    Returns:
        The sample [1, channels, height, width], 0 to 1, and descriptions of what was changed.

    Raises:
        ValueError: The file cannot be read as a picture, or is blank.
    """
    picture, done = _pixels(path, frame.shape[0]), []
    if frame.blank is not None and abs(_border(picture) - frame.blank) >= OPPOSITE:
        picture, done = 1 - picture, ["inverted, as the training data are"]
    if picture.shape[1:] == frame.shape[1:]:
        return picture[None], done
    height, width = frame.shape[1:]
    was = f"{picture.shape[2]} x {picture.shape[1]}"
    if frame.blank is None:
        scaled = _resized(picture, height, width).clamp(0, 1)
        return scaled[None], [f"scaled from {was} to {width} x {height}"]
    done.append(f"content of {was} scaled and centred in {width} x {height}")
    return _framed(picture, frame), done


def _border(picture: Tensor) -> float:
    """Median brightness of the outermost pixels."""
    bright = picture.mean(0)
    return float(torch.cat([bright[0], bright[-1], bright[:, 0], bright[:, -1]]).median())


def _pixels(path: Path | str | BinaryIO, channels: int) -> Tensor:
    import numpy as np
    from PIL import Image, ImageOps

    if isinstance(path, str | Path):
        check_regular(str(path))
    try:
        with Image.open(path) as file:
            upright = ImageOps.exif_transpose(file)
            deep = upright.mode.startswith("I") or upright.mode == "F"
            if deep:  # 16-bit and float pictures: their own range becomes 0 to 1
                values = np.asarray(upright, dtype=np.float32)
                values = (values - values.min()) / max(float(np.ptp(values)), 1e-9)
                return torch.from_numpy(values)[None].expand(channels, -1, -1)
            flat = on_white(upright, "L" if channels == 1 else "RGB")
            values = np.array(flat, dtype=np.float32)
    except Exception as error:  # Pillow's decoders raise whatever they meet in a broken file
        name = repr(str(path)) if isinstance(path, str | Path) else "something else"
        fix = "pass PNG, JPEG, GIF, BMP or another format that Pillow reads"
        raise ValueError(f"expected a picture file, got {name}: {error}: {fix}") from error
    return torch.from_numpy(values / 255).view(*values.shape[:2], channels).permute(2, 0, 1)


def _resized(picture: Tensor, height: int, width: int) -> Tensor:
    return functional.interpolate(
        picture[None], (height, width), mode="bilinear", antialias=True, align_corners=False
    )[0]


def _framed(picture: Tensor, frame: Frame) -> Tensor:
    """Crop to the content, scale it like the training data's, and centre its mass."""
    blank, border = frame.blank or 0.0, _border(picture)
    box = _box(picture.mean(0), border)
    if box is None:
        raise ValueError("expected a picture with content, got a blank one: draw something on it")
    top, bottom, left, right = box
    content = (picture - border)[:, top:bottom, left:right]
    height, width = frame.shape[1:]
    scale = frame.content * max(height, width) / max(content.shape[1:])
    tall = min(height, max(1, round(content.shape[1] * scale)))
    wide = min(width, max(1, round(content.shape[2] * scale)))
    small = _resized(content, tall, wide)
    mass = small.abs().sum(0)
    down = _start(mass.sum(1), height)
    right = _start(mass.sum(0), width)
    sample = torch.full(frame.shape, blank)
    sample[:, down : down + tall, right : right + wide] += small
    return sample.clamp(0, 1)[None]


def _start(mass: Tensor, size: int) -> int:
    """The position of content along an axis that puts its centre of mass in the middle."""
    places = torch.arange(len(mass)) + 0.5
    centre = float((mass * places).sum() / mass.sum().clamp(min=1e-9))
    return max(0, min(size - len(mass), round(size / 2 - centre)))

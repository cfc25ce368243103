"""Names of picture files -> uint8 pictures [k, channels, height, width] of one kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from forward_forward.data.pictures.archive import Tree

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

CHANNELS = {"L": 1, "RGB": 3}


@dataclass(frozen=True)
class PictureReader(Dataset[Tensor | str]):
    """Names of files in; their pictures uint8 [k, channels, height, width], or an error, out.

    Errors are returned as text: raised in a worker, they would reach the user inside a traceback.
    The list of all files stays in the main process; a worker gets those of one batch at a time.
    """

    tree: Tree
    mode: str
    shape: tuple[int, int, int]
    scaled: bool  # if not, every picture must have the shape
    grey_only: bool  # whether a picture in colour is an error: only a few were seen, all grey
    like: str  # the file that has the shape

    def __getitem__(self, files: Sequence[str]) -> Tensor | str:
        pictures = torch.empty((len(files), *self.shape), dtype=torch.uint8)
        try:
            for row, file in enumerate(files):
                pictures[row] = self._picture(file)
        except ValueError as error:
            return str(error)
        return pictures

    def _picture(self, file: str) -> Tensor:
        path = self.tree.shown(file)
        image = _upright(self.tree, file)
        if self.grey_only and not _is_grey(image):
            expected = f"expected grey pictures like {self.like!r}, got one in colour, {path!r}"
            raise ValueError(f"{expected}: choose mode='RGB', or mode='L' to read all as grey")
        height, width = self.shape[1:]
        if not self.scaled and image.size != (width, height):
            expected = f"expected {height} x {width} pictures (height x width) like {self.like!r}"
            found = f"{image.height} x {image.width} in {path!r}"
            raise ValueError(f"{expected}, got {found}: pass size=({height}, {width}) to scale all")
        image = on_white(image, self.mode)
        if self.scaled:
            image = scaled_to(image, (height, width))
        values = torch.from_numpy(np.array(image))
        return values.view(height, width, self.shape[0]).permute(2, 0, 1)


def reader_like(
    tree: Tree, firsts: Sequence[str], sides: tuple[int, int] | None, mode: str | None
) -> PictureReader:
    """A reader that expects pictures like the first ones of each class."""
    if mode is not None and mode not in CHANNELS:
        raise ValueError(f"expected mode 'L' (grey), 'RGB' or None, got {mode!r}")
    grey = mode is None and all(_read(tree, file, _is_grey) for file in firsts)
    chosen = mode or ("L" if grey else "RGB")
    first = _upright(tree, firsts[0])
    height, width = sides or (first.height, first.width)
    shape = CHANNELS[chosen], height, width
    return PictureReader(tree, chosen, shape, sides is not None, grey, tree.shown(firsts[0]))


def on_white(image: Image, mode: str) -> Image:
    """A picture in the mode L or RGB, whose transparent pixels become white."""
    from PIL import Image as images

    if image.has_transparency_data:
        paper = images.new("RGBA", image.size, "white")
        image = images.alpha_composite(paper, image.convert("RGBA"))
    return image.convert(mode)


def as_array(
    image: Image, sides: tuple[int, int] | None = None, mode: str | None = None
) -> np.ndarray[Any, Any]:
    """A picture in memory as uint8 [1 or 3 channels, height, width].

    Args:
        image: The picture.
        sides: (height, width) that it is scaled to, or None.
        mode: "L" for one channel, "RGB" for three; None takes one if the picture is grey.

    Raises:
        ValueError: Its channels have more than 8 bits.
    """
    if _is_deep(image):
        found = f"expected pictures of 8 bits a channel, got one of mode {image.mode!r}"
        raise ValueError(f"{found}: convert it to an array of floats, 0 to 1")
    mode = mode or ("L" if image.mode in ("1", "L", "LA") else "RGB")
    picture = on_white(image, mode)
    if sides is not None:
        picture = scaled_to(picture, sides)
    values = np.array(picture)
    return values.reshape(picture.height, picture.width, CHANNELS[mode]).transpose(2, 0, 1)


def scaled_to(image: Image, sides: tuple[int, int]) -> Image:
    """A picture scaled to (height, width), whatever its proportions."""
    from PIL import Image as images

    return image.resize(sides[::-1], images.Resampling.BILINEAR)


def _read(tree: Tree, file: str, look: Callable[[Image], T]) -> T:
    from PIL import Image

    with tree.open(file) as content:  # which reports broken archives itself
        try:
            with Image.open(content) as image:
                return look(image)
        except Exception as error:  # Pillow's decoders raise whatever they meet in a broken file
            expected = f"expected a picture file, got {tree.shown(file)!r}: {error}"
            raise ValueError(f"{expected}: replace or remove it") from error


def _upright(tree: Tree, file: str) -> Image:
    from PIL import ImageOps

    # Once it is decoded, a picture no longer says how it was stored.
    deep, image = _read(tree, file, lambda each: (_is_deep(each), ImageOps.exif_transpose(each)))
    if deep:
        expected = f"expected pictures of 8 bits a channel, got more in {tree.shown(file)!r}"
        raise ValueError(f"{expected}: convert them, or pass a Dataset that reads them")
    return image


def _is_deep(image: Image) -> bool:
    """Whether a channel has more than 8 bits, which Pillow would truncate, or clip at 255."""
    if image.mode.startswith("I") or image.mode == "F":
        return True
    for codec, _, _, stored in getattr(image, "tile", ()):
        raw, *more = stored if isinstance(stored, tuple) else (stored,)
        if codec.startswith("ppm") and more and more[0] > 255:  # the largest value
            return True
        # As RGB;16B; but BGR;16 is a pixel of 16 bits.
        if ";16" in str(raw) and not str(raw).startswith("BGR"):
            return True
    return False


def _is_grey(image: Image) -> bool:
    if image.mode not in ("P", "PA"):
        return image.mode in ("1", "L", "LA")
    colours = np.asarray(image.convert("RGB"))
    return bool((colours == colours[..., :1]).all())

"""`RandomAffine` agrees with a slow reference, pixel by pixel, and refuses what is out of range."""

import math
import pickle

import pytest
import torch
from torch import Tensor

from forward_forward import notation
from forward_forward.data import augment
from forward_forward.data.augment import RandomAffine


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixel(picture: Tensor, down: float, right: float) -> float:
    """A point of a picture [height, width], interpolated; outside there are zeros."""
    found = 0.0
    for row in (math.floor(down), math.floor(down) + 1):
        for column in (math.floor(right), math.floor(right) + 1):
            if 0 <= row < picture.shape[0] and 0 <= column < picture.shape[1]:
                near = (1 - abs(down - row)) * (1 - abs(right - column))
                found += near * picture[row, column].item()
    return found


def reference(part: RandomAffine, x: Tensor, rng: torch.Generator) -> Tensor:
    """Where each pixel of the result comes from, about the centre: turned, slanted and scaled."""
    drawn = (torch.rand((3, len(x)), generator=rng) * 2 - 1).tolist()
    made = torch.empty_like(x)
    height, width = x.shape[-2:]
    for index, (turn, grow, slant) in enumerate(zip(*drawn, strict=True)):
        angle = math.radians(part.degrees) * turn
        for row in range(height):
            for column in range(width):
                down, right = row - (height - 1) / 2, column - (width - 1) / 2
                right += part.shear * slant * down
                across = math.cos(angle) * right - math.sin(angle) * down
                along = math.sin(angle) * right + math.cos(angle) * down
                size = 1 + part.scale * grow
                centre = (height - 1) / 2, (width - 1) / 2
                for channel in range(x.shape[1]):
                    made[index, channel, row, column] = pixel(
                        x[index, channel], along / size + centre[0], across / size + centre[1]
                    )
    return made


@pytest.mark.parametrize("shape", [(4, 1, 6, 6), (3, 2, 5, 8)])
@pytest.mark.parametrize(
    "part", [RandomAffine(40), RandomAffine(0, scale=0.4), RandomAffine(15, 0.2, 0.3)], ids=repr
)
def test_it_agrees_with_the_slow_reference(part, shape):
    x = torch.rand(shape, generator=seeded(1))
    assert part(x, seeded(2)).allclose(reference(part, x, seeded(2)), atol=1e-5)


def test_without_a_change_pictures_stay():
    x = torch.rand(5, 3, 7, 6)
    assert RandomAffine(0)(x, seeded()).allclose(x, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, torch.float64])
def test_shape_and_type_stay_and_nothing_else_is_changed(dtype):
    x = torch.randint(0, 255, (6, 9, 9), generator=seeded()).to(dtype)
    kept = x.clone()
    made = RandomAffine(20, 0.1)(x, seeded())
    assert (made.shape, made.dtype) == (x.shape, dtype)
    assert torch.equal(x, kept)
    assert not torch.equal(made, x)
    assert torch.equal(made, RandomAffine(20, 0.1)(x, seeded()))


def test_each_picture_is_moved_on_its_own():
    made = RandomAffine(30)(torch.rand(1, 8, 8).repeat(50, 1, 1), seeded())
    assert len({tuple(each.flatten().tolist()) for each in made}) == 50


def test_nothing_is_read_back_from_the_device():
    assert RandomAffine(5)(torch.empty(5, 3, 6, 6, device="meta"), seeded()).shape == (5, 3, 6, 6)


@pytest.mark.parametrize("options", [{"degrees": 181}, {"scale": 1.0}, {"shear": -0.1}])
def test_what_is_out_of_range_is_refused(options):
    (name, value), *_ = options.items()
    with pytest.raises(ValueError, match=rf"RandomAffine expects degrees .*{name}={value}"):
        RandomAffine(**options)
    with pytest.raises(ValueError, match="reshape, as in"):
        RandomAffine()(torch.zeros(4, 784), seeded())


def test_it_is_written_as_text_and_pickled():
    names, part = notation.public(augment), RandomAffine(12.5, scale=0.1)
    assert notation.read(notation.write(part, names), names) == part
    assert pickle.loads(pickle.dumps(part)) == part

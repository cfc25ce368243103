"""Augmentation parts agree with slow per-sample references and draw as evenly as they say."""

import pickle
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from forward_forward import notation
from forward_forward.data import augment
from forward_forward.data.augment import AlternatingFlip, Cutout, Flip, MirroredShift, Shift

PARTS = [
    *(Shift(0), Shift(1), Shift(2), MirroredShift(1)),
    *(Flip(), AlternatingFlip(), Cutout(1), Cutout(3)),
]
Part = Shift | Flip | AlternatingFlip | Cutout
DTYPES = [torch.uint8, torch.float32, torch.float64, torch.float16]

every_part = pytest.mark.parametrize("part", PARTS, ids=repr)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Pictures without a 0 and whose pixels all differ, as far as the type can tell them apart."""
    count = int(torch.tensor(shape).prod())
    return (torch.arange(count) % 255 + 1).view(shape).to(dtype)


def mirrored_shift(picture: Tensor, down: int, right: int) -> Tensor:
    """Each pixel by itself, where an index beyond an edge is reflected at it."""
    height, width = picture.shape[-2:]

    def within(index: int, side: int) -> int:
        return abs(index) if index < side else 2 * (side - 1) - index

    rows = [within(row - down, height) for row in range(height)]
    columns = [within(column - right, width) for column in range(width)]
    return picture[..., rows, :][..., columns]


def shifted(picture: Tensor, down: int, right: int) -> Tensor:
    result = torch.zeros_like(picture)
    height, width = picture.shape[-2:]
    rows = slice(max(0, -down), height - max(0, down))
    columns = slice(max(0, -right), width - max(0, right))
    moved = picture[..., rows, columns]
    result[..., max(0, down) :, max(0, right) :][..., : moved.shape[-2], : moved.shape[-1]] = moved
    return result


def cut(picture: Tensor, top: int, left: int, size: int) -> Tensor:
    result = picture.clone()
    result[..., top : top + size, left : left + size] = 0
    return result


def possible(part: Part, picture: Tensor) -> list[Tensor]:
    """All that a part may make of one picture, each as likely as the others."""
    if isinstance(part, Shift):
        way = range(-part.pixels, part.pixels + 1)
        move = mirrored_shift if isinstance(part, MirroredShift) else shifted
        return [move(picture, down, right) for down in way for right in way]
    if isinstance(part, Flip | AlternatingFlip):
        return [picture, torch.stack(picture.unbind(-1)[::-1], -1)]
    height, width = picture.shape[-2:]
    tops, lefts = (range(side - part.size + 1) for side in (height, width))
    return [cut(picture, top, left, part.size) for top in tops for left in lefts]


def which(part: Part, x: Tensor, made: Tensor) -> list[int]:
    """The number of the possible result that each sample became; fails where it is none of them."""
    numbers = []
    for before, after in zip(x, made, strict=True):
        equal = [torch.equal(after, each) for each in possible(part, before)]
        assert sum(equal) == 1
        numbers.append(equal.index(True))
    return numbers


@every_part
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(5, 4), (3, 6), (1, 5, 4), (3, 4, 7)], ids=str)
def test_every_sample_becomes_one_of_its_possible_results(part, dtype, shape):
    x = pictures(6, *shape, dtype=dtype)
    before = x.clone()
    made = part(x, seeded(1))
    assert made.shape == x.shape
    assert made.dtype == dtype
    assert made.data_ptr() != x.data_ptr()
    assert torch.equal(x, before)
    which(part, x, made)


@given(
    st.integers(0, 4), st.integers(1, 3), st.integers(3, 7), st.integers(3, 7), st.integers(0, 99)
)
@settings(deadline=None, max_examples=20)
def test_the_layout_in_memory_does_not_matter(batch, channels, height, width, seed):
    x = pictures(batch, channels, height, width)
    transposed = x.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    for part in PARTS:
        made = part(x, seeded(seed))
        which(part, x, made)
        assert torch.equal(part(transposed, seeded(seed)), made)
        if channels == 1:
            assert torch.equal(part(x[:, 0], seeded(seed)), made[:, 0])


def chi_square(part: Part, x: Tensor) -> float:
    """Distance from equally frequent results of one picture, in deviations above its mean."""
    results = torch.stack(possible(part, x[0]))
    count = len(results)
    equal = (part(x, seeded(3))[:, None] == results).flatten(2).all(2)
    assert equal.sum(1).eq(1).all()
    numbers = equal.int().argmax(1)
    expected = len(x) / count
    found = ((numbers.bincount(minlength=count) - expected) ** 2 / expected).sum().item()
    return (found - (count - 1)) / (2 * (count - 1)) ** 0.5


@pytest.mark.parametrize(
    "part", [Shift(1), Shift(2), MirroredShift(1), Flip(), Cutout(2)], ids=repr
)
def test_every_possible_result_is_as_likely_as_the_others(part):
    assert chi_square(part, pictures(1, 4, 5).repeat(1500, 1, 1)) < 4


def test_a_shift_is_drawn_for_each_sample_and_direction():
    x = torch.zeros(2000, 7, 7)
    x[:, 3, 3] = 1
    spots = Shift(2)(x, seeded(5)).flatten(1).argmax(1)
    down, right = (spots // 7 - 3).double(), (spots % 7 - 3).double()
    assert {-2, -1, 0, 1, 2} == set(down.tolist()) == set(right.tolist())
    assert abs(torch.corrcoef(torch.stack((down, right)))[0, 1]) < 0.1
    assert abs(torch.corrcoef(torch.stack((down[1:], down[:-1])))[0, 1]) < 0.1


def test_about_half_are_flipped():
    x = pictures(1, 3, 4).repeat(2000, 1, 1)  # 3 standard deviations of the count are 67
    changed = (Flip()(x, seeded()) != x).flatten(1).any(1)
    assert 900 < int(changed.sum()) < 1100


@pytest.mark.parametrize("part", [Shift(2), Flip(), Cutout(3)], ids=repr)
def test_the_generator_alone_decides(part):
    x, state = pictures(40, 8, 8), torch.get_rng_state()
    generator = seeded(7)
    first, second = part(x, generator), part(x, generator)
    torch.manual_seed(1234)
    assert torch.equal(first, part(x, seeded(7)))
    assert not torch.equal(first, second)
    torch.set_rng_state(state)
    part(x, seeded())
    assert torch.equal(state, torch.get_rng_state())


@every_part
def test_nothing_is_read_back_from_the_device(part):
    # Reading a number of a meta tensor, as .item(), nonzero or a mask do, is an error.
    made = part(pictures(5, 3, 6, 6).to("meta"), seeded())
    assert made.device.type == "meta"
    assert made.shape == (5, 3, 6, 6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_on_a_gpu_nothing_waits_for_it(device):
    x = pictures(5, 3, 6, 6)
    there, generator = x.to("cuda"), torch.Generator(device).manual_seed(0)
    for part in PARTS:
        torch.cuda.set_sync_debug_mode("error")
        try:
            made = part(there, generator)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        which(part, x, made.cpu())
        if device == "cpu":
            assert torch.equal(made.cpu(), part(x, generator.manual_seed(0)))
        generator.manual_seed(0)


@every_part
def test_flat_inputs_and_other_types_are_refused(part):
    expected = r"pictures \[batch, height, width\] or \[batch, channels, height, width\] expected"
    with pytest.raises(ValueError, match=rf"{expected}, got \[4, 784\]: reshape"):
        part(torch.zeros(4, 784), seeded())
    with pytest.raises(ValueError, match=rf"{expected}, got \[1, 2, 3, 4, 5\]"):
        part(torch.zeros(1, 2, 3, 4, 5), seeded())
    with pytest.raises(ValueError, match=r"uint8 or floating pictures, got torch.int64"):
        part(torch.zeros(4, 8, 8, dtype=torch.int64), seeded())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shift(-1), r"pixels to be a whole number >= 0, got -1"),
        (lambda: Shift(1.5), r"pixels .*got 1\.5"),
        (lambda: Shift(True), r"pixels .*got True"),
        (lambda: Cutout(0), r"size to be a whole number >= 1, got 0"),
        (lambda: Shift(4)(torch.zeros(1, 9, 4), seeded()), r"9 x 4 pictures and pixels=4: use"),
        (lambda: Shift(4)(torch.zeros(1, 4, 9), seeded()), r"4 x 9 pictures and pixels=4: use"),
        (lambda: Cutout(5)(torch.zeros(1, 2, 9, 4), seeded()), r"9 x 4 pictures and size=5: use"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make: Callable[[], object], message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_largest_sizes_that_fit_are_taken():
    assert not Cutout(4)(pictures(3, 4, 6), seeded()).flatten(1)[:, :1].all()
    assert Cutout(4)(pictures(3, 4, 4), seeded()).eq(0).all()
    assert Shift(3)(pictures(50, 4, 6), seeded()).flatten(1).any(1).all()


@every_part
def test_a_part_is_written_as_text_and_pickled(part):
    names = notation.public(augment)
    assert notation.read(notation.write(part, names), names) == part
    assert pickle.loads(pickle.dumps(part)) == part

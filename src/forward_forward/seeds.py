"""A key (seed, purpose, ...) -> a generator of its own; torch's global state is never moved."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


def number(*key: int | str) -> int:
    """A 63-bit number that depends on every part of the key.

    >>> number(0, "order", 1) == number(0, "order", 2)
    False
    """
    # A NumPy integer is the same number as Python's, but prints otherwise.
    plain = tuple(part if isinstance(part, str) else operator.index(part) for part in key)
    digest = hashlib.blake2b(repr(plain).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(*key: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for this key alone.

    Another device draws other numbers from the same key.

    Args:
        key: The seed, the purpose, and where it is used: epoch, step, layer.
        device: Where the numbers are drawn.

    Returns:
        A seeded generator.

    >>> generator(0, "order").initial_seed() == generator(0, "order").initial_seed()
    True
    """
    return torch.Generator(device).manual_seed(number(*key))


def coins(
    shape: Sequence[int],
    probability: float,
    rng: torch.Generator,
    dtype: torch.dtype = torch.bool,
) -> Tensor:
    """Independent coins, true with a probability (to 1 part in 65,536).

    On a CPU four are cut from each 64-bit number, since drawing is what such masks cost there.

    Args:
        shape: Shape of the result.
        probability: Of true, 0 to 1.
        rng: Generator.
        dtype: Of the result; in another than bool, true is 1.

    Returns:
        Tensor where the generator is.

    >>> coins((2, 3), 1.0, generator(0, "dropout")).all()
    tensor(True)
    """
    if rng.device.type != "cpu":
        return (torch.rand(shape, generator=rng, device=rng.device) < probability).to(dtype)
    count = math.prod(shape)
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=rng)
    cut = round(probability * 2**16) - 2**15
    if cut == 2**15:  # beyond the largest 16-bit number: always true
        return torch.ones(shape, dtype=dtype)
    # Written as numbers at once: to convert truth values takes as long as to draw them.
    return torch.lt(words.view(torch.int16)[:count], cut, out=torch.empty(count, dtype=dtype)).view(
        shape
    )


@contextmanager
def forked(*key: int | str) -> Iterator[None]:
    """Seed torch's global generators for a block of code, then put them back.

    For blocks that draw random numbers themselves, such as dropout.
    """
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if started else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(number(*key))
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(number(*key))
        yield

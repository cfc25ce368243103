"""A key (seed, purpose, ...) -> a generator; torch's global random state is never changed."""

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
    # A NumPy integer equals Python's but has another repr.
    plain = tuple(part if isinstance(part, str) else operator.index(part) for part in key)
    digest = hashlib.blake2b(repr(plain).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(*key: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator that depends only on its key.

    On another device the same key draws other numbers.

    Args:
        key: The seed, the purpose, and what it is used for: epoch, step, layer.
        device: Device of the generator.

    Returns:
        A seeded generator.

    >>> generator(0, "order").initial_seed() == generator(0, "order").initial_seed()
    True
    """
    return torch.Generator(device).manual_seed(number(*key))


def coins(
    shape: Sequence[int], probability: float, rng: torch.Generator, dtype: torch.dtype = torch.bool
) -> Tensor:
    """Independent Bernoulli draws, with a probability exact to 1 part in 65,536.

    On a CPU each 64-bit number gives four draws, since drawing dominates the cost of such masks.

    Args:
        shape: Shape of the result.
        probability: Probability of true, 0 to 1.
        rng: Generator.
        dtype: Type of the result; if it is not bool, true is 1.

    Returns:
        Tensor on the generator's device.

    >>> coins((2, 3), 1.0, generator(0, "dropout")).all()
    tensor(True)
    """
    if rng.device.type != "cpu":
        return (torch.rand(shape, generator=rng, device=rng.device) < probability).to(dtype)
    count = math.prod(shape)
    drawn = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=rng)
    cut = round(probability * 2**16) - 2**15
    if cut == 2**15:  # beyond the largest 16-bit number: always true
        return torch.ones(shape, dtype=dtype)
    # Written as numbers directly: converting booleans takes as long as drawing them.
    return torch.lt(drawn.view(torch.int16)[:count], cut, out=torch.empty(count, dtype=dtype)).view(
        shape
    )


@contextmanager
def forked(*key: int | str) -> Iterator[None]:
    """Seed torch's global generators within the block, then restore them.

    For modules that draw random numbers from them, such as dropout.
    """
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if started else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(number(*key))
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(number(*key))
        yield

"""A key (seed, purpose, ...) -> a generator of its own; torch's global state is never moved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def number(*key: int | str) -> int:
    """A 63-bit number that depends on every part of the key.

    >>> number(0, "order", 1) == number(0, "order", 2)
    False
    """
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(*key: int | str) -> torch.Generator:
    """A generator on the CPU for this key alone.

    Drawing on the CPU makes the numbers the same on every device.

    Args:
        key: The seed, the purpose, and where it is used: epoch, step, layer.

    Returns:
        A seeded generator.

    >>> generator(0, "order").initial_seed() == generator(0, "order").initial_seed()
    True
    """
    return torch.Generator().manual_seed(number(*key))


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

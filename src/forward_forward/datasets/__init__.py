"""A set's name, or data in any of the usual forms -> parts to train, validate and test on.

In reading order: ``builtin`` (sets with a name), ``fetch`` (their files: found or downloaded, and
checked by SHA-256), ``splits`` (the parts of a set), ``load_like`` (more data of the same kind),
``run_data`` (the data that a run was trained on).
"""

from forward_forward.datasets.builtin import (
    aesop,
    available,
    digits,
    fashion_mnist,
    mnist,
    named,
)
from forward_forward.datasets.fetch import DataUnavailable
from forward_forward.datasets.load_like import load_like
from forward_forward.datasets.splits import Sets, load

__all__ = [
    "DataUnavailable",
    "Sets",
    "aesop",
    "available",
    "digits",
    "fashion_mnist",
    "load",
    "load_like",
    "mnist",
    "named",
]

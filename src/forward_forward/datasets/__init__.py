"""A set's name, or data in any of the usual forms -> parts to train, validate and test on.

In reading order: ``builtin`` (sets with a name), ``frames`` (tables with a name), ``idx`` and
``cifar`` (sets of these formats), ``fetch`` (their files: found or downloaded, and checked by
SHA-256), ``decoded`` (arrays that are decoded once, and then mapped from the cache), ``splits``
(the parts of a set), ``load_like`` (more data of the same kind), ``run_data`` (the data that a run
was trained on).
"""

from forward_forward.datasets.builtin import (
    aesop,
    available,
    digits,
    named,
)
from forward_forward.datasets.cifar import cifar10, cifar10_jpeg, cifar100
from forward_forward.datasets.fetch import DataUnavailable
from forward_forward.datasets.idx import fashion_mnist, kmnist, mnist
from forward_forward.datasets.load_like import load_like
from forward_forward.datasets.splits import Sets, load

__all__ = [
    "DataUnavailable",
    "Sets",
    "aesop",
    "available",
    "cifar10",
    "cifar10_jpeg",
    "cifar100",
    "digits",
    "fashion_mnist",
    "kmnist",
    "load",
    "load_like",
    "mnist",
    "named",
]

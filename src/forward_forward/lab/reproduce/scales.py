"""A scale's name -> the data, network, epochs and numbers of seeds of a reproduction."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How large a reproduction is; all arms of a claim have the same."""

    name: str
    data: str  # name of the data set
    images: int | None  # first of the training part; None for all, even for a fraction of them
    hidden: tuple[int, ...]  # units of the layers
    epochs: float  # passes over the images in a final run
    batch_size: int = 256
    deciding: int = 8  # seeds of an arm that decides a claim
    others: int = 5  # seeds of any other arm
    rates: int = 7  # learning rates tried at first, a factor of the root of ten apart
    factors: int = 3  # values of the second setting tried with each of them: 3, or 1, the default
    extensions: int = 6  # how many times untried neighbours of the best combination are added
    tuning_fraction: float = 0.25  # epochs of a tuning run over those of a final one
    tuning_seeds: int = 3  # on which the three best combinations are compared; others have one
    # SGD's constant rates: powers of ten from the first to the last of these, the third apart.
    powers: tuple[float, float, float] = (-4.0, 4.0, 0.5)
    grid_seeds: int = 3  # of each cell of SGD's grid


SMOKE = Scale(
    "smoke",
    "digits",
    800,
    (32, 32),
    epochs=3,
    batch_size=32,
    deciding=2,
    others=2,
    rates=2,
    factors=1,
    extensions=0,
    tuning_fraction=0.5,
    tuning_seeds=1,
    powers=(-3.0, 3.0, 3.0),
    grid_seeds=1,
)
QUICK = Scale(
    "quick",
    "mnist",
    10_000,
    (500, 500),
    epochs=10,
    deciding=3,
    others=3,
    tuning_seeds=1,
    powers=(-4.0, 4.0, 1.0),
)
DEFAULT = Scale("default", "mnist", 50_000, (500, 500), epochs=10)
FULL = Scale("full", "mnist", 50_000, (2000, 2000, 2000, 2000), epochs=60)
SCALES = {scale.name: scale for scale in (SMOKE, QUICK, DEFAULT, FULL)}


def named(name: str) -> Scale:
    """The scale with this name.

    Raises:
        ValueError: No such scale; the message suggests the nearest one.

    >>> named("smoke").data
    'digits'
    """
    if name not in SCALES:
        near = difflib.get_close_matches(name, SCALES, 1)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"expected a scale among {', '.join(SCALES)}, got {name!r}{hint}")
    return SCALES[name]

"""Errors of runs by seed -> estimates, intervals and p values: the tests that verdicts rest on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

ALPHA = 0.05
RESAMPLES = 2_000
EXACT = 16  # differences whose signs are flipped in all ways


class Difference(NamedTuple):
    """A mean paired difference: its 95 % t interval, and one-sided p of being above 0 or below."""

    estimate: float
    low: float
    high: float
    p_above: float
    p_below: float
    sign_flip: float


class Equivalence(NamedTuple):
    """A mean paired difference: its 90 % t interval, and the larger p of two one-sided tests."""

    estimate: float
    low: float
    high: float
    p: float


def paired(values: Sequence[float]) -> Difference:
    """Judge paired differences, one a seed.

    Args:
        values: At least two differences.

    Returns:
        The mean with its t interval, p of both one-sided t tests, and the exact one-sided p of
        flipping the signs.

    Raises:
        ValueError: Fewer than two differences.

    >>> round(paired([1.0, 2.0, 3.0]).low, 2)
    -0.48
    """
    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        raise ValueError(f"a paired test expects two seeds or more, got {len(x)}: add seeds")
    mean, error = float(x.mean()), float(stats.sem(x))
    if error == 0:  # all differences are the same: the t statistic has no denominator
        above = 0.0 if mean > 0 else 1.0 if mean < 0 else 0.5
        return Difference(mean, mean, mean, above, 1.0 - above, sign_flips(x))
    half = float(stats.t.ppf(0.975, len(x) - 1)) * error
    above = float(stats.t.sf(mean / error, len(x) - 1))
    return Difference(mean, mean - half, mean + half, above, 1 - above, sign_flips(x))


def sign_flips(values: Sequence[float] | np.ndarray) -> float:
    """Share of all ways to flip the signs of differences that have at least the same mean.

    Of more than 16 differences as many ways are drawn at random as 16 have.

    >>> sign_flips([1.0, 2.0, 3.0])
    0.125
    """
    x = np.asarray(values, dtype=float)
    if len(x) <= EXACT:
        flips = np.array(list(itertools.product((1, -1), repeat=len(x))))
    else:
        drawn = np.random.default_rng(0).integers(0, 2, (2**EXACT - 1, len(x)))
        flips = np.concatenate([np.ones((1, len(x))), 2 * drawn - 1])
    # A hair's breadth for rounding: the way that was observed counts.
    return float((flips @ x >= x.sum() - 1e-9).mean())


def equivalence(values: Sequence[float], margin: float) -> Equivalence:
    """Two one-sided t tests of paired differences lying within a margin of 0.

    Args:
        values: At least two differences.
        margin: Half the width of what counts as the same.

    References:
        Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15.

    >>> equivalence([0.01, -0.02, 0.0, 0.01], 0.3).p < 0.001
    True
    """
    x = np.asarray(values, dtype=float)
    p = max(paired([*(x + margin)]).p_above, paired([*(x - margin)]).p_below)
    error = float(stats.sem(x))
    half = float(stats.t.ppf(0.95, len(x) - 1)) * error
    mean = float(x.mean())
    return Equivalence(mean, mean - half, mean + half, p)


def holm(p: Sequence[float]) -> list[float]:
    """P values adjusted for their number, by Holm's step-down method.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return [round(float(value), 12) for value in adjusted]


def two_way_bootstrap(
    first: Sequence[Sequence[int]], second: Sequence[Sequence[int]], images: int, seed: int = 0
) -> tuple[float, float]:
    """A 95 % interval of a difference of errors over seeds and test images, both drawn anew.

    Args:
        first: Numbers of the images that each run of one arm reads wrongly, a list a seed.
        second: Those of the other arm, for the same seeds.
        images: Test images.
        seed: For the draws.

    Returns:
        Low and high of ``error(second) - error(first)``, in points.

    >>> two_way_bootstrap([[0], [0]], [[0, 1], [0, 1]], images=2)[1]
    100.0
    """
    rng = np.random.default_rng(seed)
    difference = _wrong(second, images) - _wrong(first, images)
    # Images on which the arms never differ add nothing, however often they are drawn: they are
    # drawn together, as the rest.
    difference = difference[:, difference.any(0)]
    chances = np.full(difference.shape[1] + 1, 1 / images)
    chances[-1] = 1 - difference.shape[1] / images
    means = np.empty(RESAMPLES)
    for place in range(RESAMPLES):
        seeds = rng.integers(0, len(difference), len(difference))
        drawn = rng.multinomial(images, chances)[:-1]
        means[place] = difference[seeds].mean(0) @ drawn / images
    low, high = np.quantile(means, (0.025, 0.975))
    return 100 * float(low), 100 * float(high)


def _wrong(rows: Sequence[Sequence[int]], images: int) -> np.ndarray:
    wrong = np.zeros((len(rows), images))
    for place, numbers in enumerate(rows):
        wrong[place, list(numbers)] = 1
    return wrong

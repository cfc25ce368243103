"""Errors of runs by seed -> estimates, intervals and p values, on which verdicts rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

ALPHA = 0.05
RESAMPLES = 2_000
FLIPS = 2**16  # ways to flip signs: all of them for up to 16 differences, else as many random ones


class Interval(NamedTuple):
    """A mean and its Student's t interval."""

    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return self.high - self.mean


class Difference(NamedTuple):
    """A mean paired difference: its 95 % t interval, and one-sided p of being above 0 or below."""

    estimate: float
    low: float
    high: float
    p: float  # that the mean is above 0
    p_opposite: float  # that it is below
    sign_flip_p: float  # that it is above, exact


class Equivalence(NamedTuple):
    """A mean paired difference: its 90 % t interval, and the larger p of two one-sided tests."""

    estimate: float
    low: float
    high: float
    p: float


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The mean of two or more values, one per seed, with its t interval at a level of confidence.

    Raises:
        ValueError: Fewer than two values.

    >>> round(t_interval([1.0, 2.0, 3.0]).low, 2)
    -0.48
    """
    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        raise ValueError(f"an interval requires at least two seeds, got {len(x)}: add seeds")
    mean = float(x.mean())
    if np.ptp(x) == 0:  # there the t statistic would divide by 0
        return Interval(mean, mean, mean)
    low, high = stats.ttest_1samp(x, 0).confidence_interval(level)
    return Interval(mean, float(low), float(high))


def _p_above(values: Sequence[float], bound: float) -> float:
    """One-sided p of the t test that the mean is above a bound."""
    x = np.asarray(values, dtype=float)
    if np.ptp(x) == 0:
        return 0.0 if x[0] > bound else 1.0 if x[0] < bound else 0.5
    return float(stats.ttest_1samp(x, bound, alternative="greater").pvalue)


def paired(values: Sequence[float]) -> Difference:
    """The mean of two or more paired differences, one per seed, with its interval and p values.

    Raises:
        ValueError: Fewer than two differences.
    """
    interval, p = t_interval(values), _p_above(values, 0)
    return Difference(*interval, p, 1 - p, sign_flips(values))


def sign_flips(values: Sequence[float]) -> float:
    """Fraction of all ways to flip the signs of differences in which the mean is at least theirs.

    >>> sign_flips([1.0, 2.0, 3.0])
    0.125
    """

    def total(x: np.ndarray, axis: int) -> np.ndarray:
        sums: np.ndarray = np.round(x.sum(axis), 9)  # so that equal sums count as equal
        return sums

    test = stats.permutation_test(
        (np.asarray(values, dtype=float),),
        total,
        permutation_type="samples",
        n_resamples=FLIPS,
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def equivalence(values: Sequence[float], margin: float) -> Equivalence:
    """Two one-sided t tests that the mean of paired differences lies within a margin of 0.

    Raises:
        ValueError: Fewer than two differences.

    References:
        Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15.

    >>> equivalence([0.01, -0.02, 0.0, 0.01], 0.3).p < 0.001
    True
    """
    interval = t_interval(values, 0.9)
    p = max(_p_above(values, -margin), _p_above([-value for value in values], -margin))
    return Equivalence(*interval, p)


def holm(p: Sequence[float]) -> list[float]:
    """P values adjusted for their number, by Holm's step-down method.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    factors = np.arange(len(p), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * np.asarray(p)[order]))
    return [round(float(value), 12) for value in adjusted]


def two_way_bootstrap(
    first: Sequence[Sequence[int]], second: Sequence[Sequence[int]], images: int, seed: int = 0
) -> tuple[float, float]:
    """A 95 % bootstrap interval of a difference of errors; seeds and test images are resampled.

    Args:
        first: For each seed, the numbers of the images that one arm misclassifies.
        second: Those of the other arm, for the same seeds.
        images: Number of test images.
        seed: For the resampling.

    Returns:
        Low and high of ``error(second) - error(first)``, in percentage points.

    >>> two_way_bootstrap([[0], [0]], [[0, 1], [0, 1]], images=2)[1]
    100.0
    """
    rng = np.random.default_rng(seed)
    difference = _wrong(second, images) - _wrong(first, images)
    # Images on which the arms never differ contribute nothing, however often they are drawn: they
    # are drawn together, as the last category.
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

"""Estimates, intervals and p values are those of scipy, of slow loops, and of hand-made cases."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from forward_forward.lab.statistics import equivalence, holm, paired, sign_flips, two_way_bootstrap

MARGIN = 0.3
# Whole hundredths, as errors on 10,000 images are: no spread is so small that rounding makes it.
hundredths = st.lists(st.integers(-60, 60), min_size=2, max_size=9)
thousandths = st.lists(st.integers(0, 1000), min_size=1, max_size=8)


@given(hundredths)
def test_paired_is_scipys_t_test(values):
    assume(len(set(values)) > 1)
    x = np.array(values) / 100
    found = paired([*x])
    above = stats.ttest_1samp(x, 0, alternative="greater")
    below = stats.ttest_1samp(x, 0, alternative="less")
    interval = stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert found.estimate == pytest.approx(x.mean(), abs=1e-12)
    assert (found.p, found.p_opposite) == pytest.approx((above.pvalue, below.pvalue), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert found.sign_flip_p == sign_flips(x)


def test_the_t_interval_is_that_of_a_textbook():
    # Mean 2, standard error 1 / sqrt(3), and 4.303 from a table of t with two degrees of freedom.
    found = paired([1.0, 2.0, 3.0])
    half = 4.302653 / 3**0.5
    assert found[:3] == pytest.approx((2.0, 2.0 - half, 2.0 + half), abs=1e-6)


def test_paired_turns_round_with_the_signs():
    values = [0.4, -0.1, 0.3, 0.25]
    found, turned = paired(values), paired([-value for value in values])
    assert turned[:3] == pytest.approx((-found.estimate, -found.high, -found.low))
    assert (turned.p, turned.p_opposite) == pytest.approx((found.p_opposite, found.p))


@pytest.mark.parametrize(("value", "p_above"), [(0.5, 0.0), (0.0, 0.5), (-0.5, 1.0)])
def test_equal_differences_leave_no_doubt(value, p_above):
    found = paired([value] * 4)
    assert found[:3] == (value, value, value)
    assert (found.p, found.p_opposite) == (p_above, 1 - p_above)


@pytest.mark.parametrize("values", [[], [0.3]], ids=len)
def test_one_seed_is_no_test(values):
    with pytest.raises(ValueError, match=f"at least two seeds, got {len(values)}: add seeds"):
        paired(values)
    with pytest.raises(ValueError, match="add seeds"):
        equivalence(values, MARGIN)


def counted(values: list[int]) -> float:
    """The fraction of sign flips with at least the same sum, from how often each sum occurs."""
    sums = Counter({0: 1})
    for value in values:
        sums = Counter(
            {
                each: sums[each - value] + sums[each + value]
                for total in sums
                for each in (total - value, total + value)
            }
        )
    as_large = sum(times for total, times in sums.items() if total >= sum(values))
    return as_large / 2 ** len(values)


@given(hundredths)
def test_sign_flips_are_counted(values):
    assert sign_flips([value / 100 for value in values]) == counted(values)


def test_sign_flips_of_hand_made_cases():
    assert sign_flips([0.1] * 8) == 1 / 2**8
    assert sign_flips([0.0, 0.0, 0.0]) == 1.0
    assert sign_flips([-1.0, -2.0]) == 1.0
    assert sign_flips([3.0, -1.0]) == 2 / 4


@given(hundredths)
def test_equivalence_is_two_one_sided_tests(values):
    assume(len(set(values)) > 1)
    x = np.array(values) / 100
    found = equivalence([*x], MARGIN)
    above = stats.ttest_1samp(x, -MARGIN, alternative="greater").pvalue
    below = stats.ttest_1samp(x, MARGIN, alternative="less").pvalue
    interval = stats.ttest_1samp(x, 0).confidence_interval(0.9)
    assert found.p == pytest.approx(max(above, below), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert found.estimate == pytest.approx(x.mean(), abs=1e-12)


@given(hundredths, st.integers(1, 50))
def test_p_is_small_where_the_interval_lies_within_the_margin(values, margin):
    found = equivalence([value / 100 for value in values], margin / 100)
    ends = abs(found.low), abs(found.high)
    assume(all(abs(end - margin / 100) > 1e-9 for end in ends))  # at the border rounding decides
    assert (found.p < 0.05) == (max(ends) < margin / 100)


def test_equal_differences_lie_within_the_margin_or_do_not():
    assert equivalence([0.2] * 3, MARGIN).p == pytest.approx(0, abs=1e-12)
    assert equivalence([0.4] * 3, MARGIN).p == pytest.approx(1, abs=1e-12)
    assert equivalence([-0.4] * 3, MARGIN).p == pytest.approx(1, abs=1e-12)


def rejected(p: list[float], level: float) -> set[int]:
    """What Holm's procedure rejects: the smallest p first, until one is too large."""
    left, found = set(range(len(p))), set()
    while left:
        least = min(left, key=lambda place: p[place])
        if p[least] > level / len(left):
            break
        found.add(least)
        left.remove(least)
    return found


@given(thousandths, st.integers(0, 999))
def test_holm_rejects_what_his_procedure_rejects(values, number):
    p = [value / 1000 for value in values]
    level = number / 1000 + 0.0005  # between multiples of any p: no rounding decides
    small = {place for place, each in enumerate(holm(p)) if each <= level}
    assert small == rejected(p, level)


@given(thousandths)
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(values):
    p = [value / 1000 for value in values]
    adjusted = holm(p)
    ordered = [each for _, each in sorted(zip(p, adjusted, strict=True))]
    assert ordered == sorted(adjusted)
    for raw, each in zip(p, adjusted, strict=True):
        assert raw - 1e-12 <= each <= min(1.0, len(p) * raw) + 1e-12


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        ([], []),
        ([0.2], [0.2]),
        ([0.01, 0.01, 0.01], [0.03, 0.03, 0.03]),
        ([0.5, 0.001, 0.4], [0.8, 0.003, 0.8]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([0.03, 0.012, 0.02, 0.01], [0.04, 0.04, 0.04, 0.04]),
    ],
    ids=str,
)
def test_holm_of_hand_made_cases(p, adjusted):
    assert holm(p) == adjusted


def first(count: int) -> list[int]:
    """That many images read wrongly."""
    return list(range(count))


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


IMAGES = 200
SEEDS = 8


def test_the_bootstrap_is_second_minus_first_in_points():
    low, high = two_way_bootstrap([first(10)] * SEEDS, [first(60)] * SEEDS, IMAGES)
    assert 0 < low < 25 < high < 50
    turned = two_way_bootstrap([first(60)] * SEEDS, [first(10)] * SEEDS, IMAGES)
    assert turned == pytest.approx((-high, -low))


def test_the_bootstrap_is_the_same_from_the_same_seed():
    arms = [first(10), first(14)], [first(30), first(20)]
    assert two_way_bootstrap(*arms, IMAGES) == two_way_bootstrap(*arms, IMAGES)
    others = {two_way_bootstrap(*arms, IMAGES, seed=seed) for seed in range(5)}
    assert len(others) > 1  # of whole images, so that two seeds may agree


def test_equal_arms_have_no_difference():
    wrong = [first(10), first(40), first(25)]
    assert two_way_bootstrap(wrong, wrong, IMAGES) == (0.0, 0.0)


def test_arms_that_err_alike_on_other_images_are_around_0():
    wrong = [[*range(20)]] * SEEDS, [[*range(20, 40)]] * SEEDS
    low, high = two_way_bootstrap(*wrong, IMAGES)
    assert low < 0 < high
    assert low == pytest.approx(-high, abs=1.5)


def test_with_equal_seeds_the_images_alone_are_drawn():
    wrong, right = [first(20)] * SEEDS, [[]] * SEEDS
    drawn = stats.binom(IMAGES, 20 / IMAGES)
    expected = [100 * drawn.ppf(share) / IMAGES for share in (0.025, 0.975)]
    assert two_way_bootstrap(right, wrong, IMAGES) == pytest.approx(expected, abs=0.6)


def test_with_equal_images_the_seeds_alone_are_drawn():
    # Every image is wrong in half of the seeds: 1 of 8 and 7 of 8 are the ends of Binomial(8, 1/2).
    wrong = [[], first(IMAGES)] * (SEEDS // 2)
    found = two_way_bootstrap([[]] * SEEDS, wrong, IMAGES)
    assert found == pytest.approx((100 / 8, 700 / 8), abs=1e-9)


def test_the_bootstrap_widens_with_the_spread_of_seeds():
    right = [[]] * SEEDS
    widths = []
    for spread in (0, 20, 40):
        wrong = [first(50 - spread), first(50 + spread)] * (SEEDS // 2)
        low, high = two_way_bootstrap(right, wrong, IMAGES)
        assert low < 25 < high
        widths.append(high - low)
    assert widths == sorted(widths)
    assert widths[2] > 1.5 * widths[0]


def test_the_bootstrap_narrows_with_more_images_and_seeds():
    def of(images: int, seeds: int) -> float:
        wrong = [first(images // 5), first(images // 10)] * (seeds // 2)
        return width(two_way_bootstrap([[]] * seeds, wrong, images))

    assert of(100, 4) > of(400, 4) > of(400, 16)

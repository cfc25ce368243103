"""Splits of layers into stages: against all splits there are, and what is refused."""

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_forward.parallel.balance import balance_bound, balanced, ranges, stage_costs

WHOLE = st.integers(1, 5)  # few values, so that many splits are equal
REAL = st.floats(1e-3, 1e3)


def all_splits(layers: int, stages: int) -> list[tuple[int, ...]]:
    cuts = itertools.combinations(range(1, layers), stages - 1)
    return [tuple(b - a for a, b in itertools.pairwise((0, *cut, layers))) for cut in cuts]


def by_brute_force(costs: list[float], stages: int) -> tuple[int, ...]:
    def order(split: tuple[int, ...]) -> tuple[Fraction, Fraction, tuple[int, ...]]:
        owned = [sum(Fraction(costs[k]) for k in each) for each in ranges(split)]
        return max(owned), sum(each**2 for each in owned), split

    return min(all_splits(len(costs), stages), key=order)


@settings(deadline=None)
@given(costs=st.lists(WHOLE, min_size=1, max_size=9) | st.lists(REAL, min_size=1, max_size=9))
def test_the_balanced_split_is_the_best_of_all(costs):
    for stages in range(1, len(costs) + 1):
        assert balanced(costs, stages) == by_brute_force(costs, stages)


def test_equal_layers_are_equal_whatever_their_sums_round_to():
    # In floating point 0.1 + 0.1 + 0.1 is more than 0.3.
    assert balanced([0.1] * 7, 3) == (2, 2, 3)
    assert balanced([0.1] * 60, 20) == (3,) * 20


def test_of_equally_slow_splits_the_evenest_is_chosen():
    assert balanced([9, 1, 1, 1, 1], 3) == (1, 2, 2)


def test_one_stage_has_all_layers_and_as_many_stages_have_one_each():
    assert balanced([3, 1, 2], 1) == (3,)
    assert balanced([3, 1, 2], 3) == (1, 1, 1)


@settings(deadline=None)
@given(costs=st.lists(REAL, min_size=1, max_size=9), data=st.data())
def test_stages_own_every_layer_once_and_their_costs_add_up(costs, data):
    split = balanced(costs, data.draw(st.integers(1, len(costs))))
    assert [layer for each in ranges(split) for layer in each] == list(range(len(costs)))
    assert [len(each) for each in ranges(split)] == list(split)
    owned = stage_costs(costs, split)
    assert math.fsum(owned) == pytest.approx(math.fsum(costs))
    assert balance_bound(costs, split) == pytest.approx(math.fsum(costs) / max(owned))
    assert 1 - 1e-9 <= balance_bound(costs, split) <= len(split) + 1e-9


@pytest.mark.parametrize("stages", [0, -1, 4])
def test_stages_without_a_layer_are_refused(stages):
    with pytest.raises(ValueError, match=f"expected 1 to 3 stages for 3 layers, got {stages}"):
        balanced([1, 1, 1], stages)


@pytest.mark.parametrize("cost", [0, -1.0, math.inf, math.nan])
def test_impossible_costs_are_refused(cost):
    for call in (balanced, lambda costs, _: stage_costs(costs, (2,))):
        with pytest.raises(ValueError, match=f"positive, finite cost .* got {cost} for layer 2"):
            call([1.0, cost], 2)


@pytest.mark.parametrize("split", [(1, 1), (2, 2)])
def test_a_split_of_other_layers_is_refused(split):
    for call in (stage_costs, balance_bound):
        with pytest.raises(
            ValueError, match=rf"expected a split of 3 layers.*{sum(split)}: assign"
        ):
            call([1, 1, 1], split)


@pytest.mark.parametrize("split", [(), (3, 0), (4, -1)])
def test_a_stage_without_a_layer_is_refused(split):
    with pytest.raises(ValueError, match="expected at least one layer in each stage"):
        ranges(split)

"""Particular facts about single measures of goodness, against plain Python or a known number."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_forward.goodness import (
    Minimised,
    PNorm,
    at_unit_activity,
    l2_norm,
    max_norm,
    mean_square,
    slope_of,
    sum_of_squares,
)

FEW = settings(max_examples=40, deadline=None)  # however busy the machine is
rows = st.lists(
    st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3), min_size=1, max_size=4
)


def double(values: list[list[float]]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@FEW
@given(rows)
def test_the_l2_norm_is_the_posters(values):
    expected = [math.sqrt(sum(each**2 for each in row)) for row in values]
    assert l2_norm(double(values)).tolist() == pytest.approx(expected, rel=1e-12)


@FEW
@given(rows)
def test_the_squares_are_hintons_and_differ_by_the_width_alone(values):
    expected = [sum(each**2 for each in row) for row in values]
    assert sum_of_squares(double(values)).tolist() == pytest.approx(expected, rel=1e-12)
    assert (3 * mean_square(double(values))).tolist() == pytest.approx(expected, rel=1e-12)


@FEW
@given(rows, st.floats(1, 12))
def test_a_p_norm_is_its_formula(values, p):
    expected = [sum(abs(each) ** p for each in row) ** (1 / p) for row in values]
    assert PNorm(p)(double(values)).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@FEW
@given(rows)
def test_the_norm_at_infinity_is_the_largest_activity_and_the_limit(values):
    expected = [max(map(abs, row)) for row in values]
    assert max_norm(double(values)).tolist() == expected
    assert PNorm(500.0)(double(values)).tolist() == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("p", [0.999, 0.0, -2.0, math.nan])
def test_a_power_below_1_is_no_norm(p):
    with pytest.raises(ValueError, match=r"p >= 1.*got p="):
        PNorm(p)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_a_norms_slope_has_dual_length_1(p):
    # The slope of a norm is a unit vector of the dual norm, along which h is as long as its norm.
    h = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    slope = PNorm(p).slope(h, torch.ones(1, dtype=torch.float64))
    dual = math.inf if p == 1 else 1.0 if math.isinf(p) else p / (p - 1)
    assert float(PNorm(dual)(slope)) == pytest.approx(1)
    assert float((slope * h).sum()) == pytest.approx(float(PNorm(p)(h)))


def test_a_naive_root_has_no_slope_at_zero_but_the_l2_norm_has():
    h = torch.zeros(1, 3)

    def naive(h):
        return h.square().sum(1).sqrt()

    assert slope_of(naive, h, torch.ones(1)).isnan().all()
    assert torch.equal(slope_of(l2_norm, h, torch.ones(1)), h)


def test_tied_units_share_the_slope_at_infinity_equally():
    h = torch.tensor([[2.0, -2.0, 1.0]])
    assert max_norm.slope(h, torch.tensor([3.0])).tolist() == [[1.5, -1.5, 0.0]]


def test_minimised_negates_goodness_and_slope():
    h, upstream = torch.tensor([[3.0, 4.0]]), torch.tensor([2.0])
    for goodness in (sum_of_squares, mean_square, l2_norm):
        assert torch.equal(Minimised(goodness)(h), -goodness(h))
        assert torch.equal(Minimised(goodness).slope(h, upstream), -goodness.slope(h, upstream))
    assert torch.equal(Minimised(Minimised(l2_norm))(h), l2_norm(h))


def test_minimised_serves_a_plain_function():
    h, upstream = torch.tensor([[3.0, 4.0]]), torch.tensor([2.0])
    assert Minimised(lambda h: h.sum(1)).slope(h, upstream).tolist() == [[-2.0, -2.0]]


def test_a_goodness_of_the_users_own_gets_its_slope_from_autograd():
    h, upstream = torch.tensor([[3.0, 4.0]]), torch.tensor([0.5])
    slope = slope_of(lambda h: (h**3).sum(1), h, upstream)
    assert slope.tolist() == [[13.5, 24.0]]
    assert not slope.requires_grad


@pytest.mark.parametrize(
    ("goodness", "expected"),
    [
        (sum_of_squares, 24.0),
        (mean_square, 1.0),
        (l2_norm, math.sqrt(24)),
        (PNorm(3.0), 24 ** (1 / 3)),
        (max_norm, 1.0),
        (Minimised(sum_of_squares), -24.0),
        (Minimised(mean_square), -1.0),
    ],
)
@pytest.mark.parametrize("shape", [(24,), (2, 3, 4)])
def test_goodness_at_unit_activity_follows_the_width(goodness, expected, shape):
    assert at_unit_activity(goodness, torch.zeros(1, *shape)) == pytest.approx(expected)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 1.5, 2.5])
def test_norms_and_their_slopes_are_those_of_torch(p):
    rng = torch.Generator().manual_seed(0)
    h = torch.randn(5, 7, dtype=torch.float64, generator=rng).requires_grad_()
    theirs = torch.linalg.vector_norm(h, p, dim=1)
    torch.testing.assert_close(PNorm(p)(h), theirs)
    (slope,) = torch.autograd.grad(theirs.sum(), h)
    torch.testing.assert_close(PNorm(p).slope(h.detach(), torch.ones(5).double()), slope)

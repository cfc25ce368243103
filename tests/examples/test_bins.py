"""Ordered bins: soft targets, how many bins there are, and what is refused."""

import pytest
import torch

from forward_forward.examples import OrdinalBins


@pytest.mark.parametrize("spread", [0.25, 1.0, 2.0])
def test_the_expected_centre_of_a_soft_target_is_the_target(spread):
    y = torch.linspace(-3, 5, 101, dtype=torch.float64).square()
    bins = OrdinalBins.spanning(y, spread)
    assert bins.spread >= spread * float(y.std(correction=0)) - 1e-9
    centres = torch.tensor(bins.centres, dtype=torch.float64)
    assert (bins.soft(y) @ centres - y).abs().max() < 1e-3 * bins.spread


def test_bins_reach_beyond_all_targets_and_are_few():
    assert OrdinalBins.spanning(torch.tensor([5.0, 5.0])).centres == tuple(
        2.0 + i for i in range(7)
    )
    y = torch.zeros(10_000)
    y[0] = 1e6  # 100 standard deviations away
    bins = OrdinalBins.spanning(y)
    assert 32 < bins.num_classes <= 64
    assert bins.centres[0] <= -2.9 * bins.spread
    assert bins.centres[-1] >= 1e6 + 2.9 * bins.spread


def test_a_mixture_predicts_the_mean_of_the_layers():
    bins = OrdinalBins((0.0, 1.0, 4.0), 1.0)
    goodness = torch.tensor([[[9.0, 0.0, 0.0]], [[0.0, 0.0, 5.0]]])
    mean = bins.decide(goodness).mean(0)
    torch.testing.assert_close(bins.decide(bins.mixture(goodness)), mean)
    assert not torch.allclose(bins.decide(goodness.sum(0)), mean, atol=1e-2)


@pytest.mark.parametrize(
    ("centres", "spread"),
    [((0.0,), 1.0), ((1.0, 0.0), 1.0), ((0.0, 1.0), 0.0), ((0.0, float("inf")), 1.0)],
)
def test_bins_that_are_none_are_refused(centres, spread):
    with pytest.raises(ValueError, match=r"ascending centres .*spanning\(y\)"):
        OrdinalBins(centres, spread)


@pytest.mark.parametrize("y", [None, torch.zeros(3, dtype=torch.int64), torch.zeros(3, 1)])
def test_targets_that_are_no_numbers_are_refused(y):
    with pytest.raises(ValueError, match="one floating-point target per sample"):
        OrdinalBins((0.0, 1.0), 1.0).positive(torch.zeros(3, 2), y)

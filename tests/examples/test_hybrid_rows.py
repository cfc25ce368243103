"""Hybrids of rows: each value is one of two samples'."""

import pytest
import torch

from forward_forward.examples import HybridRows


def test_each_value_of_a_negative_is_that_of_one_of_two_samples():
    x = torch.arange(12.0).view(4, 3)
    rng = torch.Generator().manual_seed(0)
    found = torch.stack([HybridRows(2).negative(x, None, rng).dense()[0] for _ in range(300)])
    own = found == x
    assert float(own.float().mean()) == pytest.approx(0.5, abs=0.05)
    assert bool((found % 3 == x % 3).all())  # each in its own column
    others = (found // 3).masked_fill(own, -1)
    for row in others.view(-1, 3).tolist():
        assert len({each for each in row if each >= 0}) <= 1


def test_the_share_is_kept_and_bad_ones_are_refused():
    x = torch.arange(4000.0).view(40, 100)
    rng = torch.Generator().manual_seed(0)
    found = HybridRows(2, share=0.2).negative(x, None, rng).dense()[0]
    assert float((found != x).float().mean()) == pytest.approx(0.2, abs=0.03)
    with pytest.raises(ValueError, match="share between 0 and 1, got 1"):
        HybridRows(2, share=1.0)
    with pytest.raises(ValueError, match="HybridRows expects at least two samples"):
        HybridRows(2).negative(x[:1], None, rng)

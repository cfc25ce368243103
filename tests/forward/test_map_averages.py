"""Averages of maps in the cells of a grid, and their slopes, are those of torch's pooling."""

import pytest
import torch
from torch.nn import functional

from forward_forward.readouts.readout import averages


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    ("size", "grid"), [((8, 8), 4), ((4, 12), 2), ((4, 4), 4), ((6, 6), 4), ((5, 5), 1)]
)
def test_averages_and_slopes_are_those_of_adaptive_pooling(layout, dtype, size, grid):
    maps = torch.randn(3, 5, *size).to(dtype).contiguous(memory_format=layout)
    upstream = torch.randn(3, 5, grid, grid).to(dtype)
    found = []
    for pool in (averages, functional.adaptive_avg_pool2d):
        leaf = maps.clone().requires_grad_()
        pooled = pool(leaf, grid)
        (slope,) = torch.autograd.grad(pooled, leaf, upstream)
        found.append((pooled.detach(), slope))
    for mine, torchs in zip(*found, strict=True):
        torch.testing.assert_close(mine, torchs)
    assert torch.equal(averages(maps, grid), found[0][0])

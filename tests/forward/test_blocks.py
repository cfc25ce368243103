"""Blocks that torch lacks: against plain formulas, with the gradients that they promise."""

import pytest
import torch

from forward_forward.forward.blocks import BinaryLinear, BinarySign, RootMeanSquarePool


def seeded():
    return torch.Generator().manual_seed(0)


def test_a_binary_layer_multiplies_by_signs_and_passes_their_gradient():
    layer = BinaryLinear(5, 3).double()
    layer.draw(seeded())
    x = torch.randn(4, 5, generator=seeded(), dtype=torch.float64)
    signs = layer.weight.detach().sign() * layer.weight.detach().abs().mean()
    torch.testing.assert_close(layer(x), x @ signs.t())
    assert len(layer(x).unique()) > 1
    upstream = torch.randn(4, 3, generator=seeded(), dtype=torch.float64)
    (slope,) = torch.autograd.grad(layer(x), layer.weight, upstream)
    torch.testing.assert_close(slope, upstream.t() @ x)
    torch.testing.assert_close(layer(x.view(4, 5, 1)), layer(x))


def test_a_sign_passes_the_gradient_of_a_clamp():
    z = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0], requires_grad=True)
    found = BinarySign()(z)
    assert found.tolist() == [-1, -1, 1, 1, 1]
    (slope,) = torch.autograd.grad(found.sum(), z)
    assert slope.tolist() == [0, 1, 1, 1, 0]


def test_pooling_keeps_the_energy_and_has_a_finite_slope_at_zero():
    x = torch.randn(2, 3, 4, 6, generator=seeded(), dtype=torch.float64)
    pooled = RootMeanSquarePool(2, eps=0)(x)
    assert pooled.shape == (2, 3, 2, 3)
    torch.testing.assert_close(4 * pooled.square().sum(), x.square().sum())
    zeros = torch.zeros(1, 1, 2, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(RootMeanSquarePool(2)(zeros).sum(), zeros)
    assert slope.tolist() == [[[[0, 0], [0, 0]]]]


def test_a_block_is_drawn_from_its_generator():
    first, second = BinaryLinear(400, 20), BinaryLinear(400, 20)
    first.draw(seeded())
    second.draw(seeded())
    assert torch.equal(first.weight, second.weight)
    assert float(first.weight.detach().std()) == pytest.approx(0.05, rel=0.05)

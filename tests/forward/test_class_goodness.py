"""Layers that answer for every class: computed one by one, they give what a forward pass gives."""

import pytest
import torch
from torch import nn

from forward_forward import readouts
from forward_forward.examples import NoLabel
from forward_forward.forward import ClassGroupNorm, Layer, MeanSquareOne, Network, UnitLength
from forward_forward.forward.passes import ForwardPass, variants_goodness

CLASSES, WIDTH = 3, 6


def network(readout=None, **parts):
    layers = [
        Layer(nn.Linear(WIDTH, WIDTH), goodness=readouts.FixedReadout(CLASSES, seed=seed), **parts)
        for seed in range(3)
    ]
    return Network(*layers, examples=NoLabel(CLASSES), readout=readout).double()


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"normalize": None},
        {"normalize": UnitLength(), "activation": nn.Tanh},
        {"normalize": ClassGroupNorm(CLASSES)},
        {"normalize": nn.BatchNorm1d(WIDTH)},
        {"activation": nn.GELU},
        {"activation": nn.Identity},
        {"activation": nn.Identity, "normalize": None, "residual": True},
        {"residual": True},
    ],
)
def test_goodness_is_that_of_a_forward_pass(parts):
    net = network(**parts)
    x = torch.randn(5, WIDTH, dtype=torch.float64)
    before = x.clone()
    expected = variants_goodness(ForwardPass(net.layers), net.examples.candidates(x))
    found = net.goodness_by_layer(x)
    assert found.shape == (3, 5, CLASSES)
    assert not found.requires_grad
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(x, before)
    assert all(layer.training for layer in net.modules())


def test_a_linear_block_without_biases_and_blocks_of_maps():
    flat = Layer(nn.Linear(18, WIDTH, bias=False), goodness=readouts.FixedReadout(CLASSES))
    maps = Layer(nn.Conv2d(1, 2, 3, padding=1), goodness=readouts.FixedReadout(CLASSES))
    net = Network(maps, flat, examples=NoLabel(CLASSES)).double()
    x = torch.randn(4, 1, 3, 3, dtype=torch.float64)
    expected = variants_goodness(ForwardPass(net.layers), net.examples.candidates(x))
    torch.testing.assert_close(net.goodness_by_layer(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("readout", [(0, 1), (1, 2), None])
def test_layers_above_those_that_are_read_are_not_computed(readout):
    net = network(readout)
    called = []
    for number, layer in enumerate(net.layers):
        layer.goodness.register_forward_hook(lambda *_, number=number: called.append(number))
    x = torch.randn(2, WIDTH, dtype=torch.float64)
    summed = net.goodness(x)
    assert called == list(range(3 if readout is None else readout[1]))
    assert torch.equal(summed, net.goodness_by_layer(x)[slice(*(readout or (0, 3)))].sum(0))


def test_a_width_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="the layer expects 6 inputs"):
        network(normalize=MeanSquareOne()).goodness_by_layer(torch.randn(2, 5).double())

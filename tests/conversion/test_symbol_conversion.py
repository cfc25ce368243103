"""A model that reads symbols becomes layers that predict the next one."""

import functools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward.examples import NextSymbol
from forward_forward.forward import CausalBlock, SymbolEmbedding
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import PositionReadout

SYMBOLS, WINDOW, WIDTH = 5, 6, 8
LAYER = functools.partial(
    ff.Layer, goodness=PositionReadout(SYMBOLS), loss=CrossEntropy(), normalize=None
)


def model():
    torch.manual_seed(0)
    return nn.Sequential(
        SymbolEmbedding(SYMBOLS, WIDTH, WINDOW),
        nn.Sequential(CausalBlock(WIDTH, 2), CausalBlock(WIDTH, 2)),
        nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU()),
        nn.Linear(WIDTH, SYMBOLS),
    )


def test_blocks_become_layers_that_compute_what_the_model_does():
    original = model()
    made = ff.convert(original, num_classes=SYMBOLS, input_shape=WINDOW, layer=LAYER)
    assert [step.became.split(" as a whole")[0] for step in made.steps] == [
        "layer 1",
        "joined with the weights before it, which no activation follows: part of layer 1",
        "layer 2",
        "part of layer 2",
        "layer 3",
        "the activation of layer 3",
        "left out: the label is read from the goodness of all layers, not from scores",
    ]
    net = made.network.eval()
    assert net.examples == NextSymbol(SYMBOLS)
    assert {layer.goodness.units for layer in net.layers} == {WIDTH}
    x = torch.randint(SYMBOLS, (3, WINDOW)).float()
    with torch.no_grad():
        torch.testing.assert_close(net(x)[-1], original.eval()[:-1](x))


def test_layers_with_a_norm_of_their_own_are_refused():
    normalised = functools.partial(LAYER, normalize=ff.forward.MeanSquareOne())
    with pytest.raises(ValueError, match="normalize=None"):
        ff.convert(model(), num_classes=SYMBOLS, input_shape=WINDOW, layer=normalised)


def test_a_window_that_the_model_does_not_take_is_named():
    with pytest.raises(ValueError, match=r"samples of \[9\]: 0 SymbolEmbedding .* at most 6"):
        ff.convert(model(), num_classes=SYMBOLS, input_shape=9, layer=LAYER)

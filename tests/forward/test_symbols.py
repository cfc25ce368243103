"""Blocks for texts see no later symbol, and what would is found and refused."""

import functools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward.examples import NextSymbol, NoLabel
from forward_forward.forward import CausalBlock, Layer, Network, SoftmaxHead, SymbolEmbedding
from forward_forward.forward.description import build, describe
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout, PositionReadout

SYMBOLS, WINDOW, WIDTH = 5, 6, 8
X = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0, 0.0], [4.0, 4.0, 1.0, 0.0, 2.0, 3.0]])
AT_POSITIONS = PositionReadout(SYMBOLS, WIDTH)


def layer(block, **options):
    given = {"goodness": PositionReadout(SYMBOLS, WIDTH), "normalize": None, **options}
    return Layer(block, None, loss=CrossEntropy(), **given)


def first(**options):
    embedding = SymbolEmbedding(SYMBOLS, WIDTH, WINDOW)
    return layer(nn.Sequential(embedding, CausalBlock(WIDTH, heads=2)), **options)


def network(*above, examples=NextSymbol(SYMBOLS), head=None, **options):  # noqa: B008
    return Network(first(**options), *above, examples=examples, head=head)


def test_a_block_sees_earlier_symbols_and_no_later_one():
    torch.manual_seed(0)
    net = network(layer(CausalBlock(WIDTH, heads=2))).eval()
    changed = X.clone()
    changed[:, 3] = (X[:, 3] + 1) % SYMBOLS
    for one, other in zip(net(X), net(changed), strict=True):
        torch.testing.assert_close(one[:, :3], other[:, :3])
        assert not torch.allclose(one[:, 3:].sum(0), other[:, 3:].sum(0), atol=1e-3)
    assert not any("later symbols" in each for found in net.check(X).values() for each in found)


def test_goodness_and_predictions_have_a_row_for_every_position():
    net = network(layer(CausalBlock(WIDTH, heads=2)))
    assert net.goodness_by_layer(X).shape == (2, 2, WINDOW, SYMBOLS)
    assert net.predict(X).shape == (2, WINDOW)


class Averaged(nn.Module):
    """A block that lets every position see the whole window."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        return self.inside(x) + x.mean(1, keepdim=True)


def test_a_block_that_sees_later_symbols_is_found():
    net = network(layer(Averaged()))
    assert "at a position it sees later symbols" in net.check(X)[1][0]
    model = nn.Sequential(SymbolEmbedding(SYMBOLS, WIDTH, WINDOW), CausalBlock(WIDTH), Averaged())
    made = functools.partial(
        Layer, goodness=PositionReadout(SYMBOLS), loss=CrossEntropy(), normalize=None
    )
    with pytest.raises(ValueError, match=r"layer 2 is not causal: .* use a causal block"):
        ff.convert(model, num_classes=SYMBOLS, input_shape=WINDOW, layer=made)


def test_a_network_of_the_library_s_blocks_is_described_and_built_again():
    about = describe(network(layer(CausalBlock(WIDTH, heads=2, dropout=0.1)), temperature=2.0))
    assert "SymbolEmbedding(symbols=5, width=8, window=6)" in about["layers"][0]["block"]
    assert describe(build(about)) == about


def test_what_cannot_predict_at_every_position_is_refused():
    with pytest.raises(ValueError, match=r"go with\s+examples=NextSymbol"):
        network(examples=NoLabel(SYMBOLS))
    with pytest.raises(ValueError, match=r"since they answer at every position"):
        network(layer(CausalBlock(WIDTH), goodness=LinearReadout(SYMBOLS, WIDTH)))
    with pytest.raises(ValueError, match=r"normalize=None"):
        network(layer(CausalBlock(WIDTH), normalize=ff.forward.MeanSquareOne()))
    for option in ({"dropout": 0.1}, {"adversarial": 0.1}):
        with pytest.raises(ValueError, match=r"neither dropped nor moved"):
            network(**option)
    with pytest.raises(ValueError, match=r"a softmax head reads a sample as a whole"):
        network(head=SoftmaxHead([WIDTH], SYMBOLS, skip=0))
    with pytest.raises(ValueError, match=r"at most 6 positions, got 7"):
        network()(torch.zeros(1, 7))
    wide = network(goodness=PositionReadout(SYMBOLS, WIDTH + 1))
    with pytest.raises(ValueError, match=r"\[batch, positions, 9\], got \[2, 6, 8\]"):
        wide.goodness(X)

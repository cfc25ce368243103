"""Layers that predict the next symbol: what they learn, locally, with weights, resumed, refused."""

import functools
import signal

import pytest
import torch
from torch import nn
from torch.nn import functional

import forward_forward as ff
from forward_forward.data import Data, Text
from forward_forward.examples import NextSymbol
from forward_forward.forward import CausalBlock, SymbolEmbedding
from forward_forward.losses import CrossEntropy
from forward_forward.optimize.targets import Targets
from forward_forward.parallel import Layout
from forward_forward.readouts import PositionReadout

TEXT = Text("the cat sat on the mat, and the rat sat on the cat. " * 12, window=8)
SYMBOLS = len(TEXT.classes)


def network(dropout=0.0, above=0.0):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            SymbolEmbedding(SYMBOLS, 16, 8), CausalBlock(16, 2, dropout), CausalBlock(16, 2)
        )
    layer = functools.partial(
        ff.Layer, goodness=PositionReadout(SYMBOLS), loss=CrossEntropy(), normalize=None
    )
    made = ff.convert(model, num_classes=SYMBOLS, input_shape=8, layer=layer).network
    made.layers[1].dropout = above
    return made


def trainer(**settings):
    return ff.Trainer(network(0.1, 0.1), lr=0.01, seed=3, **settings)


def test_a_layer_takes_the_gradient_of_its_weighted_cross_entropy():
    net = network().double()
    x, y, _ = next(TEXT.batches(4))
    for layer in net.layers:
        nn.init.normal_(layer.goodness.weight)
        layer.threshold_value.fill_(0.0)
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    h, wanted = x.double(), []
    for layer in net.layers:
        h = layer(h)
        each = functional.cross_entropy(layer.goodness(h).transpose(1, 2), y, reduction="none")
        loss = (each.mean(1) * weight / weight.sum()).sum()
        wanted.append(torch.autograd.grad(loss, list(layer.parameters())))
    before = [[each.detach().clone() for each in layer.parameters()] for layer in net.layers]
    taken = ff.Trainer(net, optimizer=torch.optim.SGD, lr=1.0).step(x.double(), y, weight)
    torch.testing.assert_close(taken["loss"][1], loss.detach())
    for layer, old, gradients in zip(net.layers, before, wanted, strict=True):
        for each, start, gradient in zip(layer.parameters(), old, gradients, strict=True):
            torch.testing.assert_close(start - each.detach(), gradient, rtol=1e-9, atol=1e-9)


def test_no_gradient_crosses_a_layer():
    net = network()
    first, second = net.layers
    loss = second(first(next(TEXT.batches(2)).x)).sum()
    assert torch.autograd.grad(loss, [first.goodness.weight], allow_unused=True) == (None,)
    inside = list(first.block.parameters())
    assert set(torch.autograd.grad(loss, inside, allow_unused=True)) == {None}


@pytest.mark.parametrize("settings", [{}, {"order": "greedy"}, {"average": 0.9, "look_ahead": 1}])
def test_a_text_is_learned(settings):
    net = network()
    train, test = TEXT.split(0.2)
    ff.Trainer(net, lr=0.01, weight_decay=0.0, **settings).fit(train, epochs=24, batch_size=8)
    found = ff.predict.evaluate(net, test)
    assert found["error"] < 30
    always_a_space = 100 * (1 - TEXT.text.count(" ") / len(TEXT.text))
    assert max(found["goodness_error_by_layer"]) < always_a_space / 2


class Pressed:
    """Presses Ctrl-C at a step."""

    def __init__(self, at):
        self.at = at

    def start(self, beginning): ...

    def step(self):
        self.at -= 1
        if not self.at:
            signal.raise_signal(signal.SIGINT)

    def epoch(self, row): ...

    def stop(self, ending): ...


def test_an_interrupted_run_is_resumed_and_loaded(tmp_path):
    whole, begun, resumed = trainer(), trainer(), trainer()
    train, judge = TEXT.split(0.2)
    fit = functools.partial(dict, epochs=2, batch_size=16, validation=judge)
    whole.fit(train, **fit())
    with pytest.raises(KeyboardInterrupt):
        begun.fit(train, **fit(out=tmp_path / "run", callbacks=[Pressed(6)]))
    resumed.fit(train, **fit(out=tmp_path / "run", resume=True))
    for one, other in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(one, other)
    x = next(judge.batches(2)).x
    last = ff.load(tmp_path / "run", which="last")
    assert torch.equal(last.goodness(x), resumed.network.eval().goodness(x))
    with pytest.raises(ValueError, match="the data have changed since"):
        trainer().fit(Text(train.text[::-1], 8), **fit(out=tmp_path / "run", resume=True))


def test_a_weight_is_divided_among_the_positions():
    labels = torch.tensor([[0, 1, 2], [2, 1, 0]])
    targets = Targets(torch.tensor([0.3, 0.6]), labels)
    torch.testing.assert_close(targets.weight, torch.tensor([0.1, 0.1, 0.1, 0.2, 0.2, 0.2]))
    assert targets.known_labels.tolist() == [0, 1, 2, 2, 1, 0]


def test_what_goes_with_other_data_or_networks_is_refused():
    other = ff.mlp(8, 4, num_classes=SYMBOLS)
    with pytest.raises(ValueError, match=r"a data.Text goes with a network of examples=NextSymbol"):
        ff.Trainer(other).fit(TEXT, epochs=1)
    rows = Data(torch.rand(4, 8), torch.arange(4), tuple("abcd"))
    with pytest.raises(ValueError, match=r"and only with it; got Data\('data'"):
        trainer().fit(rows, epochs=1)
    x = next(TEXT.batches(2)).x
    with pytest.raises(ValueError, match="predicts the next symbol at every position"):
        ff.export.selection.select(network(), x)
    with pytest.raises(ValueError, match=r"in a single pass: use network\.predict"):
        ff.predict.two_stage(network(), x)
    assert network().examples == NextSymbol(SYMBOLS)


def test_layers_are_not_spread_over_processes():
    from forward_forward.parallel.layout import _check

    with pytest.raises(ValueError, match=r"distribute the batches, Layout\(stages=1\)"):
        _check(Layout(stages=2), trainer(), TEXT, 16, 2, 1)
    _check(Layout(stages=1), trainer(), TEXT, 16, 1, 2)


def test_what_compares_samples_by_one_label_is_refused():
    with pytest.raises(ValueError, match=r"leave collaboration=None"):
        ff.Trainer(network(), collaboration="below")
    net = network()
    net.layers[1].terms = (ff.terms.SimilarityMatching(SYMBOLS, units=16),)
    with pytest.raises(ValueError, match=r"leave terms=\(\)"):
        ff.Network(*net.layers, examples=net.examples)


@pytest.mark.parametrize("order", ["overlapping", "together"])
def test_orders_that_train_several_layers_learn_a_text(order):
    net = network()
    train, test = TEXT.split(0.2)
    ff.Trainer(net, lr=0.01, weight_decay=0.0, order=order).fit(train, epochs=24, batch_size=8)
    assert ff.predict.evaluate(net, test)["error"] < 30

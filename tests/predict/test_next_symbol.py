"""Bits a symbol, and the continuation of a text."""

import math

import pytest
import torch
from tests.optimize.test_next_symbol import SYMBOLS, TEXT, network
from torch.nn import functional

import forward_forward as ff
from forward_forward.data import Data
from forward_forward.examples import NoLabel
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout


def test_an_untrained_network_needs_the_bits_of_a_uniform_guess():
    found = ff.predict.bits(network(), TEXT)
    for each in (found["bits"], *found["bits_by_layer"]):
        assert each == pytest.approx(math.log2(SYMBOLS), abs=1e-6)


def test_bits_are_those_of_the_softmax_of_each_layer_and_of_their_mean():
    net = network()
    for number, layer in enumerate(net.layers):
        torch.nn.init.normal_(
            layer.goodness.weight, generator=torch.Generator().manual_seed(number)
        )
        layer.temperature = 2.0
    net = ff.Network(*net.layers, examples=net.examples, readout=(0, 2))
    x, y, _ = next(TEXT.batches(len(TEXT)))
    logits = net.goodness_by_layer(x) / 2
    wanted = [
        float(functional.cross_entropy(each.flatten(0, 1), y.flatten())) / math.log(2)
        for each in (*logits, logits.mean(0))
    ]
    found = ff.predict.bits(net, TEXT, batch_size=7)
    assert [*found["bits_by_layer"], found["bits"]] == pytest.approx(wanted, rel=1e-5)


def test_bits_of_samples_with_one_label_are_weighted():
    layer = ff.Layer(torch.nn.Linear(2, 3), goodness=LinearReadout(2), loss=CrossEntropy())
    net = ff.Network(layer, examples=NoLabel(2))
    data = Data(torch.rand(3, 2), torch.tensor([0, 1, 1]), ("a", "b"), weights=torch.arange(3.0))
    torch.nn.init.ones_(net.layers[0].goodness.weight[0])
    assert ff.predict.bits(net, data)["bits"] != pytest.approx(1.0)
    logits = net.goodness(data.inputs)
    each = functional.cross_entropy(logits, data.labels, reduction="none")
    wanted = float((each * data.weights).sum()) / 3 / math.log(2)
    assert ff.predict.bits(net, data)["bits"] == pytest.approx(wanted, rel=1e-5)


def test_a_text_is_continued_from_its_last_window():
    net = network()
    for layer in net.layers:  # each symbol is followed by its neighbour, for certain
        layer.goodness.weight.requires_grad_(False)
    successor = torch.roll(torch.eye(SYMBOLS), 1, 1) * 50

    def goodness_by_layer(x):
        assert x.shape[1] <= TEXT.window
        return successor[x.long()].expand(2, *x.shape, SYMBOLS)

    net.goodness_by_layer = goodness_by_layer
    start = TEXT.classes[0]
    wanted = "".join(TEXT.classes)
    assert ff.predict.continued(net, TEXT, start, SYMBOLS - 1) == wanted


def test_draws_come_from_the_seed():
    net = network()
    one, same, other = (
        ff.predict.continued(net, TEXT, "the ", 20, seed=seed) for seed in (0, 0, 1)
    )
    assert one == same
    assert one != other
    assert (len(one), one[:4]) == (24, "the ")


def test_what_cannot_be_continued_is_refused():
    with pytest.raises(ValueError, match="a prompt of a symbol or more"):
        ff.predict.continued(network(), TEXT, "", 3)
    with pytest.raises(ValueError, match="a temperature above 0"):
        ff.predict.continued(network(), TEXT, "a", 3, temperature=0)
    other = ff.mlp(8, 4, num_classes=2)
    with pytest.raises(ValueError, match=r"build it with examples=NextSymbol"):
        ff.predict.continued(other, TEXT, "a", 3)
    with pytest.raises(ValueError, match=r"build it with examples=NoLabel"):
        ff.predict.bits(other, TEXT)

"""The overlapping order: pairs of layers that alternate, against losses written out."""

import functools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward import losses
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, NoLabel
from forward_forward.forward import Layer, PeerNormalization
from forward_forward.parallel import Layout, layout
from forward_forward.readouts import LinearReadout

CLASSES = 3
PAIRS = {0: {1: 0, 3: 2}, 1: {2: 1}}  # by the parity of the step: upper layer -> lower layer


def samples(count=12, features=5):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(count, features, generator=rng, dtype=torch.float64)
    return x, torch.arange(count) % CLASSES


def network(passes="one", depth=4, **options):
    options = {"loss": losses.SymBa(2.0), "threshold": 0.3, "temperature": 0.5, **options}
    examples = AppendLabel(CLASSES)
    if passes == "one":
        options["goodness"] = LinearReadout(CLASSES)
        examples = NoLabel(CLASSES)
    layer = functools.partial(Layer, **options)
    net = ff.mlp(5, *[7] * depth, num_classes=CLASSES, examples=examples, layer=layer).double()
    for each in net.layers:
        if passes == "one":
            nn.init.normal_(each.goodness.weight, generator=torch.Generator().manual_seed(1))
    return net


def loss_of(layer, h, y):
    """A layer's mean loss, written out."""
    margins = (layer.goodness(h) - layer.threshold_value) / layer.temperature
    if margins.dim() == 1:
        pairs = margins.view(2, -1)
        return layer.loss(pairs[0], pairs[1:]).mean()
    positive = margins.gather(1, y[:, None])[:, 0]
    others = [[k for k in range(CLASSES) if k != label] for label in y.tolist()]
    return layer.loss(positive, margins.gather(1, torch.tensor(others)).t()).mean()


def through(layer, x):
    """Activities of a layer whose input is not detached."""
    return layer.activate(layer.block(layer.normalize(x)))


def reference_step(net, inputs, y, parity):
    """Plain gradient descent: each layer on its own loss and on that of the layer paired above."""
    x, own = inputs, {}
    for index, layer in enumerate(net.layers):
        x = through(layer, x if index in PAIRS[parity] else x.detach())
        own[index] = loss_of(layer, x, y)
    every = [list(layer.parameters()) for layer in net.layers]
    flat = [weight for weights in every for weight in weights]
    slopes = torch.autograd.grad(sum(own.values()), flat)
    with torch.no_grad():
        for weight, slope in zip(flat, slopes, strict=True):
            weight -= 0.1 * slope


@pytest.mark.parametrize("passes", ["one", "two"])
def test_steps_are_those_of_the_written_out_losses(passes):
    found, expected = network(passes), network(passes)
    trainer = ff.Trainer(found, optimizer=torch.optim.SGD, lr=0.1, order="overlapping")
    x, y = samples()
    for step in range(4):
        source = trainer.preparer.source(trainer.preparer.prepare(x, y, None, step))
        inputs = x if passes == "one" else source.dense().flatten(0, 1)
        reference_step(expected, inputs, y, step % 2)
        trainer.step(x, y)
    for weight, wanted in zip(found.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(weight, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("parity", [0, 1])
def test_a_loss_reaches_the_layer_below_and_no_further(parity):
    for upper in range(4):
        weights = []
        for alpha in (2.0, 3.0):
            net = network()
            net.layers[upper].loss = losses.SymBa(alpha)
            trainer = ff.Trainer(net, optimizer=torch.optim.SGD, lr=0.1, order="overlapping")
            trainer.steps = parity
            trainer.step(*samples())
            weights.append([layer.block.weight.detach().clone() for layer in net.layers])
        moved = {index for index in range(4) if not torch.equal(*[w[index] for w in weights])}
        assert moved == {upper} | ({PAIRS[parity][upper]} if upper in PAIRS[parity] else set())


def test_convolutions_learn_and_a_run_is_resumed(tmp_path, monkeypatch):
    train, test = ff.datasets.digits()

    def trainer():
        options = {"goodness": LinearReadout(10, units=8), "loss": losses.CrossEntropy()}
        torch.manual_seed(0)
        blocks = [
            nn.Conv2d(1, 8, 3, padding=1),
            nn.Sequential(nn.BatchNorm2d(8), nn.Dropout(0.1), nn.Conv2d(8, 8, 3)),
            nn.Conv2d(8, 8, 3),
        ]
        net = ff.Network(*[Layer(each, **options) for each in blocks], examples=NoLabel(10))
        return ff.Trainer(net, lr=0.02, order="overlapping")

    whole = trainer()
    whole.fit(train, epochs=3, batch_size=50)
    assert ff.predict.evaluate(whole.network, test)["error"] < 25
    stopped = trainer()
    original = type(stopped).step

    def step(self, *batch):
        if self.steps == 43:
            raise KeyboardInterrupt
        return original(self, *batch)

    monkeypatch.setattr(type(stopped), "step", step)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(train, epochs=3, batch_size=50, out=tmp_path / "run")
    monkeypatch.undo()
    again = trainer()
    again.fit(train, epochs=3, batch_size=50, out=tmp_path / "run", resume=True)
    torch.testing.assert_close(again.network.state_dict(), whole.network.state_dict())


def test_what_does_not_go_together_is_refused():
    for net, settings in [
        (network("two", peer=PeerNormalization()), {}),
        (network(adversarial=0.1), {}),
        (network(), {"skip": 0.1}),
        (network(), {"collaboration": "below"}),
    ]:
        with pytest.raises(ValueError, match="trains several layers by autograd, without"):
            ff.Trainer(net, order="overlapping", **settings)
    trainer = ff.Trainer(network(), order="overlapping")
    with pytest.raises(ValueError, match=r"got train_layers\(1, 2\)"):
        trainer.train_layers(1, 2)
    data = Data(*samples(), ("a", "b", "c"))
    with pytest.raises(ValueError, match="the gradients of the others cross stages"):
        layout._check(Layout(stages=2), trainer, data, 6, 2, 1)


def test_together_each_loss_reaches_all_layers_below():
    for upper in range(4):
        weights = []
        for alpha in (2.0, 3.0):
            net = network()
            net.layers[upper].loss = losses.SymBa(alpha)
            trainer = ff.Trainer(net, optimizer=torch.optim.SGD, lr=0.1, order="together")
            trainer.step(*samples())
            weights.append([layer.block.weight.detach().clone() for layer in net.layers])
        moved = {index for index in range(4) if not torch.equal(*[w[index] for w in weights])}
        assert moved == set(range(upper + 1))


def test_together_is_backprop_with_deep_supervision():
    found, expected = network(), network()
    trainer = ff.Trainer(found, optimizer=torch.optim.SGD, lr=0.1, order="together")
    x, y = samples()
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.1)
    for _ in range(3):
        trainer.step(x, y)
        h, total = x, 0.0
        for layer in expected.layers:
            h = through(layer, h)
            total = total + loss_of(layer, h, y)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    for weight, wanted in zip(found.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(weight, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("order", ["overlapping", "together"])
def test_orders_of_several_layers_train_all_of_them(order):
    with pytest.raises(ValueError, match=f"order='{order}' trains all layers"):
        ff.Trainer(network(), order=order).train_layers(1, 1)

"""``rule="backprop"``: all layers learn by the loss of the last one, as in a loop written out."""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional

import forward_forward as ff
from forward_forward.data import Data
from forward_forward.forward import Layer
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout
from forward_forward.track import Callback

CLASSES = 3


def samples(count=24, features=6):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(count, features, generator=rng, dtype=torch.float64)
    return x, torch.arange(count) % CLASSES


def network(residual=False, **options):
    layer = functools.partial(
        Layer, goodness=LinearReadout(CLASSES), loss=CrossEntropy(0.1), **options
    )
    net = ff.mlp(
        6, 6, 6, num_classes=CLASSES, layer=layer, examples=ff.examples.NoLabel(CLASSES), seed=1
    )
    for each in net.layers:
        each.residual = residual
    return net.double()


def logits(net, x):
    """What the network computes, written out with its whole graph."""
    for layer in net.layers:
        h = layer.activate(layer.block(layer.normalize(x)))
        x = h + x if layer.residual else h
    return h @ net.layers[-1].goodness.weight.t()


@pytest.mark.parametrize("residual", [False, True])
def test_the_weights_are_those_of_a_loop_written_out(residual):
    found, expected = network(residual), network(residual)
    trainer = ff.Trainer(found, lr=0.01, weight_decay=0.0, rule="backprop")
    weights = [*expected.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=0.01, weight_decay=0.0)
    x, y = samples()
    for _ in range(20):
        figures = trainer.step(x, y)
        loss = functional.cross_entropy(logits(expected, x), y, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert figures["loss"][-1] == pytest.approx(loss.item())
    for weight, wanted in zip(found.parameters(), weights, strict=True):
        torch.testing.assert_close(weight, wanted, rtol=1e-9, atol=1e-9)


def test_outside_of_it_no_gradient_crosses_a_residual_layer():
    first, second = network(residual=True).layers
    h = first(samples()[0])
    assert h.requires_grad
    assert not second.added(h).requires_grad
    weights = [first.block.weight]
    assert torch.autograd.grad(second(h).sum(), weights, allow_unused=True) == (None,)


def test_lower_read_outs_learn_nothing_and_the_last_layer_is_read():
    net = network()
    x, y = samples()
    trainer = ff.Trainer(net, rule="backprop")
    trainer.fit(Data(x.float(), y, ("a", "b", "c")), epochs=3, batch_size=8)
    assert net.readout == (1, 2)
    assert not net.layers[0].goodness.weight.any()
    assert net.layers[1].goodness.weight.any()


def test_with_dropout_an_interrupted_run_resumes_to_the_same_weights(tmp_path):
    x, y = samples()
    data = Data(x.float(), y, ("a", "b", "c"))
    options = {"rule": "backprop", "schedule": ff.optimize.cosine, "seed": 3}
    whole = ff.Trainer(network(dropout=0.2).float(), **options)
    whole.fit(data, epochs=4, batch_size=8)
    halves = ff.Trainer(network(dropout=0.2).float(), **options)
    with pytest.raises(KeyboardInterrupt):
        halves.fit(data, epochs=4, batch_size=8, out=tmp_path / "run", callbacks=[Stop(after=2)])
    again = ff.Trainer(network(dropout=0.2).float(), **options)
    again.fit(data, epochs=4, batch_size=8, out=tmp_path / "run", resume=True)
    for one, other in zip(whole.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)
    net = network(dropout=0.2).float()
    net.set_readout((1, 2))
    local = ff.Trainer(net, **{**options, "rule": "local"})
    with pytest.raises(ValueError, match="rule was 'backprop'"):
        local.fit(data, epochs=4, batch_size=8, out=tmp_path / "run", resume=True)


class Stop(Callback):
    """Interrupts the training at the end of an epoch."""

    def __init__(self, after):
        self.after = after

    def epoch(self, row):
        if row["epoch"] == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "backpropagation"}, "rule expects one of 'local', 'backprop', got 'backprop"),
        ({"rule": "backprop", "order": "greedy"}, "without an order"),
        ({"rule": "backprop", "look_ahead": 1}, "look_ahead=1"),
        ({"rule": "backprop", "skip": 0.1}, "rule='backprop' trains several layers by autograd"),
        ({"rule": "backprop", "collaboration": "below"}, "collaboration='below'"),
    ],
)
def test_what_it_does_not_support_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        ff.Trainer(network(), **options)


def test_a_goodness_of_one_number_is_refused():
    with pytest.raises(ValueError, match="answers for every class"):
        ff.Trainer(ff.mlp(6, 5, num_classes=3), rule="backprop")


def test_one_layer_cannot_be_trained_alone():
    trainer = ff.Trainer(network(), rule="backprop")
    with pytest.raises(ValueError, match="rule='backprop' trains all layers"):
        trainer.train_layers(1, 1)


def test_a_converted_model_with_norms_learns_as_the_model_itself():
    """In float32, with the running statistics of its norms updated once a step."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 16),
        nn.ReLU(),
        nn.Linear(16, CLASSES),
    )
    layer = functools.partial(
        Layer, goodness=LinearReadout(CLASSES), loss=CrossEntropy(), normalize=None
    )
    made = ff.convert(model, num_classes=CLASSES, input_shape=(1, 8, 8), layer=layer).network
    trainer = ff.Trainer(made, optimizer=torch.optim.SGD, lr=0.1, rule="backprop")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made.train()
    for step in range(10):
        x = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(step))
        y = torch.arange(12) % CLASSES
        trainer.step(x, y)
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    mine, theirs = dict(made.named_parameters()), list(model.parameters())
    trained = [each for name, each in mine.items() if "0.goodness" not in name]
    for one, other in zip(trained, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    norm, wanted = made.layers[0].block[1], model[1]
    torch.testing.assert_close(norm.running_var, wanted.running_var, rtol=0, atol=1e-6)

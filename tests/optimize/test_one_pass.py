"""Layers that answer for every class: closed form as autograd, learning, files, and refusals."""

import functools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward import losses
from forward_forward.examples import AppendLabel, NoLabel
from forward_forward.forward import Layer
from forward_forward.forward.description import build, describe
from forward_forward.readouts import (
    Centroids,
    ChannelGroups,
    FixedReadout,
    LinearReadout,
    Prototypes,
)

CLASSES = 4
READOUTS = [
    LinearReadout(CLASSES),
    FixedReadout(CLASSES),
    FixedReadout(CLASSES, squared=True),
    ChannelGroups(CLASSES, squared=True),
    Centroids(CLASSES),
    Prototypes(CLASSES),
]
LOSSES = [
    losses.CrossEntropy(0.1),
    losses.CrossEntropy(margin=0.5),
    losses.NPairMargin(0.3),
    losses.SymBa(),
    losses.log_sigmoid,
]


def samples(count=20, features=6):
    rng = torch.Generator().manual_seed(0)
    return torch.rand(count, features, generator=rng, dtype=torch.float64), torch.arange(
        count
    ) % CLASSES


def one_pass(readout=READOUTS[0], loss=LOSSES[0], hidden=(8, 7), features=6, **options):
    layer = functools.partial(Layer, goodness=readout, loss=loss, **options)
    classes = readout.num_classes
    return ff.mlp(features, *hidden, num_classes=classes, examples=NoLabel(classes), layer=layer)


def trained(network, engine="closed_form", steps=4, **settings):
    """Weights and statistics after some steps in float64."""
    network.double()
    trainer = ff.Trainer(network, optimizer=torch.optim.SGD, lr=0.1, engine=engine, **settings)
    x, y = samples()
    weight = torch.linspace(0.1, 1, len(x), dtype=torch.float64)
    for _ in range(steps):
        figures = trainer.step(x, y, weight)
    return torch.cat([each.detach().flatten() for each in network.parameters()]), figures


@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU], ids=["relu", "gelu"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("readout", READOUTS, ids=repr)
def test_steps_in_closed_form_are_those_of_autograd(readout, loss, activation):
    def network():
        return one_pass(readout, loss, activation=activation, temperature=2.0)

    assert network().layers[0].closed_form == (not isinstance(readout, Prototypes))
    found, figures = trained(network())
    wanted, same = trained(network(), "autograd")
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    for name, value in figures.items():
        torch.testing.assert_close(value, same[name])


@pytest.mark.parametrize("normalize", [ff.forward.MeanSquareOne(), None], ids=repr)
@pytest.mark.parametrize("kind", ["one pass", "two passes"])
def test_adversarial_steps_in_closed_form_are_those_of_autograd(kind, normalize):
    def network(adversarial=0.2):
        options = {"adversarial": adversarial, "normalize": normalize}
        if kind == "one pass":
            return one_pass(**options)
        layer = functools.partial(Layer, **options)
        examples = AppendLabel(CLASSES)
        return ff.mlp(6, 8, 7, num_classes=CLASSES, examples=examples, layer=layer)

    found, figures = trained(network())
    wanted, same = trained(network(), "autograd")
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(figures["loss"], same["loss"])
    assert not torch.allclose(found, trained(network(0.0))[0], atol=1e-3)


def test_an_input_moves_along_its_gradient_by_a_fraction_of_its_length():
    layer = one_pass(hidden=(8,), adversarial=0.25).double().layers[0]
    nn.init.normal_(layer.goodness.weight)
    seen = []
    layer.block.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    x, y = samples()
    engine = ff.optimize.engine.Engine([layer], "autograd")
    targets = ff.optimize.targets.Targets(torch.full((20,), 0.05, dtype=torch.float64), y)
    layer.threshold_value.fill_(0.0)
    engine.gradients(0, None, ff.forward.activities.Activities(x), targets, (0,))
    clean, _, moved = seen
    length = 0.25 * clean.norm(dim=1)
    torch.testing.assert_close((moved - clean).norm(dim=1), length)


def test_a_layer_learns_from_its_own_loss_alone():
    network = one_pass().double()
    trainer = ff.Trainer(network, lr=0.1)
    x, y = samples()
    trainer.step(x, y)
    before = [each.clone() for each in network.layers[0].parameters()]
    trainer.train_layers(1, 1)
    trainer.step(x, y)
    after = network.layers[0].parameters()
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("readout", "most"),
    [
        (LinearReadout(10), 4.0),
        (FixedReadout(10), 4.0),
        (ChannelGroups(10, squared=True), 5.0),
        (ChannelGroups(10), 8.0),
        (FixedReadout(10, squared=True), 5.0),
        (Prototypes(10), 6.0),
        (Centroids(10), 9.0),
    ],
    ids=repr,
)
def test_digits_are_learned_in_one_pass(readout, most, tmp_path):
    train, test = ff.datasets.digits()
    network = one_pass(readout, losses.CrossEntropy(0.1), hidden=(100, 100), features=64)
    trainer = ff.Trainer(network, lr=3e-3)
    trainer.fit(train, epochs=15, batch_size=64, out=tmp_path / "run")
    errors = ff.predict.evaluate(network, test)
    assert errors["error"] < most
    loaded = ff.load(tmp_path / "run")
    x = next(test.batches(50)).x
    assert torch.equal(loaded.goodness(x), network.goodness(x))
    assert network.goodness_by_layer(x).shape == (2, 50, 10)


@pytest.mark.parametrize("readout", READOUTS, ids=repr)
def test_a_network_is_described_and_built_again(readout):
    about = describe(one_pass(readout, adversarial=0.1))
    assert describe(build(about)) == about


def test_greedy_layers_average_and_skip_learn_too():
    for settings in ({"order": "greedy"}, {"average": 0.9}, {"skip": 0.5}):
        network = one_pass(hidden=(30, 30), features=64, readout=LinearReadout(10))
        train, test = ff.datasets.digits()
        trainer = ff.Trainer(network, lr=5e-3, **settings)
        trainer.fit(train, epochs=12, batch_size=64)
        assert ff.predict.evaluate(network, test)["error"] < 8, settings


def test_what_does_not_go_together_is_refused():
    layers = [Layer(nn.Linear(6, 8), goodness=LinearReadout(3))]
    with pytest.raises(ValueError, match=r"go with examples=NoLabel\(num_classes=10\)"):
        ff.Network(*layers, examples=AppendLabel(3))
    with pytest.raises(ValueError, match="layers for 3 classes"):
        ff.Network(*layers, examples=NoLabel(4))
    with pytest.raises(ValueError, match="layers for 3 and None classes"):
        ff.Network(*layers, Layer(nn.Linear(8, 8)), examples=NoLabel(3))
    with pytest.raises(ValueError, match="leave peer=None"):
        Layer(nn.Linear(6, 8), goodness=LinearReadout(3), peer=ff.forward.PeerNormalization())
    with pytest.raises(ValueError, match="labels 0 to 3, got 0 to 9"):
        one_pass().examples.positive(torch.ones(2, 6), torch.tensor([0, 9]))
    with pytest.raises(ValueError, match="adversarial of 0 or more"):
        Layer(nn.Linear(6, 8), adversarial=-1.0)


def test_an_adversarial_step_needs_a_loss_that_reaches_the_input():
    detached = LinearReadout(CLASSES, detached=True)
    with pytest.raises(ValueError, match="does not reach the layer's input"):
        Layer(nn.Linear(4, 3), goodness=detached, adversarial=0.1)


def test_a_threshold_by_width_is_the_mean_over_the_classes():
    network = one_pass(ChannelGroups(CLASSES), losses.log_sigmoid, threshold="width")
    network.double().calibrate(*samples())
    assert [float(layer.threshold_value) for layer in network.layers] == [1.0, 1.0]


def test_a_block_that_is_frozen_later_stops_learning():
    network = one_pass().double()
    trainer = ff.Trainer(network, lr=0.1)
    trainer.step(*samples())
    network.layers[0].block.requires_grad_(False)
    before = network.layers[0].block.weight.clone()
    trainer.step(*samples())
    assert torch.equal(network.layers[0].block.weight, before)

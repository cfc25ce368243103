"""Layers with terms: what they minimise, whom they teach, and that nothing crosses a layer."""

import functools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward.examples import AppendLabel, HybridRows, NoLabel
from forward_forward.forward import Layer
from forward_forward.forward.activities import Activities
from forward_forward.forward.description import build, describe
from forward_forward.optimize.gradients import by_autograd
from forward_forward.optimize.targets import Targets, split
from forward_forward.readouts import ChannelGroups, LinearReadout
from forward_forward.terms import SimilarityMatching, SupervisedContrast

CLASSES = 4
TERMS = (SupervisedContrast(0.5, features=5), SimilarityMatching(CLASSES, kernel=1))


def samples(count=20, features=6):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(count, features, generator=rng, dtype=torch.float64)
    return x, torch.arange(count) % CLASSES


def network(*hidden, terms=TERMS, **options):
    options = {"goodness": LinearReadout(CLASSES), "loss": ff.losses.CrossEntropy(), **options}
    layer = functools.partial(Layer, terms=terms, **options)
    examples = options.pop("examples", NoLabel(CLASSES))
    return ff.mlp(6, *hidden, num_classes=CLASSES, examples=examples, layer=layer).double()


def two_pass(*hidden, terms=TERMS, **options):
    layer = functools.partial(Layer, terms=terms, **options)
    examples = AppendLabel(CLASSES)
    return ff.mlp(6, *hidden, num_classes=CLASSES, examples=examples, layer=layer).double()


def weights(net):
    return [each.detach().clone() for each in net.parameters()]


def test_the_layers_loss_is_its_own_plus_the_terms_each_sample_by_its_weight():
    layer = network(8).layers[0]
    nn.init.normal_(layer.goodness.weight)
    layer.threshold_value.fill_(0)
    x, y = samples()
    weight = torch.linspace(0, 1, 20, dtype=torch.float64)
    targets = Targets(weight / weight.sum(), y)
    outcome = by_autograd(layer, Activities(x), targets)
    h = layer(x)
    own = layer.loss(*split(layer.goodness(h), targets))
    loss = own + sum(term(h, y) for term in layer.terms)
    mean = (targets.weight * loss).sum().detach()
    torch.testing.assert_close(outcome.figures.means[0], mean)
    found = {name: each.grad for name, each in layer.named_parameters()}
    wanted = torch.autograd.grad((targets.weight * loss).sum(), [*layer.parameters()])
    for (name, gradient), expected in zip(found.items(), wanted, strict=True):
        torch.testing.assert_close(gradient, expected, msg=name)
    assert {name.split(".")[0] for name in found} == {"block", "goodness", "term_modules"}


def test_a_layer_of_two_passes_shows_its_terms_the_positives_alone():
    seen = []

    def look(h, y):
        seen.append((h.detach(), y))
        return h.square().mean()

    net = two_pass(8, terms=(look,))
    x, y = samples()
    trainer = ff.Trainer(net, lr=0.01)
    before = net.layers[0](net.examples.positive(x, y).dense()[0]).detach()
    trainer.step(x, y)
    ((h, labels),) = seen
    torch.testing.assert_close(h, before)
    assert torch.equal(labels, y)
    with pytest.raises(ValueError, match="learn from labels, got none"):
        ff.Trainer(
            ff.mlp(
                6,
                8,
                num_classes=CLASSES,
                examples=HybridRows(CLASSES),
                layer=functools.partial(Layer, terms=(look,)),
                head=True,
            )
        ).step(x.float(), None)


@pytest.mark.parametrize("make", [network, two_pass])
def test_a_step_moves_the_weights_of_block_and_terms(make):
    net = make(8, 7)
    assert not any(layer.closed_form for layer in net.layers)
    before = weights(net)
    ff.Trainer(net, lr=0.01).step(*samples())
    # A read-out that starts at 0 does not reach its block in the first step; the terms do.
    assert not any(map(torch.equal, before, weights(net)))
    first, second = (layer.terms for layer in net.layers)
    assert first[0] is not second[0]
    assert (first[0].units, second[0].units) == (8, 7)


@pytest.mark.parametrize("adversarial", [0.0, 0.2])
def test_no_gradient_crosses_a_layer(adversarial):
    one, two = network(8, adversarial=adversarial), network(8, 7, adversarial=adversarial)
    for net in (one, two):
        ff.Trainer(net, optimizer=torch.optim.SGD, lr=0.1).step(*samples())
    lower = two.layers[0]
    for name, value in one.layers[0].state_dict().items():
        assert torch.equal(value, lower.state_dict()[name]), name
    x, y = samples()
    upper = two.layers[1]
    objective = sum(term(upper(lower(x)), y).sum() for term in upper.terms)
    crossing = torch.autograd.grad(objective, [*lower.parameters()], allow_unused=True)
    assert crossing == (None,) * len(crossing)


def test_terms_alone_teach_the_block_and_a_detached_read_out_only_reads():
    net = network(8, terms=(), goodness=LinearReadout(CLASSES, detached=True))
    assert net.layers[0].closed_form
    before = net.layers[0].block.weight.clone()
    trainer = ff.Trainer(net, weight_decay=0.1)  # which would shrink weights with a gradient of 0
    for _ in range(3):
        trainer.step(*samples())
    assert torch.equal(net.layers[0].block.weight, before)
    assert net.layers[0].goodness.weight.any()
    net = network(8, goodness=LinearReadout(CLASSES, detached=True))
    other = network(8, goodness=LinearReadout(CLASSES, detached=True), loss=ff.losses.SymBa())
    for each in (net, other):
        trainer = ff.Trainer(each, optimizer=torch.optim.SGD, lr=0.1)
        for _ in range(3):
            trainer.step(*samples())
    assert torch.equal(net.layers[0].block.weight, other.layers[0].block.weight)
    assert not torch.equal(net.layers[0].block.weight, before)
    assert not torch.equal(net.layers[0].goodness.weight, other.layers[0].goodness.weight)


@pytest.mark.parametrize(
    ("goodness", "term", "most"),
    [
        (LinearReadout(10, detached=True), SupervisedContrast(), 5),
        (LinearReadout(10, detached=True), SimilarityMatching(10), 7),
        (ChannelGroups(10), SupervisedContrast(temperature=(0.8, 0.1)), 8),
    ],
    ids=repr,
)
def test_digits_are_learned_and_the_run_is_loaded(goodness, term, most, tmp_path):
    train, test = ff.datasets.digits()
    layer = functools.partial(
        Layer, goodness=goodness, loss=ff.losses.CrossEntropy(), terms=(term,)
    )
    net = ff.mlp(64, 100, num_classes=10, examples=NoLabel(10), layer=layer)
    trainer = ff.Trainer(net, lr=3e-3)
    trainer.fit(train, epochs=15, batch_size=64, out=tmp_path / "run")
    assert ff.predict.evaluate(net, test)["error"] < most
    loaded = ff.load(tmp_path / "run")
    x = next(test.batches(50)).x
    assert torch.equal(loaded.goodness(x), net.goodness(x))
    assert repr(loaded.layers[0].terms) == repr(net.layers[0].terms)
    if isinstance(term, SupervisedContrast) and isinstance(term.temperature, tuple):
        assert float(net.layers[0].terms[0].current) == pytest.approx(0.1, abs=1e-3)


def own(h, y):
    return h.square().mean()


def test_a_network_is_described_and_built_again():
    about = describe(network(8))
    assert describe(build(about)) == about
    theirs = describe(network(8, terms=(own,)))
    assert theirs["layers"][0]["terms"] == f"({__name__}:own,)"
    with pytest.raises(ValueError, match="code of your own"):
        build(theirs)


@pytest.mark.parametrize("settings", [{"order": "greedy"}, {"look_ahead": 2}, {"average": 0.9}])
def test_terms_learn_with_every_way_to_train(settings):
    train, test = ff.datasets.digits()
    layer = functools.partial(Layer, terms=(SupervisedContrast(0.2),))
    net = ff.mlp(64, 60, 60, num_classes=10, layer=layer)
    trainer = ff.Trainer(net, lr=5e-3, **settings)
    before = [layer.terms[0].projection.clone() for layer in net.layers]
    trainer.fit(train, epochs=6, batch_size=64)
    assert ff.predict.evaluate(net, test)["error"] < 15
    after = [layer.terms[0].projection for layer in net.layers]
    assert not any(map(torch.equal, before, after))

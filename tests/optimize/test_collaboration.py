"""Other layers' goodness in a layer's loss: a constant, in both engines and kinds of layers."""

import functools
import itertools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward import losses
from forward_forward.examples import AppendLabel, NoLabel
from forward_forward.forward import Layer
from forward_forward.parallel import Layout, layout
from forward_forward.readouts import LinearReadout

CLASSES = 3
KINDS = ["below", "all"]


def samples(count=12, features=5):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(count, features, generator=rng, dtype=torch.float64)
    return x, torch.arange(count) % CLASSES


def network(passes="two", **options):
    options = {"loss": losses.SymBa(2.0), "threshold": 0.3, "temperature": 0.5, **options}
    examples = AppendLabel(CLASSES)
    if passes == "one":
        options["goodness"] = LinearReadout(CLASSES)
        examples = NoLabel(CLASSES)
    layer = functools.partial(Layer, **options)
    net = ff.mlp(5, 7, 6, 5, num_classes=CLASSES, examples=examples, layer=layer).double()
    for each in net.layers:
        if passes == "one":
            nn.init.normal_(each.goodness.weight, generator=torch.Generator().manual_seed(1))
    return net


def trained(net, steps=3, **settings):
    """Weights after some steps."""
    trainer = ff.Trainer(net, optimizer=torch.optim.SGD, lr=0.1, **settings)
    for _ in range(steps):
        trainer.step(*samples())
    return torch.cat([each.detach().flatten() for each in net.parameters()])


def rated(net, h, layer):
    """Goodness [variants, batch] or [batch, classes] of a layer's activities."""
    return layer.goodness(h) if net.class_wise else layer.goodness(h).view(2, -1)


def reference(net, kind, inputs, y):
    """Weights after one step of plain gradient descent on each layer's loss, written out."""
    x, losses_, every = inputs, [], []
    activities = []
    for layer in net.layers:
        activities.append(layer(x))
        x = activities[-1].detach()
        every.append(rated(net, activities[-1], layer))
    for index, layer in enumerate(net.layers):
        chosen = every[:index] if kind == "below" else every[:index] + every[index + 1 :]
        total = every[index] + sum(each.detach() for each in chosen)
        margin = (total - layer.threshold_value) / layer.temperature
        if net.class_wise:
            others = [[k for k in range(CLASSES) if k != label] for label in y.tolist()]
            pos, neg = (
                margin.gather(1, y[:, None])[:, 0],
                margin.gather(1, torch.tensor(others)).t(),
            )
        else:
            pos, neg = margin[0], margin[1:]
        losses_.append(layer.loss(pos, neg).mean())
    new = []
    for layer, loss in zip(net.layers, losses_, strict=True):
        weights = list(layer.parameters())
        slopes = torch.autograd.grad(loss, weights, retain_graph=True)
        new += [(w - 0.1 * g).detach().flatten() for w, g in zip(weights, slopes, strict=True)]
    return torch.cat(new)


@pytest.mark.parametrize("loss", [losses.SymBa(2.0), losses.log_sigmoid], ids=repr)
@pytest.mark.parametrize("passes", ["one", "two"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_that_of_the_written_out_losses(kind, passes, loss):
    net = network(passes, loss=loss)
    trainer = ff.Trainer(net, optimizer=torch.optim.SGD, lr=0.1, collaboration=kind)
    x, y = samples()
    batch = trainer.preparer.prepare(x, y, None, 0)
    source = trainer.preparer.source(batch)
    inputs = x if passes == "one" else source.dense().flatten(0, 1)
    expected = reference(net, kind, inputs, y)
    trainer.step(x, y)
    found = torch.cat([each.detach().flatten() for each in net.parameters()])
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "options"),
    [*itertools.product(KINDS, [{}, {"dropout": 0.3}]), ("below", {"adversarial": 0.2})],
    ids=repr,
)
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU], ids=["relu", "gelu"])
@pytest.mark.parametrize("passes", ["one", "two"])
def test_the_closed_form_is_that_of_autograd(kind, passes, activation, options):
    def of(**settings):
        return trained(network(passes, activation=activation, **options), **settings)

    found = of(collaboration=kind)
    torch.testing.assert_close(
        found, of(collaboration=kind, engine="autograd"), rtol=1e-9, atol=1e-9
    )
    assert not torch.allclose(found, of(), atol=1e-3)


@pytest.mark.parametrize("passes", ["one", "two"])
def test_the_first_pass_finds_the_goodness_of_the_step(passes, monkeypatch):
    own, others = [], []
    net = network(passes, dropout=0.3)
    trainer = ff.Trainer(net, collaboration="all")
    gradients = trainer.layer_steps.engine.gradients

    def recorded(index, affine, source, targets, key):
        outcome = gradients(index, affine, source, targets, key)
        own.append(outcome.rated.clone())
        others.append(targets.others)
        return outcome

    monkeypatch.setattr(trainer.layer_steps.engine, "gradients", recorded)
    trainer.step(*samples())
    for mine, rest in zip(own, others, strict=True):
        torch.testing.assert_close(mine + rest, sum(own))


def test_the_lowest_layer_has_none_below_it():
    alone, beside = network(), network()
    trained(alone)
    trained(beside, collaboration="below")
    torch.testing.assert_close(alone.layers[0].block.weight, beside.layers[0].block.weight)
    assert not torch.allclose(alone.layers[1].block.weight, beside.layers[1].block.weight)


def test_in_the_greedy_order_frozen_layers_count():
    data = ff.data.Data(samples(24)[0].float(), samples(24)[1], ("a", "b", "c"))
    found = []
    for kind in ("below", "all", None):
        net = network("one").float()
        trainer = ff.Trainer(net, lr=0.05, order="greedy", collaboration=kind)
        trainer.fit(data, epochs=3, batch_size=8)
        found.append(net.layers[2].block.weight.detach())
    torch.testing.assert_close(found[0], found[1])
    assert not torch.allclose(found[0], found[2], atol=1e-3)


def test_a_run_is_resumed_with_the_same_kind_only(tmp_path):
    data = ff.data.Data(samples(24)[0].float(), samples(24)[1], ("a", "b", "c"))

    def fit(**settings):
        trainer = ff.Trainer(network().float(), **settings)
        return trainer.fit(data, epochs=1, batch_size=8, out=tmp_path / "run", resume=True)

    ff.Trainer(network().float(), collaboration="below").fit(
        data, epochs=1, batch_size=8, out=tmp_path / "run"
    )
    fit(collaboration="below")
    with pytest.raises(ValueError, match="collaboration was 'below', is now None"):
        fit()


def test_an_unknown_kind_and_stages_are_refused():
    with pytest.raises(ValueError, match='expects None, "below" or "all", got \'above\''):
        ff.Trainer(network(), collaboration="above")
    with pytest.raises(ValueError, match="expects layers with adversarial=0"):
        ff.Trainer(network(adversarial=0.1), collaboration="all")
    data = ff.data.Data(*samples(), ("a", "b", "c"))
    trainer = ff.Trainer(network(), collaboration="below")
    with pytest.raises(ValueError, match="cannot be distributed over 2 stages"):
        layout._check(Layout(stages=2), trainer, data, 6, 2, 1)

"""Residual layers pass on activities plus their own input: forward, in training, in files."""

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward import losses
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, NoLabel
from forward_forward.forward import Layer
from forward_forward.forward.description import build, describe
from forward_forward.forward.passes import ForwardPass
from forward_forward.forward.workspace import Workspace
from forward_forward.readouts import LinearReadout

CLASSES = 3


def samples(count=12, features=7, dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    return torch.rand(count, features, generator=rng, dtype=dtype), torch.arange(count) % CLASSES


def network(passes="one", residual=True, **options):
    """Four layers of seven units, of which the second and third may be residual."""

    def layer(block, **more):
        own = dict(options)
        if passes == "one":
            own |= {"goodness": LinearReadout(CLASSES), "loss": losses.CrossEntropy()}
        return Layer(block, threshold=0.2, **own, **more)

    examples = NoLabel(CLASSES) if passes == "one" else AppendLabel(CLASSES)
    net = ff.mlp(7, 7, 7, 7, 7, num_classes=CLASSES, examples=examples, layer=layer, seed=1)
    for each in net.layers:
        if passes == "one":
            nn.init.normal_(each.goodness.weight, generator=torch.Generator().manual_seed(1))
    for each in net.layers[1:3]:
        each.residual = residual
    return net.double()


def written_out(net, x):
    """Activities of each layer, and what each reads, by the definition."""
    activities, read = [], []
    for layer in net.layers:
        read.append(x.detach())
        h = layer(x)
        activities.append(h)
        x = h + x if layer.residual else h
    return activities, read


@pytest.mark.parametrize("memory", [None, "workspace"])
def test_a_residual_layer_passes_on_its_input_too(memory, monkeypatch):
    monkeypatch.setattr(Workspace, "debug", True)
    net, (x, _) = network(), samples()
    workspace = None if memory is None else Workspace()
    with torch.no_grad():
        wanted, _ = written_out(net, x)
        forward = ForwardPass(net.layers, workspace=workspace)
        for each, expected in zip(
            forward.activities(ff.forward.activities.Activities(x)), wanted, strict=True
        ):
            torch.testing.assert_close(each.h, expected)
        torch.testing.assert_close(
            net.goodness_by_layer(x),
            torch.stack([layer.goodness(h) for layer, h in zip(net.layers, wanted, strict=True)]),
        )


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
@pytest.mark.parametrize("passes", ["one", "two"])
def test_a_step_is_that_of_each_layers_loss_on_what_it_reads(passes, engine, monkeypatch):
    monkeypatch.setattr(Workspace, "debug", True)
    net = network(passes, adversarial=0.1 if passes == "one" else 0.0)
    trainer = ff.Trainer(net, optimizer=torch.optim.SGD, lr=0.1, engine=engine)
    alone = network(passes, adversarial=0.1 if passes == "one" else 0.0)
    x, y = samples()
    source = trainer.preparer.source(trainer.preparer.prepare(x, y, None, 0))
    inputs = x if passes == "one" else source.dense().flatten(0, 1)
    _, read = written_out(net, inputs)
    trainer.step(x, y)
    for index, rows in enumerate(read):
        single = ff.optimize.engine.Engine([alone.layers[index]], "autograd")
        weight = torch.full((len(y),), 1 / len(y), dtype=torch.float64)
        targets = ff.optimize.targets.Targets(weight, y if passes == "one" else None)
        activities = ff.forward.activities.Activities(rows)
        alone.layers[index].train()
        single.gradients(0, None, activities, targets, (0,))
        pairs = zip(net.layers[index].parameters(), alone.layers[index].parameters(), strict=True)
        for found, before in pairs:
            wanted = before.detach() - 0.1 * before.grad
            torch.testing.assert_close(found.detach(), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "settings",
    [{}, {"order": "overlapping"}, {"collaboration": "all"}, {"precision": "bfloat16"}],
    ids=repr,
)
def test_it_changes_what_is_learned(settings):
    weights = []
    for residual in (True, True, False):
        net = network(residual=residual, dropout=0.2).float()
        trainer = ff.Trainer(net, lr=0.05, **settings)
        x, y = samples(dtype=torch.float32)
        for _ in range(3):
            trainer.step(x, y)
        weights.append(net.layers[3].block.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.allclose(weights[0], weights[2], atol=1e-3)


@pytest.mark.parametrize("passes", ["one", "two"])
def test_the_greedy_order_caches_what_the_next_layer_reads(passes, monkeypatch):
    data = Data(samples(24)[0].float(), samples(24)[1], ("a", "b", "c"))
    found = []
    for size in (2**32, 0):
        monkeypatch.setattr(ff.optimize.frozen_cache, "CACHE_BYTES", size)
        net = network(passes)
        ff.Trainer(net, lr=0.05, order="greedy").fit(data, epochs=8, batch_size=8)
        found.append(net.state_dict())
    torch.testing.assert_close(found[0], found[1], rtol=1e-9, atol=1e-9)


def test_a_run_an_export_and_two_stages_read_the_sum(tmp_path):
    x, y = samples(200)
    data = Data(x.float(), y, ("a", "b", "c"))
    net = network("two").float()
    ff.Trainer(net, lr=0.01).fit(data, epochs=2, batch_size=20, out=tmp_path / "run")
    loaded = ff.load(tmp_path / "run")
    assert [layer.residual for layer in loaded.layers] == [False, True, True, False]
    assert torch.equal(loaded.goodness(data.inputs), net.goodness(data.inputs))
    predictor = ff.export.predictors.Scan(net)
    torch.testing.assert_close(predictor(data.inputs)[0], net.goodness(data.inputs))
    stages = ff.predict.two_stage(net, data.inputs, agreement=1)
    assert torch.equal(stages.predict(data.inputs), net.predict(data.inputs))


def test_it_is_described_and_other_shapes_are_refused():
    about = describe(network())
    assert describe(build(about)) == about
    with pytest.raises(ValueError, match="expects as many units as"):
        Layer(nn.Linear(4, 3), residual=True)
    layers = [Layer(nn.Conv2d(1, 2, 3, padding=1), residual=True), Layer(nn.Conv2d(2, 2, 3))]
    net = ff.Network(
        *layers, examples=ff.examples.HybridRows(3), head=ff.forward.SoftmaxHead((32, 8), 3)
    )
    with pytest.raises(ValueError, match=r"got \[1, 4, 4\] and \[2, 4, 4\] of a sample"):
        net(torch.rand(5, 1, 4, 4))

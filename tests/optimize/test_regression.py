"""Layers that predict a number by ordered bins: closed form as autograd, learning, files."""

import functools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward.examples import NoLabel, OrdinalBins
from forward_forward.forward import Layer
from forward_forward.forward.description import build, describe
from forward_forward.losses import CrossEntropy, SymBa
from forward_forward.readouts import ChannelGroups, FixedReadout, LinearReadout

BINS = OrdinalBins((-1.0, 0.0, 0.5, 2.0), 0.7)


def samples(count=200):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(count, 6, generator=rng, dtype=torch.float64)
    return x, 2 * x[:, 0] - x[:, 1] * x[:, 2] + 0.5


def network(readout=LinearReadout, loss=CrossEntropy(), bins=BINS, hidden=(8, 7), **options):
    layer = functools.partial(Layer, goodness=readout(bins.num_classes), loss=loss, **options)
    return ff.mlp(6, *hidden, num_classes=bins.num_classes, examples=bins, layer=layer)


def trained(net, engine="closed_form", steps=4, **settings):
    """Weights and statistics after some steps in float64."""
    trainer = ff.Trainer(net.double(), optimizer=torch.optim.SGD, lr=0.1, engine=engine, **settings)
    x, y = samples(20)
    for _ in range(steps):
        figures = trainer.step(x, y, torch.linspace(0.1, 1, len(x), dtype=torch.float64))
    return torch.cat([each.detach().flatten() for each in net.parameters()]), figures


@pytest.mark.parametrize("options", [{}, {"adversarial": 0.2}, {"activation": nn.GELU}], ids=repr)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("readout", [LinearReadout, FixedReadout, ChannelGroups])
def test_steps_in_closed_form_are_those_of_autograd(readout, smoothing, options):
    def made():
        return network(readout, CrossEntropy(smoothing), **options)

    assert made().layers[0].closed_form
    found, figures = trained(made())
    wanted, same = trained(made(), "autograd")
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(found, trained(made(), steps=1)[0], atol=1e-3)
    for name, value in figures.items():
        torch.testing.assert_close(value, same[name])


def test_the_loss_is_the_cross_entropy_of_soft_targets():
    _, y = samples(20)
    margins = torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    margins.requires_grad_()
    target = BINS.soft(y)
    for smoothing in (0.0, 0.3):
        loss = CrossEntropy(smoothing)
        value, slope = loss.soft_judged(margins.detach(), target)
        wanted = nn.functional.cross_entropy(
            margins, target, reduction="none", label_smoothing=smoothing
        )
        torch.testing.assert_close(value, wanted.detach(), rtol=0, atol=1e-12)
        (by_autograd,) = torch.autograd.grad(loss.soft(margins, target).sum(), margins)
        torch.testing.assert_close(slope, by_autograd, rtol=0, atol=1e-12)
        (of_torch,) = torch.autograd.grad(wanted.sum(), margins)
        torch.testing.assert_close(slope, of_torch, rtol=0, atol=1e-12)


def test_a_number_is_learned_and_read_as_the_mean_of_the_layers(tmp_path):
    x, y = samples(1000)
    bins = OrdinalBins.spanning(y)
    net = network(bins=bins, hidden=(50, 50), normalize=None)
    data = ff.data.Data(x.float(), y, ())
    trainer = ff.Trainer(net, lr=1e-2)
    fitted = trainer.fit(data, epochs=10, batch_size=100, validation=data, out=tmp_path / "run")
    errors = ff.predict.evaluate(net, data)
    assert errors["rmse"] == errors["error"] == fitted.validation_error < 0.15 * float(y.std())
    loaded = ff.load(tmp_path / "run")
    by_layer = bins.decide(loaded.goodness_by_layer(x))
    torch.testing.assert_close(loaded.predict(x), by_layer.mean(0), rtol=1e-4, atol=1e-5)
    assert by_layer.shape == (2, 1000)
    assert len(errors["rmse_by_layer"]) == 2
    squares = (net.predict(x.float()) - data.labels).square()
    assert errors["rmse"] == pytest.approx(float(squares.mean().sqrt()), rel=1e-4)


def test_weights_of_samples_count_in_the_error():
    x, y = samples(30)
    weights = torch.zeros(30)
    weights[3] = 2.0
    net = network().float()
    error = ff.predict.evaluate(net, ff.data.Data(x.float(), y, (), weights=weights))["rmse"]
    assert error == pytest.approx(float((net.predict(x)[3] - y[3]).abs()), rel=1e-5)


def test_greedy_layers_average_and_skip_learn_too():
    x, y = samples(400)
    for settings in ({"order": "greedy"}, {"average": 0.9}, {"skip": 0.05}):
        net = network(bins=OrdinalBins.spanning(y), hidden=(30, 30), normalize=None)
        data = ff.data.Data(x.float(), y, ())
        ff.Trainer(net, lr=1e-2, **settings).fit(data, epochs=30, batch_size=50)
        assert ff.predict.evaluate(net, data)["error"] < 0.3 * float(y.std()), settings


def test_a_network_is_described_and_built_again():
    about = describe(network())
    assert describe(build(about)) == about
    assert build(about).examples == BINS


def test_what_does_not_go_together_is_refused():
    x, y = samples(20)
    numbers = ff.data.Data(x.float(), y, ())
    classes = ff.data.Data(x.float(), (y > 1).long(), ("low", "high"))
    with pytest.raises(ValueError, match="predicts real-valued targets, got data with classes"):
        ff.Trainer(network()).fit(classes, epochs=1)
    with pytest.raises(ValueError, match="predicts real-valued targets, got data with classes"):
        ff.predict.evaluate(network(), classes)
    other = ff.mlp(
        6,
        8,
        num_classes=2,
        examples=NoLabel(2),
        layer=functools.partial(Layer, goodness=LinearReadout(2)),
    )
    for refused in (
        lambda: ff.Trainer(other).fit(numbers, epochs=1),
        lambda: ff.predict.evaluate(other, numbers),
    ):
        with pytest.raises(ValueError, match=r"predicts classes, .*OrdinalBins.spanning"):
            refused()
    with pytest.raises(ValueError, match=r"soft targets, which SymBa.* does not take"):
        ff.Trainer(network(loss=SymBa())).step(x.float(), y.float())
    with pytest.raises(ValueError, match="one floating-point target per sample"):
        ff.Trainer(network()).step(x.float(), torch.zeros(20, dtype=torch.int64))
    with pytest.raises(ValueError, match="temperature=1"):
        network(temperature=2.0)

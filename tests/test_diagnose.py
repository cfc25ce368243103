"""What a network has become, against the same found sample by sample and unit by unit."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

from forward_forward import diagnose, seeds
from forward_forward.examples import AppendLabel, HybridImages, NoLabel, OverlayLabel, Uniform
from forward_forward.forward import Layer, Network, SoftmaxHead, mlp
from forward_forward.goodness import mean_square
from forward_forward.readouts import FixedReadout

X = torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(0))
Y = torch.arange(30) % 3


def network(examples) -> Network:
    made = mlp(16, 12, 9, num_classes=3, examples=examples, seed=1)
    with torch.no_grad():
        made.layers[0].block.bias[:5] = -100.0  # five silent units of twelve
    made.calibrate(X, Y)
    return made.eval()


def one_by_one(net: Network, rows: torch.Tensor) -> np.ndarray:
    """Goodness [layers, rows], each row and layer on its own."""
    found = []
    for row in rows:
        h, goodness = row[None], []
        for layer in net.layers:
            h = layer(h)
            goodness.append(float(layer.goodness(h)[0]))
        found.append(goodness)
    return np.array(found).T


@pytest.mark.parametrize("count", [1, 3])
@torch.no_grad()
def test_histograms_count_the_goodness_of_every_sample(count):
    net = network(AppendLabel(3, negatives=Uniform(count)))
    found = diagnose.histograms(net, X, Y, seeds.generator(0, "test"))
    again = net.examples.negative(X, Y, seeds.generator(0, "test"), torch.zeros(30, 3))
    positives = one_by_one(net, net.examples.positive(X, Y).dense()[0])
    negatives = [one_by_one(net, variant) for variant in again.dense()]
    for layer, each in enumerate(found):
        good, bad = positives[layer], np.stack([variant[layer] for variant in negatives])
        higher = [good[place] > other[place] for other in bad for place in range(len(good))]
        assert each["separation"] == pytest.approx(100 * np.mean(higher), abs=0.006)
        assert sum(each["positive"]) == 30
        assert sum(each["negative"]) == 30 * count
        assert each["edges"][0] == pytest.approx(min(good.min(), bad.min()), abs=1e-4)
        assert each["edges"][-1] == pytest.approx(max(good.max(), bad.max()), abs=1e-4)
        middle = each["edges"][20]
        below = sum(value < middle for value in good)
        assert sum(each["positive"][:20]) == pytest.approx(below, abs=1)  # edges are rounded
        threshold = float(net.layers[layer].threshold_value)
        assert each["threshold"] == pytest.approx(threshold, abs=1e-4)


def test_networks_without_labels_have_histograms_too():
    net = mlp(16, 12, 9, num_classes=3, examples=HybridImages(3), head=True)
    found = diagnose.histograms(net, X, None, seeds.generator(0, "test"))
    assert [sum(each["negative"]) for each in found] == [30, 30]


@torch.no_grad()
def test_silent_units_are_those_at_0_for_every_positive():
    net = network(AppendLabel(3))
    h = net.examples.positive(X, Y).dense()[0]
    for layer, found in zip(net.layers, diagnose.silent_units(net, X, Y), strict=True):
        h = layer(h)
        silent = [all(float(row[unit]) == 0 for row in h) for unit in range(h.shape[1])]
        assert found == pytest.approx(100 * sum(silent) / len(silent))
    assert diagnose.silent_units(net, X, Y)[0] == pytest.approx(100 * 5 / 12)


def test_fields_are_the_weights_of_pixels():
    net = network(AppendLabel(3))
    weight = net.layers[0].block.weight.detach().numpy()
    found = diagnose.fields(net, (1, 4, 4))
    assert found.shape == (12, 4, 4)
    np.testing.assert_allclose(found[7, 2, 1], weight[7, 2 * 4 + 1])


def test_fields_leave_out_the_label_and_pixels_that_never_change():
    net = network(OverlayLabel(3))
    x = X.clone()
    x[:, 0, 3, 3] = 0.5
    found = diagnose.fields(net, (1, 4, 4), x)
    assert not found[:, 0, :3].any()
    assert not found[:, 3, 3].any()
    assert found[:, 0, 3].all()
    assert diagnose.fields(net, (1, 4, 4))[:, 3, 3].all()


def test_fields_of_colours_are_averaged():
    net = mlp(3 * 16, 5, num_classes=3)
    weight = net.layers[0].block.weight.detach()[:, :48].view(5, 3, 16)
    found = diagnose.fields(net, (3, 4, 4))
    np.testing.assert_allclose(found.reshape(5, 16), weight.mean(1).numpy(), rtol=1e-6)


def convolution(block: nn.Module) -> Network:
    return Network(
        Layer(block, goodness=mean_square),
        examples=HybridImages(3),
        head=SoftmaxHead([64], 3, skip=0),
    )


def test_fields_of_a_convolution_are_its_kernels():
    block = nn.Conv2d(3, 4, 3, padding=1)
    for each in (block, nn.Sequential(nn.Unflatten(1, (3, 4)), block)):
        found = diagnose.fields(convolution(each), (3, 4, 4))
        np.testing.assert_allclose(found, block.weight.detach().mean(1).numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (nn.Conv2d(1, 4, 1), "kernels of several pixels, got kernel size 1"),
        (nn.Linear(9, 4), "reads 9 values, but an image of shape .* has 16"),
        (nn.Sequential(nn.BatchNorm1d(16), nn.Linear(16, 4)), "begins with BatchNorm1d"),
        (nn.Sequential(nn.Flatten()), "begins with Sequential"),
    ],
)
def test_weights_that_are_no_pictures_are_refused(block, said):
    with pytest.raises(ValueError, match=said):
        diagnose.fields(Network(Layer(block), examples=AppendLabel(3)), (1, 4, 4))


def test_the_strongest_come_first():
    pictures = np.random.default_rng(0).normal(size=(9, 4, 4))
    found = diagnose.strongest(pictures, 5)
    lengths = [float(sum(value**2 for value in picture.ravel()) ** 0.5) for picture in pictures]
    assert list(found) == sorted(range(9), key=lambda unit: -lengths[unit])[:5]
    assert list(found.values()) == pytest.approx([lengths[unit] for unit in found])
    assert len(diagnose.strongest(pictures, 50)) == 9


@torch.no_grad()
def test_histograms_of_layers_that_answer_for_every_class_are_of_their_columns():
    layer = functools.partial(Layer, goodness=FixedReadout(3))
    net = mlp(16, 12, 9, num_classes=3, examples=NoLabel(3), layer=layer)
    for each, table in zip(
        diagnose.histograms(net, X, Y, seeds.generator(0, "test")),
        net.goodness_by_layer(X),
        strict=True,
    ):
        true = table[torch.arange(30), Y]
        wrong = [table[row, label] for row in range(30) for label in range(3) if label != Y[row]]
        assert (sum(each["positive"]), sum(each["negative"])) == (30, 60)
        higher = [bool(true[at // 2] > value) for at, value in enumerate(wrong)]
        assert each["separation"] == pytest.approx(100 * np.mean(higher), abs=0.006)
        assert each["edges"][-1] == pytest.approx(float(table.max()), abs=1e-4)

"""Layers and networks: what enters, what leaves, how labels are read, how it is written down."""

import copy
import functools
import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from forward_forward import datasets, goodness, losses
from forward_forward.examples import AppendLabel, FromGoodness, HybridImages, OverlayLabel
from forward_forward.forward import (
    Layer,
    MeanSquareOne,
    Network,
    PeerNormalization,
    SoftmaxHead,
    UnitLength,
    mlp,
)
from forward_forward.forward.description import build, describe
from forward_forward.optimize import Trainer
from forward_forward.predict import evaluate

CLASSES = 3


def samples(batch: int = 5, width: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.rand(batch, width, generator=rng), torch.arange(batch) % CLASSES


def two_layers(place=AppendLabel, head: bool = False, **options) -> Network:
    layer = functools.partial(Layer, **options)
    return mlp(6, 8, 7, num_classes=CLASSES, examples=place(CLASSES), layer=layer, head=head)


@pytest.mark.parametrize("shape", [(4, 6), (4, 2, 3)])
def test_normalised_rows_have_their_length_and_zeros_stay(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[0] = 0
    mean_square, unit = MeanSquareOne()(x), UnitLength()(x)
    assert mean_square.shape == unit.shape == x.shape
    assert not mean_square[0].any()
    assert not unit[0].any()
    ones = torch.ones(3, dtype=torch.float64)
    torch.testing.assert_close(mean_square.flatten(1).square().mean(1)[1:], ones, atol=1e-7, rtol=0)
    torch.testing.assert_close(unit.flatten(1).norm(dim=1)[1:], ones, atol=1e-7, rtol=0)
    torch.testing.assert_close(mean_square, unit * math.sqrt(6), atol=1e-7, rtol=0)
    assert torch.equal(Layer(nn.Flatten(), activation=None, normalize=None).rows(x), x)


@pytest.mark.parametrize(
    "block", [nn.Linear(6, 4), nn.Sequential(nn.Linear(6, 4), nn.ReLU())], ids=["linear", "block"]
)
def test_a_layer_detaches_its_input(block):
    x = torch.rand(3, 6, requires_grad=True)
    layer = Layer(block, activation=nn.ReLU if isinstance(block, nn.Linear) else None)
    layer(x).sum().backward()
    assert x.grad is None
    assert next(layer.parameters()).grad is not None


@pytest.mark.parametrize(
    ("part", "expected"),
    [(goodness.sum_of_squares, 7.0), (goodness.Minimised(goodness.l2_norm), -math.sqrt(7))],
)
def test_a_threshold_by_width_or_number(part, expected):
    layer = Layer(nn.Linear(6, 7), goodness=part, threshold="width", threshold_factor=0.5)
    assert not layer.calibrated
    layer.calibrate(torch.rand(2, 7))
    assert float(layer.threshold_value) == pytest.approx(0.5 * expected)
    fixed = Layer(nn.Linear(6, 7), goodness=part, threshold=1.25, temperature=2.0)
    assert fixed.margin(torch.tensor([2.25])).tolist() == [0.5]


def test_a_calibrated_threshold_is_the_mean_goodness_times_its_factor():
    x, y = samples()
    net = two_layers(threshold="calibrated", threshold_factor=1.5)
    net.calibrate(x, y)
    h = net.examples.positive(x, y).dense()[0]
    for layer in net.layers:
        h = layer(h).detach()
        expected = 1.5 * float(h.square().mean())
        assert float(layer.threshold_value) == pytest.approx(expected, rel=1e-5)
    net.calibrate(x * 3 + 1, y)
    assert float(layer.threshold_value) == pytest.approx(expected, rel=1e-5)


def test_state_copies_and_pickles_keep_the_network():
    x, y = samples()
    net = two_layers(head=True, peer=PeerNormalization())
    net.calibrate(x, y)
    fresh = build(describe(net))
    fresh.load_state_dict(net.state_dict())
    for other in (fresh, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(other.goodness_by_layer(x), net.goodness_by_layer(x))
        assert torch.equal(other.layers[1].threshold_value, net.layers[1].threshold_value)
    double = copy.deepcopy(net).to(torch.float64)
    assert {each.dtype for each in double.state_dict().values()} == {torch.float64}
    torch.testing.assert_close(double.goodness(x.double()).float(), net.goodness(x))


def test_train_and_eval_are_torchs_own():
    net = two_layers(head=True)
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train() is net
    assert all(module.training for module in net.modules())


def test_every_layer_is_registered():
    net = two_layers(head=True)
    shapes = sorted(tuple(each.shape) for each in net.parameters())
    assert shapes == sorted([(8, 9), (8,), (7, 8), (7,), (CLASSES, 7)])


@pytest.mark.parametrize("place", [AppendLabel, OverlayLabel])
@pytest.mark.parametrize("readout", [None, (1, 2), (0, 1)])
def test_the_label_of_the_largest_summed_goodness_is_predicted(place, readout):
    x, _ = samples(9)
    net = mlp(6, 8, 7, num_classes=CLASSES, examples=place(CLASSES), readout=readout)
    first, stop = readout or (0, 2)
    total = torch.zeros(9, CLASSES)
    for label in range(CLASSES):
        h = place(CLASSES).positive(x, torch.full((9,), label)).dense()[0]
        for index, layer in enumerate(net.layers):
            h = layer(h).detach()
            if first <= index < stop:
                total[:, label] += h.square().mean(1)
    torch.testing.assert_close(net.goodness(x), total)
    assert torch.equal(net.predict(x), total.argmax(1))


def test_the_goodness_that_was_trained_is_the_one_that_predicts():
    x, _ = samples()
    plain, minimised = two_layers(), two_layers(goodness=goodness.Minimised(goodness.mean_square))
    assert torch.equal(plain.goodness(x), -minimised.goodness(x))


@pytest.mark.parametrize("skip", [0, 1])
def test_head_logits_are_products_with_the_normalised_neutral_activities(skip):
    x, _ = samples()
    net = two_layers()
    net.head = SoftmaxHead([8, 7], CLASSES, skip=skip)
    h, logits = net.examples.neutral(x).dense()[0], torch.zeros(5, CLASSES)
    rng = torch.Generator().manual_seed(2)
    for weight in net.head.weights:
        weight.data.normal_(generator=rng)
    for index, layer in enumerate(net.layers):
        h = layer(h).detach()
        if index >= skip:
            logits += MeanSquareOne()(h) @ net.head.weights[index - skip].detach().t()
    torch.testing.assert_close(net.scores(x, by="head"), logits)
    assert torch.equal(net.predict(x, by="head"), logits.argmax(1))


def test_prediction_is_the_same_in_training_mode_and_draws_nothing():
    x, _ = samples()
    for activation in (nn.RReLU(), nn.Sequential(nn.ReLU(), nn.Dropout(0.5))):
        net = two_layers(activation=activation)
        before = torch.get_rng_state()
        assert torch.equal(net.goodness(x), net.eval().goodness(x))
        assert torch.equal(torch.get_rng_state(), before)


def convolutional(**options) -> Network:
    blocks = [
        nn.Conv2d(1, 4, 3, **options),
        nn.Sequential(nn.Conv2d(4, 5, 3, bias=False), nn.BatchNorm2d(5), nn.GELU("tanh")),
        nn.Sequential(nn.MaxPool2d(2), nn.Sequential(nn.Flatten(), nn.LazyLinear(6))),
    ]
    layers = [Layer(blocks[0]), *(Layer(block, activation=None) for block in blocks[1:])]
    head = SoftmaxHead([4 * 36, 5 * 16, 6], 10, skip=0, normalize=UnitLength())
    net = Network(*layers, examples=HybridImages(10, blurs=2), head=head)
    net(torch.rand(2, 1, 8, 8))
    return net


def described() -> dict[str, Network]:
    peer = PeerNormalization(strength=0.1, decay=0.5)
    pair = {"loss": losses.SiluPair(2.0), "goodness": goodness.PNorm(math.inf)}
    examples = AppendLabel(9, negatives=FromGoodness(temperature=0.5, fraction=1.0))
    return {
        "defaults": two_layers(),
        "poster": two_layers(OverlayLabel, goodness=goodness.l2_norm, loss=losses.sigmoid),
        "peer and head": two_layers(peer=peer, head=True, threshold="width", temperature=2.0),
        "pairs": two_layers(**pair, normalize=None, activation=nn.LeakyReLU(0.2)),
        "readout": mlp(4, 5, 6, num_classes=9, examples=examples, readout=(1, 2)),
        "plain convolution": convolutional(stride=1),
        "padding by name": convolutional(padding="valid"),
        "padding mode": convolutional(padding_mode="circular"),
    }


@pytest.mark.parametrize("name", described())
def test_a_network_is_built_again_from_its_description(name):
    net = described()[name]
    again = build(describe(net))
    assert describe(again) == describe(net)
    shapes, expected = (
        [(name, value.shape) for name, value in each.state_dict().items()] for each in (again, net)
    )
    assert shapes == expected
    assert again.examples == net.examples


def test_code_that_a_file_names_is_not_run(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    own = describe(two_layers(goodness=lambda h: h.mean(1)))
    assert ":" in own["layers"][0]["goodness"]
    lambdas = own["layers"][0]["goodness"]
    for text in (lambdas, "planted:x", "planted.x", "__import__('planted')", "PNorm(planted:x)"):
        own["layers"][0]["goodness"] = text
        with pytest.raises(ValueError, match=r"code of your own|expected a name|unknown name"):
            build(own)


def test_weights_come_from_the_seed_alone():
    before = torch.get_rng_state()
    first = mlp(6, 200, 50, num_classes=3, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    same, other = (mlp(6, 200, 50, num_classes=3, seed=seed) for seed in (3, 4))
    for a, b, c in zip(first.layers, same.layers, other.layers, strict=True):
        assert torch.equal(a.block.weight, b.block.weight)
        assert not torch.equal(a.block.weight, c.block.weight)
        assert float(a.block.weight.detach().std() * math.sqrt(a.block.in_features)) > 0.95
        assert not a.block.bias.any()


def test_a_numpy_seed_is_the_same_seed():
    plain, numpy = (mlp(4, 8, num_classes=2, seed=seed) for seed in (3, np.int64(3)))
    assert torch.equal(plain.layers[0].block.weight, numpy.layers[0].block.weight)


def test_more_classes_than_inputs():
    assert mlp(2, 16, num_classes=40).goodness(torch.rand(3, 2)).shape == (3, 40)


def test_a_dropout_of_the_layers_own_is_not_overwritten():
    layer = functools.partial(Layer, dropout=0.3)
    assert mlp(4, 8, num_classes=2, layer=layer).layers[0].dropout == 0.3


LINEAR = functools.partial(nn.Linear, 9, 8)
BYTES = torch.zeros(2, 6, dtype=torch.uint8)
MISTAKES = {
    "temperature > 0": lambda: Layer(LINEAR(), temperature=0),
    "dropout from 0": lambda: Layer(LINEAR(), dropout=1.0),
    r"each 1 or more, got \(8, -5\): such as": lambda: mlp(4, 8, -5, num_classes=2),
    "dropout": lambda: mlp(4, 8, num_classes=2, dropout=1.5),
    '"width" or "calibrated"': lambda: Layer(LINEAR(), threshold="wide"),
    "activation to the Layer": lambda: Layer(LINEAR(), None, peer=PeerNormalization()),
    "linear block, got Conv2d": lambda: Layer(nn.Conv2d(1, 1, 3), peer=PeerNormalization()),
    "readout expects": lambda: Network(examples=AppendLabel(3)),
    "1 layers, got": lambda: Network(Layer(LINEAR()), examples=AppendLabel(3), readout=(0, 2)),
    r"head=SoftmaxHead\(...\)": lambda: Network(Layer(LINEAR()), examples=HybridImages(3)),
    "reading": lambda: Network(Layer(LINEAR()), examples=AppendLabel(3), reading="energy"),
    r"\), or predict by": lambda: two_layers().predict(torch.rand(2, 6), by="head"),
    '"goodness" or "head"': lambda: two_layers(head=True).predict(torch.rand(2, 6), by="energy"),
    "floating-point": lambda: two_layers().predict(BYTES),
    r"AppendLabel\(num_classes=5\)": lambda: mlp(4, 8, num_classes=5, examples=OverlayLabel(5)),
    "2 of them": lambda: mlp(4, 8, 8, num_classes=2, dropout=[0.1]),
    "at least one hidden": lambda: mlp(4, num_classes=2),
    "skip": lambda: SoftmaxHead([8], 3),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_answered_with_what_to_do(message):
    with pytest.raises(ValueError, match=message):
        MISTAKES[message]()


def test_convolutions_learn_without_labels_for_a_head_to_read():
    train, test = datasets.digits()
    blocks = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU()), nn.Conv2d(16, 16, 3)
    layers = Layer(blocks[0], activation=None), Layer(blocks[1])
    head = SoftmaxHead([16 * 36, 16 * 16], 10, skip=0)
    net = Network(*layers, examples=HybridImages(10, blurs=3), head=head)
    Trainer(net, lr=3e-3, head_lr=0.02).fit(train, epochs=4, batch_size=64)
    assert evaluate(net, test)["error"] < 15


def test_no_samples_have_no_labels():
    assert mlp(4, 8, num_classes=3).predict(torch.rand(0, 4)).shape == (0,)


def test_a_module_that_normalises_is_in_evaluation_mode_when_it_judges():
    layer = functools.partial(Layer, normalize=nn.BatchNorm1d(7, affine=False))
    net = mlp(4, 8, num_classes=3, layer=layer).train()
    x = torch.rand(6, 4)
    torch.testing.assert_close(net.goodness(x)[:2], net.goodness(x[:2]))
    assert int(net.layers[0].normalize.num_batches_tracked) == 0

"""Layers weighted, or combined by a logistic regression: fitted to validation data, and kept."""

import copy

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

import forward_forward as ff
from forward_forward import checkpoint, predict
from forward_forward.data import Data
from forward_forward.examples import MultiLabel, NoLabel, OrdinalBins
from forward_forward.forward import Mirrored, cnn
from forward_forward.forward.combination import LayerRegression, WeightedLayers
from forward_forward.forward.description import build, describe
from forward_forward.predict.fitted_readout import layer_regression, layer_weights
from forward_forward.readouts import LinearReadout

CLASSES = 3
FITTED = ("weighted", "logistic")


def goodness(accuracies, samples=300, scale=1.0):
    """Goodness of layers that are right for these fractions of the samples, and their labels."""
    labels = torch.arange(samples) % CLASSES
    rows = []
    for accuracy in accuracies:
        right = torch.rand(samples) < accuracy
        said = torch.where(right, labels, (labels + 1 + (torch.rand(samples) < 0.5)) % CLASSES)
        rows.append(torch.eye(CLASSES, dtype=torch.float64)[said])
    return scale * torch.stack(rows), labels


def layer(block):
    return ff.Layer(block, goodness=LinearReadout(CLASSES), loss=ff.losses.CrossEntropy())


def network(readout, hidden=(8, 7, 6), **options):
    options.setdefault("examples", NoLabel(CLASSES))
    net = ff.mlp(5, *hidden, num_classes=CLASSES, layer=layer, readout=readout, **options)
    for each in net.layers:
        torch.nn.init.normal_(each.goodness.weight)
    return net


def data(samples=60, seed=0):
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (samples,), generator=rng)
    x = torch.rand(samples, 5, generator=rng)
    x[torch.arange(samples), labels] += 0.5
    return Data(x, labels, ("a", "b", "c"))


def test_a_layer_that_knows_the_labels_gets_the_weight():
    rated, labels = goodness([1 / 3, 0.95, 1 / 3])
    weights = layer_weights(rated, labels)
    assert weights[1] > 2
    assert (weights >= 0).all()
    assert weights[[0, 2]].max() < 0.1 * weights[1]


def test_a_layer_that_is_mostly_wrong_is_not_read():
    rated, labels = goodness([0.9, 0.05])
    assert layer_weights(rated, labels)[1] == 0


def test_a_factor_of_a_layers_goodness_is_taken_up_by_its_weight():
    rated, labels = goodness([0.8, 0.6])
    weights = layer_weights(rated, labels)
    scaled = layer_weights(rated * torch.tensor([1000.0, 0.01]).view(-1, 1, 1), labels)
    torch.testing.assert_close(scaled * torch.tensor([1000.0, 0.01]), weights)
    shifted = layer_weights(rated + 7 * torch.rand(2, len(labels), 1), labels)
    torch.testing.assert_close(shifted, weights)  # as by the log of softmax, instead of goodness


def test_the_weights_have_the_lowest_cross_entropy():
    rated, labels = goodness([0.8, 0.7, 0.5])
    share = torch.linspace(0.1, 2, len(labels), dtype=torch.float64)
    weights = layer_weights(rated, labels, share)

    def loss(weights):
        logs = log_softmax(torch.tensordot(weights, rated, 1).numpy(), axis=1)
        target = np.full(logs.shape, 1 / CLASSES / (len(labels) + 1))
        target[np.arange(len(labels)), labels] += len(labels) / (len(labels) + 1)
        return -float((target * logs * share.numpy()[:, None]).sum() / share.sum())

    least = loss(weights)
    for index in range(3):
        for change in (-0.02, 0.02):
            moved = weights.clone()
            moved[index] += change
            assert loss(moved) > least


def test_equal_samples_or_none_of_a_layers_own_do_no_harm():
    rated, labels = goodness([1.0, 0.5])
    rated[1] = 3.0
    weights = layer_weights(rated, labels)
    assert weights.isfinite().all()
    assert 1 < weights[0] < 100  # though more would be better still for samples that are all right


@pytest.mark.parametrize("classes", [2, CLASSES])
def test_a_regression_uses_what_a_layer_says_of_other_classes(classes):
    """A layer that always names the next class is as good as one that is right."""
    labels = torch.arange(60) % classes
    rated = torch.eye(classes)[(labels + 1) % classes][None] + 0.1 * torch.rand(1, 60, classes)
    coefficients, offsets = layer_regression(rated, labels)
    scores = (rated.double() @ coefficients).sum(0) + offsets
    assert torch.equal(scores.argmax(1), labels)
    combined = LayerRegression(1, classes).double()
    combined.coefficients.copy_(coefficients)
    combined.offsets.copy_(offsets)
    torch.testing.assert_close(combined(rated.double()), scores)


@pytest.mark.parametrize("readout", FITTED)
def test_before_the_fit_and_with_weights_of_0_and_1_a_range_is_summed(readout):
    net, fixed, x = network(readout), network((1, 3)), data().inputs
    fixed.load_state_dict(net.state_dict(), strict=False)
    every = net.goodness_by_layer(x)
    torch.testing.assert_close(net.goodness(x), every.sum(0))
    net.choose((1, 3))
    torch.testing.assert_close(net.goodness(x), fixed.goodness(x))
    if readout == "weighted":
        net.choose((0, 3))
        net.combination.weights.copy_(torch.tensor([0.0, 1.0, 1.0]))
        torch.testing.assert_close(net.goodness(x), fixed.goodness(x))


@pytest.mark.parametrize("average", [None, 0.5])
@pytest.mark.parametrize("readout", FITTED)
def test_training_fits_it_at_the_end_and_files_keep_it(readout, average, tmp_path):
    train, held_out, test = data(), data(seed=1), data(seed=2)
    net = network(readout)
    trainer = ff.Trainer(net, lr=1e-2, average=average)
    trainer.fit(train, epochs=2, validation=held_out, out=tmp_path / "run")
    loaded = ff.load(tmp_path / "run")
    plain = copy.deepcopy(net)
    plain.set_readout(None)
    assert not torch.allclose(net.goodness(test.inputs), plain.goodness(test.inputs))
    again = copy.deepcopy(plain)
    again.set_readout(readout)
    predict.fit_readout(again, held_out)
    for each in (net, trainer.evaluated, again):
        torch.testing.assert_close(each.goodness(test.inputs), net.goodness(test.inputs))
    about = checkpoint.Run(tmp_path / "run").about
    assert about["readout"] == list(loaded.readout)
    assert about["fitted_readout"]["kind"] == loaded.readout_setting == readout
    best = ff.load(tmp_path / "run", network=network(readout))
    assert torch.equal(best.goodness(test.inputs), loaded.goodness(test.inputs))
    refitted = copy.deepcopy(loaded)
    predict.fit_readout(refitted, held_out)
    torch.testing.assert_close(refitted.goodness(test.inputs), loaded.goodness(test.inputs))
    wrong = (loaded.predict(test.inputs) != test.labels).double().mean()
    errors = predict.evaluate(loaded, test)
    assert errors["error"] == errors["goodness_error"] == pytest.approx(100 * float(wrong))


def test_a_fit_uses_the_views():
    seen = []

    def views(x):
        seen.append(len(x))
        return Mirrored()(x)

    net = cnn((1, 6, 6), 4, 4, num_classes=CLASSES, pooled=(), readout="weighted", views=views)
    labels = torch.arange(12) % CLASSES
    predict.fit_readout(net, Data(torch.rand(12, 1, 6, 6), labels, ("a", "b", "c")))
    assert seen == [12]


def test_weights_are_loaded_whatever_the_readout_of_the_other_network():
    fitted, plain, regression = network("weighted"), network(None), network("logistic")
    predict.fit_readout(fitted, data())
    for each in (plain, regression):
        checkpoint.load_weights(each, fitted.state_dict(), "a run")
    x = data().inputs
    torch.testing.assert_close(plain.goodness(x), plain.goodness_by_layer(x).sum(0))
    assert regression.readout == fitted.readout
    before = fitted.goodness(x)
    checkpoint.load_weights(fitted, plain.state_dict(), "an older run")
    assert torch.equal(fitted.goodness(x), before)


@pytest.mark.parametrize("readout", FITTED)
def test_the_description_names_the_setting(readout):
    net = network(readout)
    assert describe(net)["readout"] == repr(readout)
    assert build(describe(net)).readout_setting == readout
    kinds = {"weighted": WeightedLayers, "logistic": LayerRegression}
    assert type(net.combination) is kinds[readout]


@pytest.mark.parametrize("readout", FITTED)
def test_an_exported_scan_reads_it(readout):
    net, x = network(readout), data().inputs
    predict.fit_readout(net, data())
    scores, labels = ff.export.Scan(net)(x)
    torch.testing.assert_close(scores, net.goodness(x))
    assert torch.equal(labels, net.predict(x))


def test_two_stages_weight_the_layers_and_refuse_a_regression():
    held_out = data(200)
    net = ff.mlp(5, 8, 8, num_classes=CLASSES, readout="weighted")
    predict.fit_readout(net, held_out)
    stages = predict.two_stage(net, held_out.inputs, agreement=1)
    assert torch.equal(stages.predict(held_out.inputs), net.predict(held_out.inputs))
    net.set_readout("logistic")
    with pytest.raises(ValueError, match='has readout="logistic", which needs that of all labels'):
        predict.two_stage(net, held_out.inputs, agreement=1)


def test_bits_are_those_of_the_fitted_scores():
    net, held_out = network("weighted"), data()
    predict.fit_readout(net, held_out)
    log = net.goodness(held_out.inputs).double().log_softmax(1)
    expected = -log[torch.arange(60), held_out.labels].mean() / np.log(2)
    assert predict.bits(net, held_out)["bits"] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("readout", FITTED)
def test_examples_without_one_label_per_sample_are_refused(readout):
    with pytest.raises(ValueError, match=f"readout='{readout}' is fitted to one label per sample"):
        ff.mlp(5, 8, num_classes=CLASSES, examples=MultiLabel(CLASSES), readout=readout)
    with pytest.raises(ValueError, match="ordered bins predict numbers"):
        network(readout, examples=OrdinalBins((0.0, 1.0, 2.0), 0.5))


def test_what_cannot_be_fitted_is_refused_before_training():
    for readout in FITTED:
        with pytest.raises(ValueError, match="is fitted to validation data, and there are none"):
            ff.Trainer(network(readout)).fit(data(), epochs=1)
    few = Data(torch.rand(8, 5), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]), ("a", "b", "c"))
    with pytest.raises(ValueError, match=r"at least 5 validation samples .* got 0 of class 2"):
        ff.Trainer(network("logistic")).fit(data(), epochs=1, validation=few)
    ff.Trainer(network("weighted")).fit(data(), epochs=1, validation=few)

"""Predictions of every sample: one pass, the network's own answers, calibrated, and measured."""

import json

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import classification_report, r2_score, root_mean_squared_error

from forward_forward import datasets, predict
from forward_forward.data import Data
from forward_forward.examples import HybridImages, MultiLabel, NoLabel, OrdinalBins
from forward_forward.forward import Layer, Network, mlp
from forward_forward.losses import CrossEntropy
from forward_forward.optimize import Trainer
from forward_forward.predict.calibration import temperature
from forward_forward.readouts import LinearReadout


class Counted:
    """A source that counts how often it is read."""

    def __init__(self, data):
        self.data, self.passes = data, 0

    def __getattr__(self, name):
        return getattr(self.data, name)

    def __len__(self):
        return len(self.data)

    def batches(self, *args, **options):
        self.passes += 1
        return self.data.batches(*args, **options)


@pytest.fixture(scope="module")
def digits():
    """Training, validation and test samples, and a network that has learned a little."""
    rest, test = datasets.digits()
    train, validation = rest.split()
    network = mlp(64, 30, 30, num_classes=10, head=True, seed=0)
    Trainer(network, lr=3e-3, seed=0).fit(train, epochs=3, verbose=False)
    return validation, test, network


@pytest.fixture(scope="module")
def found(digits):
    validation, test, network = digits
    return predict.predictions(network, test, validation, batch_size=100)


def regression(n=60):
    x = torch.rand(n, 4)
    data = Data(x, x.sum(1), ())
    layer = Layer(torch.nn.Linear(4, 8), goodness=LinearReadout(9, 8), loss=CrossEntropy())
    return data, Network(layer, examples=OrdinalBins(tuple(np.arange(9) / 2.0), 0.5))


def test_errors_and_answers_are_those_of_the_network_in_one_pass(digits):
    validation, test, network = digits
    counted = Counted(test)
    found = predict.predictions(network, counted, validation, batch_size=100)
    assert counted.passes == 1
    assert found.errors == predict.evaluate(network, test, batch_size=100)
    assert found.predicted.tolist() == network.predict(test.inputs).tolist()
    assert found.true.tolist() == test.labels.tolist()
    assert 100 * (found.predicted != found.true).mean() == pytest.approx(found.errors["error"])


def test_probabilities_are_the_softmax_at_the_temperature_of_the_validation_data(digits, found):
    validation, test, network = digits
    goodness = network.goodness(validation.inputs).double().numpy()
    fitted = temperature(goodness, validation.labels.numpy())
    assert found.temperature == pytest.approx(fitted)
    expected = softmax(network.goodness(test.inputs).double().numpy() / fitted, axis=1)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    bare = predict.predictions(network, test)
    assert bare.temperature is None
    np.testing.assert_allclose(
        bare.probabilities, softmax(network.goodness(test.inputs).numpy(), axis=1), atol=1e-5
    )


def test_a_head_that_is_read_is_what_predicts(digits):
    _, test, _ = digits
    network = mlp(64, 20, 20, num_classes=10, examples=HybridImages(10), head=True, seed=1)
    found = predict.predictions(network, test)
    assert found.predicted.tolist() == network.predict(test.inputs).tolist()
    assert found.errors["error"] == found.errors["head_error"]


def test_the_worst_samples_are_those_with_the_least_probable_true_class(digits, found):
    _, test, _ = digits
    of_true = found.probabilities[np.arange(len(test)), found.true]
    assert found.worst.tolist() == np.argsort(of_true, kind="stable")[:25].tolist()
    assert torch.equal(found.worst_inputs, test.inputs[found.worst])
    alike = Data(torch.ones(40, 64), torch.zeros(40, dtype=torch.int64), tuple("0123456789"))
    network = mlp(64, 8, num_classes=10, seed=0)
    assert predict.predictions(network, alike, batch_size=7).worst.tolist() == list(range(25))


def test_the_measures_are_those_of_scikit_learn(found):
    measured = predict.quality(found)
    report = classification_report(found.true, found.predicted, output_dict=True)
    for each in measured["by_class"]:
        expected = report[each["class"]]
        assert each["f1"] == pytest.approx(expected["f1-score"])
        for name in ("precision", "recall", "support"):
            assert each[name] == pytest.approx(expected[name])
    assert measured["macro_average"]["f1"] == pytest.approx(report["macro avg"]["f1-score"])
    matrix = np.array(measured["confusion_matrix"])
    assert matrix[3, 5] == ((found.true == 3) & (found.predicted == 5)).sum()
    assert matrix.trace() / matrix.sum() == pytest.approx(1 - found.errors["error"] / 100)
    assert json.loads(json.dumps(measured)) == measured


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    # Sure of 0.9 and right of it half the time; sure of 0.6 and always right.
    probabilities = np.array([[0.9, 0.1]] * 6 + [[0.6, 0.4]] * 2)
    true = np.array([0, 0, 0, 1, 1, 1, 0, 0])
    found = predict.Predictions(
        {}, ("a", "b"), true, probabilities.argmax(1), probabilities, np.ones(8), None,
        np.array([3]), torch.zeros(1, 2),
    )  # fmt: skip
    calibration = predict.quality(found)["calibration"]
    assert calibration["expected_error"] == pytest.approx(0.75 * 0.4 + 0.25 * 0.4)
    assert [each["accuracy"] for each in calibration["bins"]] == [1.0, 0.5]
    assert [each["fraction"] for each in calibration["bins"]] == [0.25, 0.75]


def test_weights_count_in_every_measure(digits):
    _, test, network = digits
    weights = (torch.arange(len(test)) % 3).float()
    weighted = Data(test.inputs, test.labels, test.classes, weights=weights)
    measured = predict.quality(found := predict.predictions(network, weighted))
    matrix = np.array(measured["confusion_matrix"])
    assert matrix.sum() == pytest.approx(float(weights.sum()))
    assert 100 * (1 - matrix.trace() / matrix.sum()) == pytest.approx(found.errors["error"])


def test_a_class_without_samples_is_no_part_of_the_means(digits):
    _, test, network = digits
    few = test.subset(test.labels < 2)
    measured = predict.quality(found := predict.predictions(network, few))
    occur = set(found.true.tolist()) | set(found.predicted.tolist())
    assert len(occur) < 10
    recalls = [measured["by_class"][label]["recall"] for label in occur]
    assert measured["macro_average"]["recall"] == pytest.approx(np.mean(recalls))


def test_numbers_have_r2_and_residuals():
    data, network = regression()
    found = predict.predictions(network, data, data, batch_size=16)
    measured = predict.quality(found)
    truth = data.labels.numpy()
    assert measured["r2"] == pytest.approx(r2_score(truth, found.predicted), rel=1e-4)
    assert measured["mae"] == pytest.approx(abs(found.predicted - truth).mean(), rel=1e-4)
    rmse = root_mean_squared_error(truth, found.predicted)
    assert found.errors["rmse"] == pytest.approx(rmse, rel=1e-4)
    residuals = found.predicted - truth
    assert found.worst.tolist() == np.argsort(-abs(residuals), kind="stable")[:25].tolist()
    first = measured["worst"][0]
    assert first["residual"] == pytest.approx(residuals[first["index"]], rel=1e-5)
    assert list(found.columns()) == ["true", "predicted"]
    assert predict.quality(predict.predictions(network, data.first(1)))["r2"] is None


def test_data_of_another_kind_are_refused():
    data, network = regression(12)
    several = Network(Layer(torch.nn.Linear(4 + 4, 8)), examples=MultiLabel(2))
    with pytest.raises(ValueError, match="one label or number per sample, got one with MultiLabel"):
        predict.predictions(several, data)
    classes = Data(data.inputs, torch.arange(12) % 2, ("a", "b"))
    with pytest.raises(ValueError, match="the network predicts real-valued targets, got data with"):
        predict.predictions(network, classes)


def test_one_pass_networks_have_probabilities_too():
    layer = Layer(torch.nn.Linear(4, 8), goodness=LinearReadout(3, 8), loss=CrossEntropy())
    network = Network(layer, examples=NoLabel(3))
    data = Data(torch.rand(30, 4), torch.arange(30) % 3, ("a", "b", "c"))
    found = predict.predictions(network, data, data)
    np.testing.assert_allclose(found.probabilities.sum(1), 1, rtol=1e-5)
    assert found.columns()["true"].tolist()[:3] == ["a", "b", "c"]

"""The classifier whose layers answer for every class, on scikit-learn's small data sets."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from tests.sklearn.test_sklearn import SMALL, split

from forward_forward import readouts
from forward_forward.sklearn import FFClassifier

ONE_PASS = {"goodness": "LinearReadout", "loss": "CrossEntropy", "random_state": 0}


@pytest.mark.parametrize("readout", ["LinearReadout", "ChannelGroups", readouts.FixedReadout])
def test_in_one_pass_each_layer_answers_for_every_class(readout):
    x, test, y, truth = split(load_digits)
    classifier = FFClassifier(goodness=readout, loss="CrossEntropy", **SMALL).fit(x, y)
    assert classifier.network_.class_wise
    assert classifier.score(test, truth) > 0.93
    assert classifier.goodness_by_layer(test).shape == (2, len(test), 10)
    assert clone(classifier).goodness is readout
    assert (pickle.loads(pickle.dumps(classifier)).predict(test) == classifier.predict(test)).all()


def test_one_pass_has_one_class_per_sample():
    x, y = load_wine(return_X_y=True)
    several = np.stack([y == 0, y > 0], 1).astype(int)
    with pytest.raises(ValueError, match="answers for one class per sample"):
        FFClassifier(goodness="LinearReadout").fit(x, several)


def test_the_length_of_a_row_counts_in_one_pass():
    x, test, y, truth = split(load_iris)  # standardised rows of unit length tell fewer apart
    classifier = FFClassifier(**ONE_PASS).fit(x, y)
    assert classifier.network_.layers[0].normalize is None
    assert classifier.score(test, truth) > 0.9


@pytest.mark.parametrize(
    ("load", "hidden", "least"),
    [
        (load_digits, (16, 16), 0.91),
        (load_wine, (8,), 0.93),
        (load_breast_cancer, (32, 32, 32), 0.93),
    ],
)
def test_small_networks_learn_in_one_pass(load, hidden, least):
    x, test, y, truth = split(load)
    classifier = FFClassifier(hidden, **ONE_PASS, max_iter=100).fit(x, y)
    assert classifier.score(test, truth) > least
    best = max((classifier.goodness_by_layer(test).argmax(2) == truth).mean(1))
    assert classifier.score(test, truth) > best - 0.02


@pytest.mark.parametrize(
    ("given", "several", "expected"),
    [
        ({}, False, "LinearReadout, CrossEntropy"),
        ({}, True, "mean_square, SiluPair"),
        ({"loss": "SymBa"}, False, "mean_square, SymBa"),
        ({"loss": "CrossEntropy"}, False, "LinearReadout, CrossEntropy"),
        ({"goodness": "l2_norm"}, False, "PNorm, SiluPair"),
        ({"goodness": "ChannelGroups"}, False, "ChannelGroups, CrossEntropy"),
        ({"goodness": "l2_norm", "loss": "log_sigmoid"}, False, "PNorm, log_sigmoid"),
    ],
)
def test_goodness_and_loss_follow_each_other_and_the_labels(given, several, expected):
    x, y = load_wine(return_X_y=True)
    y = np.stack([y == 0, y > 0], 1).astype(int) if several else y
    layer = FFClassifier((6,), max_iter=1, **given).fit(x, y).network_.layers[0]
    parts = (repr(each).partition("(")[0] for each in (layer.goodness, layer.loss))
    assert ", ".join(parts) == expected


def test_layers_are_chosen_by_samples_that_were_held_out():
    x, y = load_digits(return_X_y=True)
    weak = {"hidden_layer_sizes": (16, 16), "goodness": "mean_square", "random_state": 0}
    chosen = FFClassifier(**weak, max_iter=10).fit(x, y)
    assert chosen.network_.readout == (0, 1)  # the second layer alone is much worse
    assert chosen.score(x, y) > FFClassifier(**weak, max_iter=10, readout=(1, 2)).fit(x, y).score(
        x, y
    )
    assert FFClassifier(**weak, max_iter=1, validation_fraction=0).fit(x, y).network_.readout == (
        0,
        2,
    )
    assert FFClassifier(**weak, max_iter=1, readout=None).fit(x, y).network_.readout == (0, 2)
    assert pickle.loads(pickle.dumps(chosen)).network_.readout == (0, 1)


def test_fewer_steps_are_larger():
    x, y = load_digits(return_X_y=True)
    rates = [
        FFClassifier((6,), max_iter=1, batch_size=size).fit(x, y)._current_trainer().settings["lr"]
        for size in (1617, 101)
    ]
    assert rates == [0.05, 0.05]
    many = FFClassifier((6,), max_iter=1, batch_size=4).fit(x, y)._current_trainer().settings["lr"]
    assert many == pytest.approx(0.5 / 405**0.5)


@pytest.mark.parametrize("readout", ["weighted", "logistic"])
def test_a_readout_is_fitted_to_the_samples_held_out(readout):
    X, y = load_iris(return_X_y=True)
    settings = {"max_iter": 5, "random_state": 0, "readout": readout}
    classifier = FFClassifier((20, 20), validation_fraction=0.4, **settings).fit(X, y)
    assert classifier.score(X, y) > 0.8
    network = classifier.network_
    plain = copy.deepcopy(network)
    plain.set_readout(None)
    rows = torch.rand(9, 4)
    assert not torch.allclose(network.goodness(rows), plain.goodness(rows), rtol=1e-3)
    with pytest.raises(ValueError, match="fitted to samples that `fit` holds out, and there are n"):
        FFClassifier((20,), validation_fraction=0, **settings).fit(X, y)
    with pytest.raises(ValueError, match="fitted to samples that `fit` holds out, and there are n"):
        FFClassifier((20,), **settings).partial_fit(X, y, classes=[0, 1, 2])

"""The classifier whose layers answer for every class, on scikit-learn's small data sets."""

import pickle

import numpy as np
import pytest
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

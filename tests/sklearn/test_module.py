"""Estimators with a torch module of one's own, and a device."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from torch import nn
from torch.nn import functional

from forward_forward.sklearn import FFClassifier

X, Y = load_digits(return_X_y=True)
NAMES = np.array([f"digit {k}" for k in range(10)])[Y]


class CNN(nn.Module):
    """A residual convolution between two others, for digits."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.first = nn.Conv2d(1, 10, 3, padding=1)
        self.second = nn.Conv2d(10, 10, 3, padding=1)
        self.end = nn.Linear(160, num_classes)

    def forward(self, x):
        x = functional.relu(self.first(x))
        return self.end(functional.max_pool2d(functional.relu(x + self.second(x)), 2).flatten(1))


def classifier(**options):
    options = {"max_iter": 6, "random_state": 0, "image_shape": (1, 8, 8), **options}
    return FFClassifier(module=CNN, **options)


def test_a_module_s_class_is_trained_and_pickled():
    fitted = classifier().fit(X[:1200], NAMES[:1200])
    assert fitted.score(X[1200:], NAMES[1200:]) > 0.85  # chance is 0.1
    assert fitted.n_layers_ == 2
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X[:50]), fitted.predict_proba(X[:50]))


def test_it_is_cloned_and_cross_validated():
    scores = cross_val_score(clone(classifier(max_iter=2)), X[:300], Y[:300], cv=2)
    assert scores.shape == (2,)
    assert not np.isnan(scores).any()


def test_a_module_is_copied_and_rows_need_no_shape():
    module = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    before = [each.clone() for each in module.parameters()]
    fitted = FFClassifier(module=module, max_iter=10, random_state=0).fit(X[:1200], Y[:1200])
    assert fitted.score(X[1200:], Y[1200:]) > 0.8
    for one, other in zip(before, module.parameters(), strict=True):
        assert torch.equal(one, other)


def test_its_goodness_is_that_of_its_layers():
    fitted = classifier(goodness="ChannelGroups", max_iter=1).fit(X[:100], Y[:100])
    assert type(fitted.network_.layers[0].goodness).__name__ == "ChannelGroups"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_shape": (1, 7, 8)}, "shape of a sample of 64 values, got"),
        ({"image_shape": None}, "or the shape of one sample: image_shape of an estimator"),
        ({"goodness": "mean_square"}, "module answers for one class per sample, in one pass"),
        ({"device": "nothing"}, "the device 'nothing' is not available"),
        ({"module": 3}, "'module' parameter of FFClassifier"),
    ],
)
def test_what_does_not_fit_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        classifier().set_params(**options).fit(X[:100], Y[:100])


def test_training_on_a_device_leaves_the_network_where_predictions_are_made():
    fitted = FFClassifier((16,), max_iter=2, device="cpu").fit(X[:200], Y[:200])
    assert str(fitted.network_.device) == "cpu"

"""The network inside an estimator: changed, pickled, seeded."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine

from forward_forward.forward import UnitLength
from forward_forward.sklearn import FFClassifier, FFDetector, FFTransformer

SMALL = {"hidden_layer_sizes": (10,), "max_iter": 2, "random_state": 0}


@pytest.fixture(scope="module")
def wine():
    return load_wine(return_X_y=True)


@pytest.mark.parametrize(
    ("estimator", "answers"),
    [
        (FFClassifier, "predict_proba"),
        (FFClassifier, "goodness_by_layer"),
        (FFTransformer, "transform"),
        (FFDetector, "score_samples"),
    ],
)
def test_a_network_that_was_changed_after_fitting_changes_the_answers(estimator, answers, wine):
    x, y = wine
    fitted = estimator(**SMALL).fit(x, y)
    before = getattr(fitted, answers)(x)
    with torch.no_grad():
        fitted.network_.layers[0].block.weight.neg_()
    assert not np.allclose(getattr(fitted, answers)(x), before)


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer.block.weight.data.neg_(),
        lambda layer: setattr(layer.block, "weight", torch.nn.Parameter(-layer.block.weight)),
        lambda layer: setattr(layer, "activation", torch.nn.Tanh()),
        lambda layer: setattr(layer, "normalize", UnitLength()),
        lambda layer: layer.goodness.weight.data.neg_(),
    ],
)
def test_every_kind_of_change_to_a_network_changes_its_predictions(change, wine):
    x, y = wine
    fitted = FFClassifier(**SMALL).fit(x, y)
    before = fitted.goodness_by_layer(x)
    assert np.array_equal(fitted.goodness_by_layer(x), before)
    change(fitted.network_.layers[0])
    changed = fitted.goodness_by_layer(x)
    assert not np.allclose(changed, before)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).goodness_by_layer(x), changed)


def test_a_pickled_estimator_predicts_and_trains_on_like_the_original(wine):
    x, y = wine
    kept = FFClassifier(**SMALL).partial_fit(x, y, classes=[0, 1, 2])
    copy = pickle.loads(pickle.dumps(kept))
    assert np.array_equal(copy.predict_proba(x), kept.predict_proba(x))
    for each in (kept, copy):
        each.partial_fit(x, y)
    assert np.array_equal(copy.predict_proba(x), kept.predict_proba(x))
    assert copy.n_iter_ == 2


def test_the_seed_decides_and_torchs_own_state_is_left_alone(wine):
    x, y = wine
    state = torch.get_rng_state()
    first, second, other = (
        FFClassifier(**{**SMALL, "random_state": seed}).fit(x, y).predict_proba(x)
        for seed in (0, 0, 1)
    )
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)

"""FFRegressor on generated sets: errors, weights, early stopping, continued training, refusals."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from forward_forward.sklearn import FFRegressor

SMALL = {"hidden_layer_sizes": (40, 40), "max_iter": 30, "random_state": 0}


def split(count=800):
    return train_test_split(*make_friedman1(count, noise=1.0, random_state=0), random_state=0)


def rmse(model, x, y):
    return float(np.sqrt(np.mean((model.predict(x) - y) ** 2)))


def test_it_is_better_than_a_linear_model_on_a_curved_target():
    x, test, y, truth = split()
    regressor = FFRegressor(**{**SMALL, "max_iter": 100}).fit(x, y)
    assert rmse(regressor, test, truth) < 0.8 * rmse(LinearRegression().fit(x, y), test, truth)
    assert regressor.bins_ == regressor.network_.examples
    assert len(regressor.loss_curve_) == regressor.n_iter_ == 100


def test_it_learns_from_few_noisy_samples():
    x, test, y, truth = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
    linear = rmse(LinearRegression().fit(x, y), test, truth)
    assert rmse(FFRegressor(random_state=0).fit(x, y), test, truth) < 1.15 * linear


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_units_of_the_target_do_not_matter(scale):
    x, test, y, _ = split(200)
    plain, scaled = FFRegressor(**SMALL).fit(x, y), FFRegressor(**SMALL).fit(x, scale * y - scale)
    np.testing.assert_allclose(scaled.predict(test) / scale + 1, plain.predict(test), rtol=1e-3)


def test_samples_of_weight_zero_do_not_count():
    x, test, y, _ = split(200)
    weight = (np.arange(len(y)) % 2).astype(float)
    found = FFRegressor(**SMALL).fit(x, np.where(weight > 0, y, 1e9), weight).predict(test)
    wanted = FFRegressor(**SMALL).fit(x[1::2], y[1::2]).predict(test)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_weights_pull_predictions():
    x = np.tile([[-1.0], [1.0]], (100, 1))  # it says nothing about the target
    y = np.repeat([0.0, 1.0], 100)
    regressor = FFRegressor(**SMALL).fit(x, y, np.where(y > 0, 9.0, 1.0))
    assert regressor.predict(x[:2]) == pytest.approx(0.9, abs=0.03)


def test_early_stopping_keeps_the_best_weights():
    x, _, y, _ = split(300)
    settings = {**SMALL, "max_iter": 200, "batch_size": 20, "learning_rate": "constant"}
    regressor = FFRegressor(**settings, early_stopping=True, n_iter_no_change=3).fit(x, y)
    scores = regressor.validation_scores_
    assert len(scores) == regressor.n_iter_ < 200
    assert regressor.best_validation_score_ == max(scores) > 0.5


def test_training_continues_with_warm_start_and_partial_fit():
    x, _, y, _ = split(300)
    regressor = FFRegressor(**{**SMALL, "max_iter": 5}, warm_start=True).fit(x, y)
    before, bins = rmse(regressor, x, y), regressor.bins_
    regressor.fit(x, y + 1)
    assert regressor.n_iter_ == 10
    assert regressor.bins_ == bins
    parts = FFRegressor(**SMALL)
    for _ in range(10):
        parts.partial_fit(x, y)
    assert parts.n_iter_ == 10
    assert rmse(parts, x, y) < before


def test_copies_predict_the_same():
    x, test, y, _ = split(200)
    regressor = FFRegressor(**SMALL, spread=0.5).fit(x, y)
    assert "threshold" not in regressor.get_params()
    assert clone(regressor).spread == 0.5
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(regressor)).predict(test), regressor.predict(test)
    )


def test_a_constant_target_is_predicted():
    x, test, _, _ = split(100)
    assert FFRegressor(**SMALL).fit(x, np.full(len(x), 7.0)).predict(test) == pytest.approx(
        7.0, abs=0.2
    )


def test_what_it_cannot_do_is_refused():
    x, _, y, _ = split(100)
    with pytest.raises(ValueError, match=r"one target per sample .*MultiOutputRegressor"):
        FFRegressor().fit(x, np.stack([y, y], 1))
    with pytest.raises(ValueError, match="goodness for every bin"):
        FFRegressor(goodness="mean_square").fit(x, y)
    with pytest.raises(ValueError, match=r"soft targets, which SymBa.* does not take"):
        FFRegressor(loss="SymBa").fit(x, y)
    with pytest.raises(ValueError, match=r"validation_fraction=0\.01 of 75 samples"):
        FFRegressor(early_stopping=True, validation_fraction=0.01).fit(x, y)
    regressor = FFRegressor(**SMALL).fit(x, y).set_params(spread=2.0)
    with pytest.raises(ValueError, match=r"network with spread=1\.0, got 2\.0"):
        regressor.partial_fit(x, y)

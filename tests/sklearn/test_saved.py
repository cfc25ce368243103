"""Estimators written by skops, without pickle, and by earlier versions' pickles."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.sklearn.test_module import CNN
from torch import nn

from forward_forward.optimize.state import state_of
from forward_forward.sklearn import (
    TRUSTED,
    FFClassifier,
    FFDetector,
    FFRegressor,
    FFTransformer,
)

io = pytest.importorskip("skops.io")

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 2, "random_state": 0}
FRAME = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical(np.array(["x", "y"])[Y // 2])})

FITTED = {
    "classifier": lambda: FFClassifier(**SMALL).fit(X, NAMES),
    "two passes": lambda: FFClassifier(**SMALL, goodness="mean_square").fit(X, Y),
    "pipeline": lambda: make_pipeline(StandardScaler(), FFClassifier(**SMALL)).fit(X, NAMES),
    "regressor": lambda: FFRegressor(**SMALL).fit(X, X[:, 0]),
    "transformer": lambda: FFTransformer(**SMALL).fit(X),
    "detector": lambda: FFDetector(**SMALL, contamination=0.1).fit(X),
}
LOAD = """
import sys
import numpy as np, skops.io
from forward_forward.sklearn import TRUSTED
for path in sys.argv[1:]:
    loaded = skops.io.load(path, trusted=TRUSTED)
    answer = getattr(loaded, "predict_proba", None) or getattr(loaded, "transform", None)
    np.save(path + ".npy", (answer or loaded.predict)(np.load("rows.npy")))
"""


def answers(fitted, rows=X):
    for name in ("predict_proba", "transform", "predict"):
        if hasattr(fitted, name):
            return getattr(fitted, name)(rows)
    raise AssertionError(fitted)


def test_a_new_process_gives_the_same_answers(tmp_path):
    made = {name: make() for name, make in FITTED.items()}
    np.save(tmp_path / "rows.npy", X)
    for name, fitted in made.items():
        io.dump(fitted, tmp_path / f"{name}.skops")
        assert set(io.get_untrusted_types(file=tmp_path / f"{name}.skops")) <= set(TRUSTED)
    paths = [f"{name}.skops" for name in made]
    subprocess.run([sys.executable, "-c", LOAD, *paths], cwd=tmp_path, check=True)
    for name, fitted in made.items():
        assert np.array_equal(np.load(tmp_path / f"{name}.skops.npy"), answers(fitted)), name


def test_a_loaded_estimator_trains_on_like_the_original():
    fitted = FFClassifier(**SMALL).partial_fit(X, NAMES, classes=NAMES)
    loaded = io.loads(io.dumps(fitted), trusted=TRUSTED)
    for each in (fitted, loaded):
        each.partial_fit(X, NAMES)
    assert np.array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert loaded.network_.outside == fitted.network_.outside is not None


def test_categories_of_a_frame_are_kept():
    fitted = FFClassifier(**SMALL).fit(FRAME, NAMES)
    loaded = io.loads(io.dumps(fitted), trusted=TRUSTED)
    rows = FRAME.assign(b=["x", None, "z"] * 50)
    assert np.array_equal(loaded.predict_proba(rows), fitted.predict_proba(rows))


def test_the_class_of_a_module_is_one_more_type_to_trust():
    pictures = np.random.default_rng(0).random((40, 64))
    fitted = FFClassifier(module=CNN, image_shape=(1, 8, 8), max_iter=1, random_state=0)
    data = io.dumps(fitted.fit(pictures, np.arange(40) % 2))
    own = f"{CNN.__module__}.CNN"
    assert set(io.get_untrusted_types(data=data)) - set(TRUSTED) == {own}
    loaded = io.loads(data, trusted=[*TRUSTED, own])
    assert np.array_equal(loaded.predict_proba(pictures), fitted.predict_proba(pictures))


def earlier_state(fitted) -> dict:
    """An estimator's state as pickles held it before it was plain values."""
    state = {**vars(fitted), "_trainer_state": state_of(fitted._trainer)}
    for name in ("_copy", "_trainer", "_trainer_settings"):
        del state[name]
    return state


@pytest.mark.parametrize("means", [False, True])
def test_an_earlier_pickle_predicts_and_trains_on(means):
    fitted = FFClassifier(**SMALL).partial_fit(X, NAMES, classes=NAMES)
    state = pickle.loads(pickle.dumps(earlier_state(fitted)))
    if means:  # what was in the place of features that may be missing
        state["_means"] = state.pop("_inputs_of").means
    loaded = FFClassifier.__new__(FFClassifier)
    loaded.__setstate__(state)
    assert np.array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    for each in (fitted, loaded):
        each.partial_fit(X, NAMES)
    assert np.array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


def test_a_pickle_that_lacks_what_layers_have_now_says_so():
    state = earlier_state(FFClassifier(**SMALL).fit(X, NAMES))
    del state["network_"].layers[0].residual
    with pytest.raises(ValueError, match=r"a pickle of an earlier one .*'residual'\): fit it ag"):
        FFClassifier.__new__(FFClassifier).__setstate__(state)


class Bent(nn.Module):
    """An activation of a user's own."""

    def forward(self, x):
        return x.clamp_min(0) ** 1.5


def test_code_of_your_own_is_pickled_as_it_is():
    fitted = FFClassifier(**SMALL, activation=Bent).fit(X, NAMES)
    again = pickle.loads(pickle.dumps(fitted))
    assert isinstance(again.network_.layers[0].activation, Bent)
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))

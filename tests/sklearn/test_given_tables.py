"""What a user gives the estimators: sparse matrices, frames with gaps, labels of any kind."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from forward_forward.sklearn import FFClassifier, FFDetector, FFRegressor, FFTransformer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
GAPS = np.where(RNG.random(X.shape) < 0.1, np.nan, X)


def classifier(**settings) -> FFClassifier:
    return FFClassifier((20,), **{"max_iter": 8, "random_state": 0, **settings})


def test_sparse_matrices_are_read_as_dense_ones():
    sparse = np.where(np.abs(X) < 1, 0, X)
    fitted = classifier().fit(sparse, Y)
    for kind in (sp.csr_matrix, sp.csr_array, sp.csc_array, sp.coo_array):
        assert np.array_equal(fitted.predict(kind(sparse)), fitted.predict(sparse))
        again = classifier().fit(kind(sparse), Y)
        assert np.array_equal(again.predict_proba(sparse), fitted.predict_proba(sparse))
    for made in (FFRegressor((5,), max_iter=1), FFTransformer((5,), max_iter=1)):
        made.fit(sp.csr_array(sparse), Y)
    detector = FFDetector((5,), max_iter=1).fit(sp.csr_array(sparse))
    assert np.isfinite(detector.score_samples(sp.csr_array(sparse))).all()


def test_it_follows_an_encoder_whose_columns_are_sparse():
    frame = pd.DataFrame({"colour": np.array(["red", "blue"])[Y], "size": ["s", "l"] * 100})
    fitted = make_pipeline(OneHotEncoder(), classifier()).fit(frame, Y)
    assert fitted.score(frame, Y) == 1


@pytest.mark.parametrize("kind", [FFClassifier, FFRegressor])
def test_missing_values_are_filled_and_marked(kind):
    made = kind((30,), max_iter=80, random_state=0)
    assert made.__sklearn_tags__().input_tags.allow_nan
    fitted = made.fit(GAPS, Y)
    assert fitted.score(GAPS, Y) > 0.7
    assert fitted.n_features_in_ == 4
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict(GAPS), fitted.predict(GAPS))
    # That a value is missing tells as much as a value does.
    told = np.where(Y[:, None] == 1, [[np.nan, 0, 0, 0]], X)
    assert made.fit(told, Y).score(told, Y) > 0.9
    assert np.isfinite(made.fit(X, Y).predict(GAPS)).all()
    with pytest.raises(ValueError, match="infinity"):
        made.fit(np.where(np.isnan(GAPS), np.inf, X), Y)


def test_without_labels_missing_values_are_refused():
    for made in (FFTransformer((5,)), FFDetector((5,))):
        assert not made.__sklearn_tags__().input_tags.allow_nan
        with pytest.raises(ValueError, match="contains NaN"):
            made.fit(GAPS)


def test_categories_of_a_frame_become_columns_as_in_training():
    colour = pd.Categorical(
        np.array(["red", "green", "blue", None], dtype=object)[np.arange(200) % 4]
    )
    frame = pd.DataFrame({"colour": colour, "size": X[:, 0], "count": pd.array([1] * 200, "Int64")})
    labels = np.where(frame.colour.isin(["red", "blue"]), "hot", "cold")
    fitted = classifier(max_iter=20).fit(frame, labels)
    assert fitted.score(frame, labels) == 1
    assert list(fitted.feature_names_in_) == ["colour", "size", "count"]
    plain = frame.assign(colour=frame.colour.astype(object))
    reordered = frame.assign(colour=frame.colour.cat.reorder_categories(["red", "green", "blue"]))
    for other in (plain, reordered):
        assert np.array_equal(fitted.predict(other), fitted.predict(frame))
    unknown = fitted.predict_proba(frame.assign(colour="purple"))
    missing = fitted.predict_proba(frame.assign(colour=None))
    assert np.array_equal(unknown, missing)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame[["colour"]])


@pytest.mark.parametrize("kind", ["Int64", "UInt8", "int64[pyarrow]", "boolean", "category"])
def test_labels_of_pandas_keep_their_type(kind):
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    fitted = classifier(max_iter=1).fit(
        X, pd.Series(Y == 1 if kind == "boolean" else Y).astype(kind)
    )
    wanted = "b" if kind == "boolean" else "iu"
    assert fitted.classes_.dtype.kind in wanted
    assert fitted.predict(X).dtype.kind in wanted


@pytest.mark.parametrize("row", [0, 5])
@pytest.mark.parametrize("odd", [None, 7])
@pytest.mark.parametrize("as_list", [False, True])
def test_labels_of_several_types_are_named(row, odd, as_list):
    labels = [odd if k == row else "abc"[k % 3] for k in range(len(X))]
    with pytest.raises(ValueError, match=rf"expected labels of one type, got .*{odd}"):
        classifier().fit(X, labels if as_list else np.array(labels, dtype=object))


def test_a_list_of_numbers_may_mix_their_types():
    assert classifier(max_iter=1).fit(X, [0, 1.0] * 100).classes_.tolist() == [0, 1]


def test_a_class_that_is_new_to_a_warm_start_is_named():
    for labels in (np.arange(200) % 3, np.array(["cat", "dog", "emu"])[np.arange(200) % 3]):
        few = labels != labels[2]
        fitted = classifier(max_iter=1, warm_start=True).fit(X[few], labels[few])
        with pytest.raises(ValueError, match=r"warm_start .*got ('emu'|2): set") as refused:
            fitted.fit(X, labels)
        assert "np." not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.date_range("2020-01-01", periods=40), "got dates or times in column 'b': use numbers"),
        (["u", "v"] * 20, r"got text in column 'b': use X\['b'\]\.astype\('category'\)"),
    ],
)
@pytest.mark.parametrize("kind", [FFClassifier, FFRegressor])
def test_a_column_of_a_frame_that_holds_no_numbers_is_named(kind, values, message):
    frame = pd.DataFrame({"a": np.arange(40.0), "b": values})
    with pytest.raises(ValueError, match=message):
        kind(max_iter=1).fit(frame, [0, 1] * 20)

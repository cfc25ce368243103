"""Without labels: features for a linear model, and the detection of outliers."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from forward_forward.examples import HybridImages, HybridRows
from forward_forward.sklearn import FFDetector, FFTransformer


def features(**settings):
    return FFTransformer((100, 100), random_state=0, **settings)


def read(transformer, x, test, y, truth) -> float:
    """Accuracy of a linear model on the features."""
    model = make_pipeline(transformer, LogisticRegression(max_iter=2000, C=10.0))
    return model.fit(x, y).score(test, truth)


@pytest.mark.slow
def test_features_learned_without_labels_are_better_than_random_ones():
    x, y = load_digits(return_X_y=True)
    split = train_test_split(x, y, train_size=400, random_state=0, stratify=y)
    plain = {"standardize": False}
    untrained = read(features(max_iter=1, learning_rate_init=1e-12, **plain), *split)
    rows = read(features(max_iter=25, **plain), *split)
    pictures = read(features(max_iter=25, image_shape=(8, 8), **plain), *split)
    assert min(rows, pictures) > untrained + 0.005, (rows, pictures, untrained)


@pytest.mark.parametrize("rows", [33, 65, 129])
def test_an_epoch_may_end_with_a_single_sample(rows):
    x = np.random.default_rng(0).normal(size=(rows, 4))
    assert FFTransformer((5,), max_iter=1).fit_transform(x).shape == (rows, 5)
    assert FFDetector((5,), max_iter=1).fit(x).predict(x).shape == (rows,)


def test_features_have_names_and_come_as_frames():
    x, _ = load_wine(return_X_y=True, as_frame=True)
    transformer = FFTransformer((30, 4), max_iter=2, random_state=0).set_output(transform="pandas")
    made = transformer.fit_transform(x)
    assert made.columns.tolist() == [f"fftransformer{k}" for k in range(34)]
    assert np.allclose((made.iloc[:, :30] ** 2).mean(axis=1), 1)
    assert isinstance(transformer.network_.examples, HybridRows)


def test_pictures_get_hybrids_of_regions_and_other_shapes_are_refused():
    x, _ = load_digits(return_X_y=True)
    made = FFTransformer((5,), max_iter=1, image_shape=(1, 8, 8), random_state=0).fit(x[:50])
    assert isinstance(made.network_.examples, HybridImages)
    with pytest.raises(ValueError, match=r"image_shape expects .* of 64 values, got \(8, 9\)"):
        FFTransformer(image_shape=(8, 9)).fit(x[:50])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "usual", "least"),
    [(load_breast_cancer, 1, 0.88), (load_wine, 0, 0.97), (load_digits, 3, 0.95)],
)
def test_outliers_are_detected_about_as_well_as_by_an_isolation_forest(load, usual, least):
    x, y = load(return_X_y=True)
    train, rest = train_test_split(x[y == usual], train_size=0.7, random_state=0)
    rows = np.concatenate([rest, x[y != usual]])
    strange = np.r_[np.zeros(len(rest)), np.ones(len(rows) - len(rest))]
    detector = FFDetector((100, 100), max_iter=25, random_state=0).fit(train)
    other = IsolationForest(random_state=0).fit(train)
    ours = roc_auc_score(strange, -detector.score_samples(rows))
    theirs = roc_auc_score(strange, -other.score_samples(rows))
    assert ours > max(least, theirs - 0.06), (ours, theirs)


def test_contamination_is_the_fraction_of_training_samples_that_are_outliers():
    x, _ = load_wine(return_X_y=True)
    detector = FFDetector((30,), max_iter=5, contamination=0.1, random_state=0)
    assert (detector.fit_predict(x) == -1).mean() == pytest.approx(0.1, abs=0.01)
    assert ((detector.decision_function(x) < 0) == (detector.predict(x) == -1)).all()
    with pytest.raises(ValueError, match=r"'contamination' parameter .* in the range"):
        FFDetector(contamination=0.7).fit(x)

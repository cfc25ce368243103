"""The classifier as scikit-learn's users use it: labels, probabilities, weights, tools."""

import warnings

import numpy as np
import pandas
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_multilabel_classification,
)
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from forward_forward import goodness
from forward_forward.optimize import Diverged
from forward_forward.sklearn import FFClassifier

SMALL = {"hidden_layer_sizes": (50, 50), "max_iter": 20, "random_state": 0}


def split(load=load_wine, names=None, **options):
    x, y = load(return_X_y=True)
    y = y if names is None else np.asarray(names)[y]
    return train_test_split(x, y, test_size=0.3, random_state=0, stratify=y, **options)


def test_text_labels_come_back_and_probabilities_are_of_the_labels_in_order():
    x, test, y, truth = split(names=["red", "blue", "white"])
    classifier = FFClassifier(**SMALL).fit(x, y)
    assert classifier.classes_.tolist() == ["blue", "red", "white"]
    predicted, probability = classifier.predict(test), classifier.predict_proba(test)
    assert (predicted == truth).mean() > 0.9
    assert np.allclose(probability.sum(1), 1)
    assert (probability >= 0).all()
    assert (classifier.classes_[probability.argmax(1)] == predicted).all()
    assert (classifier.classes_[classifier.decision_function(test).argmax(1)] == predicted).all()
    assert np.allclose(np.exp(classifier.predict_log_proba(test)), probability)
    assert classifier.score(test, truth) == (predicted == truth).mean()
    assert classifier.goodness_by_layer(test).shape == (2, len(test), 3)
    first, stop = classifier.network_.readout
    read = classifier.goodness_by_layer(test)[first:stop].sum(0)
    assert np.allclose(read, classifier.decision_function(test))


@pytest.mark.slow
@pytest.mark.parametrize("load", [load_digits, load_breast_cancer])
def test_probabilities_are_calibrated(load):
    x, test, y, truth = split(load)
    classifier = FFClassifier(random_state=0).fit(x, y)
    assert log_loss(truth, classifier.predict_proba(test)) < 0.15
    confidence = classifier.predict_proba(test).max(1).mean()
    assert confidence == pytest.approx(classifier.score(test, truth), abs=0.03)


@pytest.mark.slow
def test_without_samples_held_out_probabilities_are_too_confident():
    x, test, y, truth = split(load_breast_cancer)
    held_out, overconfident = (
        FFClassifier(random_state=0, validation_fraction=f).fit(x, y) for f in (0.1, 0.0)
    )
    assert held_out.temperature_ > overconfident.temperature_
    losses = [log_loss(truth, each.predict_proba(test)) for each in (held_out, overconfident)]
    assert losses[0] < losses[1]


def test_two_classes_have_one_decision():
    x, test, y, truth = split(load_breast_cancer)
    classifier = FFClassifier(**SMALL).fit(x, y)
    decision = classifier.decision_function(test)
    assert decision.shape == (len(test),)
    assert ((decision > 0) == classifier.predict(test)).all()
    assert classifier.score(test, truth) > 0.93


@pytest.mark.slow
def test_there_may_be_more_classes_than_features():
    x, test, y, truth = split(load_digits)
    four = make_pipeline(PCA(4), StandardScaler()).fit(x)
    classifier = FFClassifier(random_state=0).fit(four.transform(x), y)
    score = classifier.score(four.transform(test), truth)
    linear = LogisticRegression(max_iter=1000).fit(four.transform(x), y)
    assert score > linear.score(four.transform(test), truth) - 0.01


@pytest.mark.slow
def test_several_labels_a_sample():
    x, y = load_digits(return_X_y=True)
    traits = np.stack([y % 2, y > 4, np.isin(y, [0, 6, 8, 9])], 1).astype(int)
    x, test, traits, truth = train_test_split(x, traits, train_size=700, random_state=0)
    classifier = FFClassifier(**SMALL).fit(x, traits)
    predicted, probability = classifier.predict(test), classifier.predict_proba(test)
    assert (
        predicted.shape
        == probability.shape
        == classifier.decision_function(test).shape
        == truth.shape
    )
    assert ((probability > 0.5) == predicted).all()
    assert ((classifier.decision_function(test) > 0) == predicted).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it does not converge in so few epochs; nor do we
        other = MLPClassifier((50,), max_iter=20, random_state=0).fit(x / 16, traits)
    assert (predicted == truth).mean() > (other.predict(test / 16) == truth).mean() - 0.01


@pytest.mark.slow
def test_frames_pipelines_and_searches_over_losses_and_goodness():
    frame = load_iris(as_frame=True).frame
    x, y = frame.drop(columns="target"), frame["target"].map({0: "a", 1: "b", 2: "c"})
    classifier = FFClassifier(**SMALL).fit(x, y)
    assert classifier.feature_names_in_.tolist() == x.columns.tolist()
    assert classifier.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(x.rename(columns={x.columns[0]: "other"}))
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), FFClassifier((30,), max_iter=20, random_state=0)),
        {
            "ffclassifier__loss": ["SymBa(alpha=4)", "log_sigmoid"],
            "ffclassifier__goodness": ["l2_norm", goodness.PNorm(p=3)],
        },
        cv=3,
    ).fit(x, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ > 0.8
    assert cross_val_score(clone(classifier), x, y, cv=3).mean() > 0.9
    made = pandas.DataFrame(classifier.predict_proba(x), columns=classifier.classes_)
    assert made.shape == (150, 3)


def test_partial_fit_learns_batch_by_batch():
    x, test, y, truth = split()
    classifier = FFClassifier((50, 50), random_state=0)
    with pytest.raises(ValueError, match="expects classes="):
        classifier.partial_fit(x, y)
    for _ in range(10):
        for rows in np.array_split(np.arange(len(x)), 3):
            classifier.partial_fit(x[rows], y[rows], classes=[0, 1, 2])
    assert classifier.score(test, truth) > 0.9
    assert classifier.n_iter_ == 30
    with pytest.raises(ValueError, match="of the first call"):
        classifier.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match="expected labels among"):
        classifier.partial_fit(x, y + 1)


def test_a_warm_start_continues_and_a_cold_one_starts_again():
    x, _, y, _ = split()
    warm = FFClassifier((30,), max_iter=3, warm_start=True, random_state=0)
    first = warm.fit(x, y).loss_curve_[-1]
    warm.fit(x, y)
    assert warm.n_iter_ == 6
    assert warm.loss_curve_[-1] < first
    cold = FFClassifier((30,), max_iter=3, random_state=0).fit(x, y)
    assert cold.fit(x, y).n_iter_ == 3
    assert cold.loss_curve_[-1] == first


def test_a_warm_start_takes_new_rates_and_refuses_another_network():
    x, _, y, _ = split()
    warm = FFClassifier((30,), max_iter=2, warm_start=True, random_state=0).fit(x, y)
    before = warm.network_.layers[0].block.weight.clone()
    warm.set_params(learning_rate_init=1e-12).fit(x, y)
    assert torch.allclose(before, warm.network_.layers[0].block.weight, atol=1e-8)
    warm.set_params(hidden_layer_sizes=(50, 50))
    with pytest.raises(ValueError, match=r"a network with hidden_layer_sizes=\(30,\), got"):
        warm.fit(x, y)
    with pytest.raises(ValueError, match="partial_fit continues training a network with"):
        warm.partial_fit(x, y)
    assert warm.set_params(warm_start=False).fit(x, y).n_layers_ == 2
    sizes = FFClassifier(np.array([9, 9]), max_iter=1, warm_start=True).fit(x, y)
    sizes.set_params(hidden_layer_sizes=np.array([9, 9])).fit(x, y)


def test_large_features_that_differ_little_are_distinguished():
    x, y = load_iris(return_X_y=True)
    assert FFClassifier(**SMALL).fit(x + 1e8, y).score(x + 1e8, y) > 0.9


def test_early_stopping_keeps_the_best_weights():
    x, _, y, _ = split(load_digits)
    settings = {**SMALL, "hidden_layer_sizes": (20,), "max_iter": 60, "learning_rate": "constant"}
    classifier = FFClassifier(**settings, early_stopping=True, n_iter_no_change=3).fit(x, y)
    scores = classifier.validation_scores_
    assert len(scores) == classifier.n_iter_ < 60
    assert classifier.best_validation_score_ == max(scores)
    assert scores[-1] <= max(scores[:-3]) + classifier.tol


@pytest.mark.slow
def test_weights_of_classes_and_samples_count():
    x, y = load_breast_cancer(return_X_y=True)
    x, y = x[:200, :2], y[:200]  # hard enough for the weights to matter
    small = {**SMALL, "max_iter": 10}
    plain, heavy = (FFClassifier(**small, class_weight=each) for each in (None, {0: 8, 1: 1}))
    predicted = [(each.fit(x, y).predict(x) == 0).mean() for each in (plain, heavy)]
    assert predicted[1] > predicted[0] + 0.05
    weight = np.where(y == 0, 8.0, 1.0)
    same = FFClassifier(**small).fit(x, y, sample_weight=weight)
    assert np.array_equal(same.predict_proba(x), heavy.predict_proba(x))
    odd = np.r_[x, [[1e6, -1e6]] * 5], np.r_[y, [0] * 5]
    none = FFClassifier(**small, validation_fraction=0)
    ignored = clone(none).fit(*odd, sample_weight=np.r_[np.ones(len(y)), np.zeros(5)])
    assert np.array_equal(ignored.predict(x), none.fit(x, y, np.ones(len(y))).predict(x))
    with pytest.raises(ValueError, match=r"non-zero|only zeros"):
        none.fit(x, y, np.zeros(len(y)))


def test_verbose_prints_each_epoch(capsys):
    x, _, y, _ = split()
    FFClassifier((10,), max_iter=2, verbose=True).fit(x, y)
    assert [line[:12] for line in capsys.readouterr().out.splitlines()] == [
        "Iteration 1,",
        "Iteration 2,",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"solver": "lbfgs"}, "'solver' parameter .*'averaged_sgd'.* Got 'lbfgs' instead"),
        ({"activation": "rely"}, "'activation' parameter .*'relu'.* Got 'rely'"),
        ({"learning_rate": "adaptive"}, "'learning_rate' parameter .*'constant'"),
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes expects a whole number of units"),
        ({"max_iter": 0}, r"'max_iter' parameter .* in the range \[1, inf\). Got 0 instead"),
        ({"max_iter": 2.5}, "'max_iter' parameter of FFClassifier must be an int .* Got 2.5"),
        ({"alpha": -1}, "'alpha' parameter .* Got -1"),
        ({"alpha": "x"}, "'alpha' parameter .* must be a float .* Got 'x'"),
        ({"dropout": 1.5}, "'dropout' parameter .* Got 1.5"),
        ({"batch_size": 0}, "'batch_size' parameter .*'auto'.* Got 0"),
        ({"negatives": "foo"}, "unknown name 'foo'"),
        ({"early_stopping": True, "validation_fraction": 0.0}, "validation samples of every class"),
        ({"loss": "SymBe"}, "did you mean 'SymBa'"),
        ({"loss": "SymBa(alpha=-1)"}, "alpha expects a number above 0, got -1"),
        ({"hidden_layer_sizes": (3.7,)}, "hidden_layer_sizes expects a whole number of units"),
        ({"hidden_layer_sizes": [[10]]}, "hidden_layer_sizes expects a whole number of units"),
        ({"class_weight": {0: 1, 1: 1, 2: -1}}, "class_weight expects weights of 0 or more"),
        ({"validation_fraction": 1.0}, "'validation_fraction' parameter .* Got 1.0"),
        ({"goodness": "os:system"}, "code of your own"),
    ],
)
def test_parameters_out_of_range_are_refused(settings, message):
    x, _, y, _ = split()
    with pytest.raises(ValueError, match=message):
        FFClassifier(**settings).fit(x, y)


def test_labels_may_be_sparse_and_those_of_another_kind_are_refused():
    x, y = make_multilabel_classification(80, 6, n_classes=3, random_state=0)
    classifier = FFClassifier((10,), max_iter=2, warm_start=True, random_state=0)
    dense = classifier.fit(x, y).predict(x)
    assert (clone(classifier).fit(x, csr_matrix(y)).predict(x) == dense).all()
    for again in (classifier.fit, classifier.partial_fit):
        with pytest.raises(ValueError, match="expected several labels per sample, as"):
            again(x, y.argmax(1))
    with pytest.raises(ValueError, match=r"\[n, labels\] of 0 and 1, got \[80, 3\] of multiclass"):
        FFClassifier().fit(x, y + np.arange(3))


def test_samples_of_weight_zero_are_ignored():
    x, _, y, _ = split()
    weight = np.zeros(len(y))
    weight[:24] = 1
    classifier = FFClassifier((10,), max_iter=3, random_state=0).fit(x, y, sample_weight=weight)
    alone = clone(classifier).fit(x[:24], y[:24], sample_weight=weight[:24])
    assert np.allclose(classifier.predict_proba(x), alone.predict_proba(x), atol=1e-5)


def test_partial_fit_refuses_balanced_class_weights():
    x, _, y, _ = split()
    with pytest.raises(ValueError, match=r"balanced.* needs all samples at once, but partial_fit"):
        FFClassifier(class_weight="balanced").partial_fit(x, y, classes=np.unique(y))


def test_a_loss_that_is_not_finite_is_reported():
    x, _, y, _ = split()
    with pytest.raises(Diverged, match="lower learning_rate_init"):
        FFClassifier(solver="sgd", learning_rate_init=1e30, max_iter=5, standardize=False).fit(
            x * 1e9, y
        )

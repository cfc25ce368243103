"""X [n, features] and labels [n], or [n, labels] of 0 and 1 -> a classifier that reads goodness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from forward_forward.data import Data
from forward_forward.examples import AppendLabel, MultiLabel, negatives
from forward_forward.optimize import constant
from forward_forward.recipes.standard import strength_for
from forward_forward.sklearn.calibration import temperature
from forward_forward.sklearn.estimator import Array, Estimator, Judge, exact, samples
from forward_forward.sklearn.parameters import part
from forward_forward.sklearn.targets import (
    by_label,
    check_kind,
    dense,
    parted,
    places_of,
    several,
    weights_of,
)


class FFClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A classifier whose layers each learn a goal of their own; no error is propagated backward.

    Every layer is trained to be active for samples with their right label and quiet for those with
    a wrong one; the label that makes the layers most active is the answer. Parameters are called
    as `sklearn.neural_network.MLPClassifier` calls them.

    Args:
        hidden_layer_sizes: Units of each layer, lowest first.
        activation: "relu", "gelu", "silu", "tanh", "logistic", "identity", or what makes a module.
        solver: "adamw", "adam", "rmsprop", "sgd", "averaged_sgd" (Hinton's), or an optimiser's
            class; each layer has one of its own.
        alpha: Weight decay.
        batch_size: Samples a step; "auto" for about a twentieth of them, 32 to 320.
        learning_rate: "cosine": falls to 0 over ``max_iter`` epochs; or "constant".
        learning_rate_init: The rate at the start.
        max_iter: Epochs, at most.
        goodness: Of each layer: "mean_square", "l2_norm", "PNorm(p=4)", ..., or a callable.
        loss: Of each layer: "SiluPair(alpha=6)", "SymBa(alpha=4)", "log_sigmoid", "sigmoid", ...,
            or a callable.
        negatives: How wrong labels are chosen: "FromFirstLayer", "Uniform", "FromGoodness". Of
            several labels a sample, one is made wrong at random.
        threshold: Of the goodness: "calibrated", "width" or a number.
        dropout: Share of the inputs that are dropped in training.
        standardize: Whether each feature is brought to mean 0 and deviation 1 first.
        class_weight: Weights of the classes: a dictionary, "balanced", or None for equal ones.
        early_stopping: Whether to stop when the score on the validation part has not risen for
            ``n_iter_no_change`` epochs, and to take the best weights.
        validation_fraction: Of the samples, set aside to calibrate the probabilities by, and for
            early stopping; with 0, probabilities are calibrated on the training samples, and are
            too sure.
        n_iter_no_change: See ``early_stopping``.
        tol: What counts as a rise of the score.
        warm_start: Whether `fit` goes on from the weights that are there.
        random_state: For weights, negatives, dropout, order and the validation part.
        verbose: Whether to print the loss of each epoch.

    Attributes:
        classes_: The labels [classes]; of several labels a sample, their places.
        network_: The `Network`.
        temperature_: What goodness is divided by in ``predict_proba``.
        loss_curve_: Mean loss of the layers, an epoch each.
        validation_scores_: Accuracy on the validation part, an epoch each, if stopping early.
        n_iter_: Epochs that were trained.

    References:
        Hinton (2022), arXiv 2212.13345.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = FFClassifier((50, 50), max_iter=20, random_state=0).fit(X, y)
    >>> classifier.score(X, y) > 0.9
    True
    """

    classes_: Array

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (200, 200),
        activation: Any = "relu",
        *,
        solver: Any = "adamw",
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 5e-3,
        max_iter: int = 50,
        goodness: Any = "mean_square",
        loss: Any = "SiluPair(alpha=6.0)",
        negatives: Any = "FromFirstLayer",
        threshold: Any = "calibrated",
        dropout: float = 0.1,
        standardize: bool = True,
        class_weight: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.goodness = goodness
        self.loss = loss
        self.negatives = negatives
        self.threshold = threshold
        self.dropout = dropout
        self.standardize = standardize
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on samples.

        Args:
            X: Features [n, features].
            y: Labels [n], numbers or text; or [n, labels] of 0 and 1, several a sample.
            sample_weight: Weights of the samples [n], or None for equal ones.

        Returns:
            The classifier.

        Raises:
            ValueError: A parameter is out of its range, or there are fewer than two classes.
        """
        self._check()
        goes_on = self._goes_on()
        known = self.classes_ if goes_on else None
        X, places, weight = self._read(X, y, sample_weight, known, first=not goes_on)
        kept, held = parted(
            places, self.validation_fraction, self.random_state, needed=self.early_stopping
        )
        data = self._data(X[kept], places[kept], None if weight is None else weight[kept])
        if not goes_on:
            self._start(data, self._examples(data))
        judge = None
        if self.early_stopping:
            judge = Judge(
                lambda _: self._accuracy(X[held], places[held]), self.n_iter_no_change, self.tol
            )
        self._train(data, self.max_iter, judge)
        if judge is not None:
            self.validation_scores_ = judge.scores
            self.best_validation_score_ = judge.best
        weight = None if weight is None else weight[held]
        self.temperature_ = temperature(self._goodness(X[held]), places[held], weight)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on some samples, at the rate of the start.

        Features are standardised as those of the first call were; probabilities are calibrated on
        the samples of the last.

        Args:
            X: Features [n, features].
            y: Labels [n], or [n, labels].
            classes: All labels that there will be; needed in the first call.
            sample_weight: Weights of the samples [n], or None.

        Returns:
            The classifier.
        """
        self._check()
        if not (first := "network_" not in self.__dict__):
            self._check_made_with("partial_fit")
        if self.class_weight == "balanced":
            raise ValueError(
                'class_weight="balanced" needs all samples at once, and partial_fit sees some: give'
                " a weight for each class, as compute_class_weight of scikit-learn finds them"
            )
        given = None if classes is None else np.unique(classes)
        if first and given is None and not several(y):
            raise ValueError("partial_fit expects all classes=... in its first call, got none")
        known = given if first else self.classes_
        if known is not None and given is not None and not np.array_equal(known, given):
            raise ValueError(f"expected the classes {known} of the first call, got {classes}")
        X, places, weight = self._read(X, y, sample_weight, known, first=first)
        data = self._data(X, places, weight)
        if first:
            self._start(data, self._examples(data))
        self._train(data, 1, schedule=constant)
        self.temperature_ = temperature(self._goodness(X), places, weight)
        return self

    def predict(self, X: Any) -> Array:
        """The label of each sample [n], or which of several it has [n, labels]."""
        check_is_fitted(self)
        goodness = self._goodness(self._features(X))
        decided = self.network_.examples.decide(torch.from_numpy(goodness)).numpy()
        return decided if self._multilabel else self.classes_[decided]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each label [n, classes], or of each of several [n, labels]."""
        check_is_fitted(self)
        goodness = self._goodness(self._features(X))
        if not self._multilabel:
            probabilities: Array = softmax(goodness / self.temperature_, axis=1)
            return probabilities
        on_off: Array = softmax(by_label(goodness) / self.temperature_, axis=2)
        return on_off[..., 0]

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of ``predict_proba``."""
        return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> Array:
        """Goodness [n, classes]; of two classes, or several labels, how much the second has more.

        Args:
            X: Features [n, features].
        """
        check_is_fitted(self)
        goodness = self._goodness(self._features(X))
        if self._multilabel:
            on_off = by_label(goodness)
            return on_off[..., 0] - on_off[..., 1]
        return goodness[:, 1] - goodness[:, 0] if len(self.classes_) == 2 else goodness

    def goodness_by_layer(self, X: Any) -> Array:
        """Goodness of every label in every layer [layers, n, classes]."""
        check_is_fitted(self)
        by_layer: Array = self._double().goodness_by_layer(exact(self._features(X))).numpy()
        return by_layer

    @property
    def _multilabel(self) -> bool:
        return isinstance(self.network_.examples, MultiLabel)

    def _features(self, X: Any) -> Array:
        return self._centred(validate_data(self, X, dtype=np.float64, reset=False), first=False)

    def _goodness(self, x: Array) -> Array:
        return self._double().goodness(exact(x)).numpy()

    def _read(
        self, X: Any, y: Any, sample_weight: Any, known: Array | None, *, first: bool
    ) -> tuple[Array, Array, Array | None]:
        """Features, places among the classes and weights; samples without weight are left out."""
        X, y = validate_data(self, X, dense(y), multi_output=True, dtype=np.float64, reset=first)
        X = self._centred(X, first=first)
        places, self.classes_ = places_of(y, known)
        if not first:
            check_kind(places, several_before=self._multilabel)
        weight = weights_of(X, y, sample_weight, self.class_weight)
        if weight is None:
            return X, places, None
        rows = weight > 0
        return X[rows], places[rows], weight[rows]

    def _data(self, X: Array, places: Array, weight: Array | None) -> Data:
        weights = None if weight is None else torch.from_numpy(weight).float()
        names = tuple(str(place) for place in range(len(self.classes_)))
        return Data(samples(X), torch.from_numpy(places), names, weights=weights)

    def _examples(self, data: Data) -> AppendLabel | MultiLabel:
        classes, strength = len(self.classes_), strength_for(data.shape[0])
        if data.labels.dim() == 2:
            return MultiLabel(classes)
        return AppendLabel(classes, strength=strength, negatives=part(self.negatives, negatives))

    def _check(self) -> None:
        super()._check()
        part(self.negatives, negatives)

    def _accuracy(self, X: Array, places: Array) -> float:
        self.__dict__.pop("_exact", None)
        goodness = torch.from_numpy(self._goodness(X))
        return float((self.network_.examples.decide(goodness).numpy() == places).mean())

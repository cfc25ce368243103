"""X [n, features] and labels [n], or [n, labels] of 0 and 1 -> a classifier that reads goodness."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import ClassifierMixin

from forward_forward.data import Data
from forward_forward.examples import MultiLabel, negatives
from forward_forward.optimize import constant
from forward_forward.predict import choose_readout, count_errors, errors_of, fit_readout
from forward_forward.predict.calibration import on_off, temperature
from forward_forward.readouts import Readout
from forward_forward.sklearn.estimator import Estimator
from forward_forward.sklearn.inputs import Array, as_float32, as_float64
from forward_forward.sklearn.module import picture_shape, readout_of
from forward_forward.sklearn.parameters import (
    CLASSIFIER_CONSTRAINTS,
    check_readout,
    check_single,
    examples_for,
    goodness_and_loss,
    part,
)
from forward_forward.sklearn.stopping import BestScore
from forward_forward.sklearn.targets import (
    check_same_kind,
    encode,
    is_multilabel,
    plain_labels,
    sample_weights,
    train_and_holdout,
)

RATE = 5e-3
# In one pass, chosen on scikit-learn's small data sets: at most this, and this over sqrt(steps).
MOST_RATE, SHORT_RATE = 0.05, 0.5


@dataclass(kw_only=True, eq=False, repr=False)
class FFClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A classifier whose layers each optimise a local objective; no error is backpropagated.

    Every layer is trained to be active for samples with their correct label and quiet for samples
    with a wrong one; the predicted label is the one that makes the layers most active. Parameters
    have the names of `sklearn.neural_network.MLPClassifier`.

    Args:
        hidden_layer_sizes: Units of each layer, lowest first.
        activation: "relu", "gelu", "silu", "tanh", "logistic", "identity", or a callable that
            returns a module.
        module: Instead of them, a `torch.nn.Module` of your own, its class, or a function that
            makes one, perhaps with ``num_classes``; its activations and dropout are its own.
        image_shape: Shape of a sample for ``module``, such as (1, 8, 8); None for a row.
        device: Where to train: None or "cpu", "cuda", "mps".
        solver: "adamw", "adam", "rmsprop", "sgd", "averaged_sgd" (Hinton's), or an optimiser class;
            each layer has its own optimiser.
        alpha: Weight decay.
        batch_size: Samples per step; "auto" takes about a twentieth of them, 32 to 320.
        learning_rate: "cosine", which decays to 0 over ``max_iter`` epochs, or "constant".
        learning_rate_init: The initial learning rate.
        max_iter: Maximum number of epochs.
        goodness: The goodness of each layer. With "auto", each layer answers for every class in one
            pass, by a "LinearReadout" and the loss "CrossEntropy"; if samples have several labels,
            or the loss is another one, the label is in the input, and the goodness is
            "mean_square". Others are "l2_norm", "PNorm(p=4)", "ChannelGroups", ..., or a callable.
        loss: The loss of each layer: with "auto", "CrossEntropy" for a goodness of every class and
            "SiluPair(alpha=6)" for others; "SymBa(alpha=4)", "log_sigmoid", "sigmoid", ..., or a
            callable.
        readout: The layers whose goodness is summed: "auto" for those with the fewest errors on the
            validation samples (of equal ones, the most layers), ``(first, stop)``, or None for all.
            "weighted" and "logistic" fit weights of the layers to these samples at the end.
        negatives: How wrong labels are chosen, if the label is in the input:
            "FromFirstLayer(fraction=0.5)", which draws half of them uniformly, "Uniform",
            "FromGoodness". If samples have several labels, a random one of them is made wrong.
        threshold: The threshold of the goodness: "calibrated", "width" or a number.
        dropout: Fraction of the inputs dropped in training.
        standardize: Whether to scale each feature to mean 0 and standard deviation 1.
        class_weight: Weights of the classes: a dictionary, "balanced", or None for equal ones.
        early_stopping: Whether to stop when the score on the validation samples has not risen for
            ``n_iter_no_change`` epochs, and to keep the best weights.
        validation_fraction: Fraction of the samples held out to calibrate probabilities and for
            early stopping. With 0, probabilities are calibrated on the training samples and are
            overconfident.
        n_iter_no_change: See ``early_stopping``.
        tol: The smallest increase of the score that counts as a rise.
        warm_start: Whether `fit` continues from the current weights.
        random_state: Seed of weights, negatives, dropout, sample order and validation samples.
        verbose: Whether to print the loss of each epoch.

    Attributes:
        classes_: The labels [classes]; the numbers of the labels if samples have several.
        network_: The `Network`.
        temperature_: The temperature of ``predict_proba``, in units of goodness.
        loss_curve_: Mean loss of the layers in each epoch.
        validation_scores_: Validation accuracy after each epoch, with early stopping.
        n_iter_: Number of epochs trained.

    References:
        Hinton (2022), arXiv 2212.13345.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = FFClassifier((50, 50), max_iter=20, random_state=0).fit(X, y)
    >>> classifier.score(X, y) > 0.9
    True
    """

    hidden_layer_sizes: int | Sequence[int] = field(default=(100, 100), kw_only=False)
    learning_rate_init: float | Literal["auto"] = "auto"
    module: Any = None
    image_shape: Sequence[int] | None = None
    _parameter_constraints = CLASSIFIER_CONSTRAINTS
    _fills_gaps = True
    goodness: Any = "auto"
    loss: Any = "auto"
    readout: Any = "auto"
    negatives: Any = "FromFirstLayer(fraction=0.5)"
    class_weight: Any = None
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on samples.

        Args:
            X: Features [n, features]: an array, a sparse matrix, or a frame, whose categories
                become a column each. NaN is a missing value.
            y: Labels [n], numbers or text; or [n, labels] of 0 and 1, several per sample.
            sample_weight: Weights of the samples [n], or None for equal ones.

        Raises:
            ValueError: A parameter is out of range, or there are fewer than two classes.
        """
        self._check()
        classes = self.classes_ if (warm := self._continues()) else None
        X, targets, weight = self._read(X, y, sample_weight, classes, first=not warm)
        train, holdout = train_and_holdout(
            targets, self.validation_fraction, self.random_state, required=self.early_stopping
        )
        data = self._data(X[train], targets[train], None if weight is None else weight[train])
        if not warm:
            self._build_for(data)
            if self.network_.class_wise:
                steps = self.max_iter * math.ceil(len(data) / self._samples_per_step(len(data)))
                self._rate = min(MOST_RATE, SHORT_RATE / math.sqrt(steps))
        held_weight = None if weight is None else weight[holdout]
        check_readout(self.readout, held_out=holdout is not train)
        score = functools.partial(self._score, self._data(X[holdout], targets[holdout], None))
        stopping = None
        if self.early_stopping:
            stopping = BestScore(score, self.n_iter_no_change, self.tol)
        self._train(data, self.max_iter, stopping)
        if stopping is not None:
            self.validation_scores_ = stopping.scores
            self.best_validation_score_ = stopping.best
        elif holdout is not train:
            score()
        fit_readout(self.network_, self._data(X[holdout], targets[holdout], held_weight))
        self._calibrate(X[holdout], targets[holdout], held_weight)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on some samples, at the initial learning rate.

        Features are standardised by the samples of the first call; probabilities are calibrated on
        those of the last.

        Args:
            X: Features [n, features].
            y: Labels [n], or [n, labels].
            classes: All labels that will occur; required in the first call.
            sample_weight: Weights of the samples [n], or None.
        """
        self._check()
        if not (first := "network_" not in self.__dict__):
            self._check_architecture("partial_fit")
        if self.class_weight == "balanced":
            raise ValueError(
                'class_weight="balanced" needs all samples at once, but partial_fit sees only some:'
                " pass a weight for each class, e.g. from sklearn's compute_class_weight"
            )
        given = None if classes is None else np.unique(classes)
        if first and given is None and not is_multilabel(y):
            raise ValueError("partial_fit expects classes=... in its first call, got None")
        expected = given if first else self.classes_
        if expected is not None and given is not None and not np.array_equal(expected, given):
            raise ValueError(f"expected the classes {expected} of the first call, got {classes}")
        X, targets, weight = self._read(X, y, sample_weight, expected, first=first)
        data = self._data(X, targets, weight)
        if first:
            self._build_for(data)
        check_readout(self.readout, held_out=False)
        self._train(data, 1, schedule=constant)
        self._calibrate(X, targets, weight)
        return self

    def predict(self, X: Any) -> Array:
        """The label of each sample [n], or 0 and 1 for each of its labels [n, labels]."""
        goodness = self._goodness(self._features(X))
        predicted: Array = self.network_.examples.decide(goodness).numpy()
        return predicted if self._multilabel else self.classes_[predicted]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class [n, classes], or of each label [n, labels]."""
        goodness = self._goodness(self._features(X)).numpy()
        if self._multilabel:
            on: Array = softmax(on_off(goodness) / self.temperature_, axis=2)[..., 0]
            return on
        probabilities: Array = softmax(goodness / self.temperature_, axis=1)
        return probabilities

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of ``predict_proba``."""
        return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> Array:
        """Goodness of each class [n, classes]; differences if the decision is binary.

        With two classes, the goodness of the second less that of the first [n]; with several labels
        per sample, of each label on less off [n, labels].
        """
        goodness = self._goodness(self._features(X)).numpy()
        if self._multilabel:
            pairs = on_off(goodness)
            return pairs[..., 0] - pairs[..., 1]
        return goodness[:, 1] - goodness[:, 0] if len(self.classes_) == 2 else goodness

    def goodness_by_layer(self, X: Any) -> Array:
        """Goodness of every label in every layer [layers, n, classes]."""
        return self._double().goodness_by_layer(self._features(X)).numpy()

    @property
    def _multilabel(self) -> bool:
        return isinstance(self.network_.examples, MultiLabel)

    def _goodness(self, x: torch.Tensor) -> torch.Tensor:
        return self._double().goodness(x)

    def _calibrate(self, X: Array, targets: Array, weight: Array | None) -> None:
        goodness = self._goodness(as_float64(X).view(-1, *self._shape)).numpy()
        self.temperature_ = temperature(goodness, targets, weight)

    def _read(
        self, X: Any, y: Any, sample_weight: Any, classes: Array | None, *, first: bool
    ) -> tuple[Array, Array, Array | None]:
        """Features, class indices and weights; samples of weight 0 are dropped."""
        X, y = self._validated(X, plain_labels(y), first=first, multi_output=True)
        targets, self.classes_ = encode(y, classes)
        if not first:
            check_same_kind(targets, multilabel=self._multilabel)
        weight = sample_weights(X, y, sample_weight, self.class_weight)
        if weight is None:
            return X, targets, None
        rows = weight > 0
        return X[rows], targets[rows], weight[rows]

    def _data(self, X: Array, targets: Array, weight: Array | None) -> Data:
        weights = None if weight is None else torch.from_numpy(weight).float()
        names = tuple(map(str, range(len(self.classes_))))
        shape = picture_shape(self.image_shape, X.shape[1])
        inputs = as_float32(X).view(-1, *shape)
        return Data(inputs, torch.from_numpy(targets), names, weights=weights)

    def _build_for(self, data: Data) -> None:
        """Build an untrained network for the data, with the parts that suit their labels."""
        classes, several = len(self.classes_), data.labels.dim() == 2
        given = readout_of(self.module, self.goodness)
        goodness, loss = goodness_and_loss(given, self.loss, classes, several=several)
        kind = {"several": several, "one_pass": isinstance(goodness, Readout)}
        check_single(self, **kind)
        examples = examples_for(classes, data.shape[0], self.negatives, **kind)
        self._rate = RATE
        self._build(data, examples, goodness=goodness, loss=loss, readout=self.readout)

    def _check(self) -> None:
        super()._check()
        part(self.negatives, negatives)

    def _score(self, held_out: Data) -> float:
        """Choose the layers to read by samples that were held out; the accuracy on them, 0 to 1."""
        held_out = held_out.to(self.network_.device)
        wrong, total = count_errors(self.network_, held_out)
        choose_readout(wrong, self.network_)
        return 1 - errors_of(self.network_, wrong, total)["error"] / 100  # type: ignore[operator]

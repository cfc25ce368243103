"""X [n, features] and targets [n] -> a regressor whose layers answer for every bin."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from forward_forward import losses
from forward_forward.data import Data
from forward_forward.examples import OrdinalBins
from forward_forward.examples.bins import SPREAD
from forward_forward.optimize import constant
from forward_forward.readouts import Readout
from forward_forward.sklearn.estimator import Estimator
from forward_forward.sklearn.inputs import Array, as_float32, as_float64
from forward_forward.sklearn.parameters import goodness_part, part
from forward_forward.sklearn.stopping import BestScore
from forward_forward.sklearn.targets import sample_weights


@dataclass(eq=False, repr=False)
class FFRegressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """A regressor whose layers each optimise a local objective; no error is backpropagated.

    The range of the target is divided into ordered bins. Each layer learns, by its own loss, the
    probability of every bin, where bins near the target count almost as much as its own; its
    prediction is the expected centre, and the network's is the mean over the layers. Parameters
    have the names of `sklearn.neural_network.MLPRegressor`.

    Args:
        hidden_layer_sizes: Units of each layer, lowest first.
        activation: "relu", "gelu", "silu", "tanh", "logistic", "identity", or a callable that
            returns a module.
        solver: "adamw", "adam", "rmsprop", "sgd", "averaged_sgd" (Hinton's), or an optimiser class;
            each layer has its own optimiser.
        alpha: Weight decay.
        batch_size: Samples per step; "auto" takes 200, or all if there are fewer.
        learning_rate: "cosine", which decays to 0 over ``max_iter`` epochs, or "constant".
        learning_rate_init: The initial learning rate.
        max_iter: Maximum number of epochs.
        goodness: The read-out of each layer: "LinearReadout", "FixedReadout", "ChannelGroups", or
            an object with as many classes as bins.
        loss: The loss of each layer, one that takes soft targets: "CrossEntropy", or an object.
        spread: Standard deviation of the soft targets, and distance of the bins, in standard
            deviations of the target. Smaller values follow a target without noise more closely.
        dropout: Fraction of the inputs dropped in training.
        standardize: Whether to scale each feature to mean 0 and standard deviation 1. The target
            always is.
        early_stopping: Whether to stop when the score on the validation samples has not risen for
            ``n_iter_no_change`` epochs, and to keep the best weights.
        validation_fraction: Fraction of the samples held out for early stopping.
        n_iter_no_change: See ``early_stopping``.
        tol: The smallest increase of the score that counts as a rise.
        warm_start: Whether `fit` continues from the current weights.
        random_state: Seed of weights, dropout, sample order and validation samples.
        verbose: Whether to print the loss of each epoch.

    Attributes:
        network_: The `Network`, which predicts the standardised target.
        bins_: The `OrdinalBins` of the standardised target.
        loss_curve_: Mean loss of the layers in each epoch.
        validation_scores_: R2 on the validation samples after each epoch, with early stopping.
        n_iter_: Number of epochs trained.

    References:
        The soft ordinal targets of FFR, arXiv 2606.03927.

    >>> from sklearn.datasets import make_friedman1
    >>> X, y = make_friedman1(500, random_state=0)
    >>> regressor = FFRegressor((50, 50), random_state=0).fit(X, y)
    >>> regressor.score(X, y) > 0.9
    True
    """

    hidden_layer_sizes: int | Sequence[int] = (100, 100)
    _: KW_ONLY
    learning_rate_init: float = 1e-2
    goodness: Any = "LinearReadout"
    loss: Any = "CrossEntropy"
    threshold: Any = field(default="calibrated", init=False)  # it cancels out in the softmax
    spread: float = SPREAD
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4

    _fills_gaps = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on samples.

        Args:
            X: Features [n, features]: an array, a sparse matrix, or a frame, whose categories
                become a column each. NaN is a missing value.
            y: Targets [n].
            sample_weight: Weights of the samples [n], or None for equal ones.

        Raises:
            ValueError: A parameter is out of range, or there are several targets per sample.
        """
        self._check()
        warm = self._continues()
        X, y, weight = self._read(X, y, sample_weight, first=not warm)
        rows, held = self._held_out(len(y))
        data = self._data(X[rows], y[rows], None if weight is None else weight[rows])
        if not warm:
            self._build_for(data)
        stopping = None
        if self.early_stopping:
            score = functools.partial(self._r2, X[held], y[held])
            stopping = BestScore(score, self.n_iter_no_change, self.tol)
        self._train(data, self.max_iter, stopping)
        if stopping is not None:
            self.validation_scores_ = stopping.scores
            self.best_validation_score_ = stopping.best
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on some samples, at the initial learning rate.

        Features and targets are standardised, and bins spaced, by the samples of the first call:
        later targets far outside of their range are predicted at its ends.

        Args:
            X: Features [n, features].
            y: Targets [n].
            sample_weight: Weights of the samples [n], or None.
        """
        self._check()
        if not (first := "network_" not in self.__dict__):
            self._check_architecture("partial_fit")
        X, y, weight = self._read(X, y, sample_weight, first=first)
        data = self._data(X, y, weight)
        if first:
            self._build_for(data)
        self._train(data, 1, schedule=constant)
        return self

    def predict(self, X: Any) -> Array:
        """The target of each sample [n]."""
        predicted = self._standardised(self._features(X))
        return predicted * self._scale + self._middle

    def _standardised(self, x: torch.Tensor) -> Array:
        predicted: Array = self._double().predict(x).numpy()
        return predicted

    def _r2(self, X: Array, y: Array) -> float:
        return float(r2_score(y, self._standardised(as_float64(X))))

    def _held_out(self, samples: int) -> tuple[Array, Array]:
        """Rows to train on and to hold out, which are none without early stopping."""
        rows, count = np.arange(samples), round(self.validation_fraction * samples)
        if not self.early_stopping:
            return rows, rows[:0]
        if not 2 <= count < samples:
            raise ValueError(
                "early_stopping expects 2 or more validation samples, got"
                f" validation_fraction={self.validation_fraction} of {samples} samples: raise it,"
                " or set early_stopping=False"
            )
        train, held = train_test_split(rows, test_size=count, random_state=self.random_state)
        return np.sort(train), np.sort(held)

    def _read(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool
    ) -> tuple[Array, Array, Array | None]:
        """Features, standardised targets and weights; samples of weight 0 are dropped."""
        shape: tuple[int, ...] = getattr(y, "shape", ())
        if len(shape) == 2 and shape[1] > 1:
            raise ValueError(
                f"FFRegressor expects one target per sample [n], got {list(shape)}: fit a regressor"
                " for each column, as sklearn.multioutput.MultiOutputRegressor does"
            )
        X, y = self._validated(X, y, first=first, y_numeric=True)
        y = y.astype(np.float64)
        weight = sample_weights(X, y, sample_weight, None)
        if weight is not None:
            rows = weight > 0
            X, y, weight = X[rows], y[rows], weight[rows]
        if first:
            self._middle, self._scale = float(y.mean()), float(y.std()) or 1.0
        return X, (y - self._middle) / self._scale, weight

    def _data(self, X: Array, y: Array, weight: Array | None) -> Data:
        weights = None if weight is None else torch.from_numpy(weight).float()
        return Data(as_float32(X), torch.from_numpy(y).float(), (), weights=weights)

    def _build_for(self, data: Data) -> None:
        self.bins_ = OrdinalBins.spanning(data.labels, self.spread)
        goodness = goodness_part(self.goodness, self.bins_.num_classes)
        if not isinstance(goodness, Readout):
            raise ValueError(
                f"FFRegressor expects goodness for every bin, got {self.goodness!r}: use a read-out"
                ' such as "LinearReadout"'
            )
        loss = part(self.loss, losses)
        self._build(data, self.bins_, goodness=goodness, loss=loss, readout=None)

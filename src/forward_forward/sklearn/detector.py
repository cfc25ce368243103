"""X [n, features] of usual samples -> a detector of unusual ones, by goodness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from forward_forward.predict import familiarity
from forward_forward.sklearn.estimator import Array, Estimator, exact
from forward_forward.sklearn.unlabelled import unlabelled


class FFDetector(OutlierMixin, Estimator):  # type: ignore[misc]
    """Tells unusual samples from those it was trained on, without an example of an unusual one.

    Every layer is trained to be quiet for real samples and active for hybrids, which take each
    value from one of two samples. It is quiet that the layers learn, and their input is not
    normalised, since what is unusual is often larger than usual: a layer that learned to be active
    for real samples would be more active still for those.

    Args:
        hidden_layer_sizes: Units of each layer, lowest first.
        activation: As of `FFClassifier`; so are the parameters that are not named here.
        solver: See there.
        alpha: Weight decay.
        batch_size: Samples a step, 2 or more, or "auto".
        learning_rate: "cosine" or "constant".
        learning_rate_init: The rate at the start.
        max_iter: Epochs.
        goodness: Of each layer; "Minimised(mean_square)" is high where a layer is quiet.
        loss: Of each layer.
        threshold: Of the goodness.
        dropout: Share of the inputs that are dropped in training.
        standardize: Whether each feature is brought to mean 0 and deviation 1 first.
        image_shape: See `FFTransformer`.
        contamination: Share of the training samples that are unusual, above 0 and at most 0.5;
            "auto" takes those that the layers find more like hybrids than like real ones.
        warm_start: Whether `fit` goes on from the weights that are there.
        random_state: For weights, hybrids, dropout and order.
        verbose: Whether to print the loss of each epoch.

    Attributes:
        network_: The `Network`.
        offset_: The score below which a sample is unusual.
        loss_curve_: Mean loss of the layers, an epoch each.
        n_iter_: Epochs that were trained.

    References:
        Hinton (2022), arXiv 2212.13345, sections 3.2 and, for quiet layers, the CIFAR-10 table.

    >>> usual = np.random.default_rng(0).normal(size=(200, 4))
    >>> detector = FFDetector((50,), max_iter=10, random_state=0).fit(usual)
    >>> detector.score_samples([[0, 0, 0, 0]]) > detector.score_samples([[9, -9, 9, -9]])
    array([ True])
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (200, 200),
        activation: Any = "relu",
        *,
        solver: Any = "adamw",
        alpha: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 3e-3,
        max_iter: int = 50,
        goodness: Any = "Minimised(mean_square)",
        loss: Any = "log_sigmoid",
        threshold: Any = "calibrated",
        dropout: float = 0.0,
        standardize: bool = True,
        image_shape: Sequence[int] | None = None,
        contamination: float | Literal["auto"] = "auto",
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
        self.threshold = threshold
        self.dropout = dropout
        self.standardize = standardize
        self.image_shape = image_shape
        self.contamination = contamination
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on samples that are usual, or most of them.

        Args:
            X: Features [n, features], two samples or more.
            y: Not used.

        Returns:
            The detector.
        """
        self._check()
        goes_on = self._goes_on()
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2, reset=not goes_on)
        X = self._centred(X, first=not goes_on)
        data, examples = unlabelled(X, self.image_shape)
        if not goes_on:
            self._start(data, examples, head=True)
        self._train(data, self.max_iter)
        share = self.contamination
        self.offset_ = 0.0 if share == "auto" else float(np.quantile(self._score(X), share))
        return self

    def score_samples(self, X: Any) -> Array:
        """How usual each sample is [n]: its goodness less the threshold, of all layers."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._score(self._centred(X, first=False))

    def decision_function(self, X: Any) -> Array:
        """``score_samples`` less ``offset_`` [n]: below 0 for what is unusual."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Array:
        """-1 for what is unusual, 1 for what is not [n]."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _score(self, x: Array) -> Array:
        shaped = exact(x).view(-1, *self._shape)
        scores: Array = familiarity(self._double(), shaped).numpy()
        return scores

    def _normalize(self) -> None:
        return None

    def _readout(self, layers: int) -> tuple[int, int]:
        return 0, layers

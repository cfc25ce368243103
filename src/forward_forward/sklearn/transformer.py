"""X [n, features] without labels -> features that tell real samples from mixtures of two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from forward_forward.forward import MeanSquareOne
from forward_forward.predict import embeddings
from forward_forward.sklearn.estimator import Array, Estimator, exact
from forward_forward.sklearn.unlabelled import unlabelled


class FFTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):  # type: ignore[misc]
    """Features learned without labels, and without an error that is propagated backward.

    Every layer is trained to be active for real samples and quiet for hybrids, which take each
    value from one of two samples. Its activities are the features.

    Args:
        hidden_layer_sizes: Units of each layer, lowest first; all of them are features.
        activation: As of `FFClassifier`; so are the parameters that are not named here.
        solver: See there.
        alpha: Weight decay.
        batch_size: Samples a step, 2 or more, or "auto".
        learning_rate: "cosine" or "constant".
        learning_rate_init: The rate at the start.
        max_iter: Epochs.
        goodness: Of each layer.
        loss: Of each layer.
        threshold: Of the goodness.
        dropout: Share of the inputs that are dropped in training.
        standardize: Whether each feature is brought to mean 0 and deviation 1 first; pixels, which
            have one unit, are better left as they are.
        image_shape: (height, width) or (channels, height, width) where a sample is a picture:
            hybrids then take regions from two pictures; None for samples of any kind.
        warm_start: Whether `fit` goes on from the weights that are there.
        random_state: For weights, hybrids, dropout and order.
        verbose: Whether to print the loss of each epoch.

    Attributes:
        network_: The `Network`.
        loss_curve_: Mean loss of the layers, an epoch each.
        n_iter_: Epochs that were trained.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2.

    >>> from sklearn.datasets import load_iris
    >>> X, _ = load_iris(return_X_y=True)
    >>> FFTransformer((20, 20), max_iter=5, random_state=0).fit_transform(X).shape
    (150, 40)
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
        goodness: Any = "mean_square",
        loss: Any = "SiluPair(alpha=6.0)",
        threshold: Any = "calibrated",
        dropout: float = 0.0,
        standardize: bool = True,
        image_shape: Sequence[int] | None = None,
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
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on samples without labels.

        Args:
            X: Features [n, features], two samples or more.
            y: Not used.

        Returns:
            The transformer.
        """
        self._check()
        goes_on = self._goes_on()
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2, reset=not goes_on)
        X = self._centred(X, first=not goes_on)
        data, examples = unlabelled(X, self.image_shape)
        if not goes_on:
            self._start(data, examples, head=True)
        self._train(data, self.max_iter)
        return self

    def transform(self, X: Any) -> Array:
        """Activities of all layers [n, units], each layer's brought to mean square 1."""
        check_is_fitted(self)
        X = self._centred(validate_data(self, X, dtype=np.float64, reset=False), first=False)
        network = self._double()
        layers = embeddings(network, exact(X).view(-1, *self._shape))
        return np.concatenate([MeanSquareOne()(each).numpy() for each in layers], axis=1)

    @property
    def _n_features_out(self) -> int:
        linears = [layer.linear for layer in self.network_.layers]
        return sum(linear.out_features for linear in linears if linear is not None)

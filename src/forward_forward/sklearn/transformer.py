"""X [n, features] without labels -> features learned by telling samples from hybrids of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from forward_forward.forward import MeanSquareOne
from forward_forward.predict import embeddings
from forward_forward.sklearn.estimator import Estimator
from forward_forward.sklearn.inputs import Array


@dataclass(kw_only=True, eq=False, repr=False)
class FFTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):  # type: ignore[misc]
    """Features learned without labels and without backpropagation.

    Every layer is trained to be active for real samples and quiet for hybrids, which take each
    value from one of two samples. The activities of all layers are the features.

    Args:
        hidden_layer_sizes: Units of each layer, lowest first; each unit is a feature.
        batch_size: Samples per step, 2 or more, or "auto".
        standardize: Whether to scale each feature to mean 0 and standard deviation 1; False is
            better for pixels, which share one unit.
        image_shape: (height, width) or (channels, height, width) if samples are images: hybrids
            then combine regions of two images; None for any other samples.
        **parameters: All others are those of `FFClassifier`.

    Attributes:
        network_: The `Network`.
        loss_curve_: Mean loss of the layers in each epoch.
        n_iter_: Number of epochs trained.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2.

    >>> from sklearn.datasets import load_iris
    >>> X, _ = load_iris(return_X_y=True)
    >>> FFTransformer((20, 20), max_iter=5, random_state=0).fit_transform(X).shape
    (150, 40)
    """

    image_shape: Sequence[int] | None = None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on samples without labels.

        Args:
            X: Features [n, features], two samples or more.
            y: Ignored.
        """
        self._fit_unlabelled(X, self.image_shape)
        return self

    def transform(self, X: Any) -> Array:
        """Activities of all layers [n, units], each layer scaled to mean square 1."""
        x = self._features(X)
        layers = embeddings(self._double(), x)
        return np.concatenate([MeanSquareOne()(each).numpy() for each in layers], axis=1)

    @property
    def _n_features_out(self) -> int:
        linears = [layer.linear for layer in self.network_.layers]
        return sum(linear.out_features for linear in linears if linear is not None)

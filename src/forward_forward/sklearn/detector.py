"""X [n, features] of normal samples -> a detector of outliers, by goodness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import OutlierMixin

from forward_forward.predict import familiarity
from forward_forward.sklearn.estimator import Estimator
from forward_forward.sklearn.inputs import Array


@dataclass(kw_only=True, eq=False, repr=False)
class FFDetector(OutlierMixin, Estimator):  # type: ignore[misc]
    """Detects samples that are unlike the training samples, without an example of an outlier.

    Every layer is trained to be quiet for real samples and active for hybrids, which take each
    value from one of two samples. The layers learn quiet, and their input is not normalised,
    because outliers are often larger than normal samples: a layer trained to be active for normal
    samples would be even more active for those.

    Args:
        batch_size: Samples per step, 2 or more, or "auto".
        goodness: The goodness of each layer; "Minimised(mean_square)" is high if a layer is quiet.
        image_shape: As in `FFTransformer`.
        contamination: Fraction of the training samples that are outliers, above 0 and at most 0.5;
            "auto" counts those that the layers find more like hybrids than like real samples.
        **parameters: All others are those of `FFClassifier`.

    Attributes:
        network_: The `Network`.
        offset_: The score below which a sample is an outlier.
        loss_curve_: Mean loss of the layers in each epoch.
        n_iter_: Number of epochs trained.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2, and for quiet layers the CIFAR-10 table.

    >>> normal = np.random.default_rng(0).normal(size=(200, 4))
    >>> detector = FFDetector((50,), max_iter=10, random_state=0).fit(normal)
    >>> detector.score_samples([[0, 0, 0, 0]]) > detector.score_samples([[9, -9, 9, -9]])
    array([ True])
    """

    goodness: Any = "Minimised(mean_square)"
    loss: Any = "log_sigmoid"
    image_shape: Sequence[int] | None = None
    contamination: float | Literal["auto"] = "auto"

    _normalized = False

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on samples that are normal, or most of them.

        Args:
            X: Features [n, features], two samples or more.
            y: Ignored.
        """
        x = self._fit_unlabelled(X, self.image_shape)
        self.offset_ = 0.0
        if self.contamination != "auto":
            scores = familiarity(self._double(), x).numpy()
            self.offset_ = float(np.quantile(scores, self.contamination))
        return self

    def score_samples(self, X: Any) -> Array:
        """How normal each sample is [n]: its goodness less the threshold, summed over layers."""
        x = self._features(X)
        scores: Array = familiarity(self._double(), x).numpy()
        return scores

    def decision_function(self, X: Any) -> Array:
        """``score_samples`` less ``offset_`` [n]: negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Array:
        """-1 for outliers, 1 for inliers [n]."""
        return np.where(self.decision_function(X) < 0, -1, 1)

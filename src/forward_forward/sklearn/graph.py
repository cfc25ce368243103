"""A fitted estimator, columns [n, features] -> what it predicts, as a torch module to export."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from torch import Tensor, nn

from forward_forward.examples import MultiLabel
from forward_forward.export.predictors import Scan, frozen, passed
from forward_forward.forward import MeanSquareOne
from forward_forward.sklearn.inputs import Array


class EstimatorGraph(nn.Module):
    """All that an estimator computes: missing values, categories, scaling, network, temperature.

    Args:
        estimator: A fitted estimator of `forward_forward.sklearn`; its network is copied.
        dtype: Type of the network's numbers; those before and after it are float64.

    >>> from sklearn.datasets import load_iris
    >>> from forward_forward.sklearn import FFClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> fitted = FFClassifier((8,), max_iter=1, random_state=0).fit(X, y)
    >>> index, probabilities = EstimatorGraph(fitted, torch.float64)(torch.from_numpy(X))
    >>> np.allclose(probabilities, fitted.predict_proba(X))
    True
    """

    filling: Tensor
    marked: Tensor
    means: Tensor

    def __init__(self, estimator: Any, dtype: torch.dtype) -> None:
        super().__init__()
        network, features = estimator.network_, estimator._inputs_of
        self.dtype, self.shape = dtype, estimator._shape
        self.kind = next((kind for kind, found in KINDS.items() if found(estimator)), "transformer")
        self.scan = Scan(network).to(dtype) if network.examples.labelled else None
        self.network = (frozen(network) if self.scan is None else self.scan.network).to(dtype)
        self.several = isinstance(network.examples, MultiLabel)
        self.categories = {place: values_of(kind) for place, kind in features.categories.items()}
        self.register_buffer("filling", torch.from_numpy(features.imputer.statistics_))
        marked = np.asarray(features.imputer.indicator_.features_)
        self.register_buffer("marked", torch.from_numpy(marked))
        self.register_buffer("means", torch.from_numpy(features.means))
        self.temperature = float(getattr(estimator, "temperature_", 1.0))
        self.scale = float(getattr(estimator, "_scale", 1.0))
        self.shift = float(getattr(estimator, "_middle", getattr(estimator, "offset_", 0.0)))
        self.eval()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Outputs for columns [n, features] in float64; text is the number of its category.

        Of a classifier the place of the label among its classes and the probabilities, of several
        labels 0 and 1 for each; of a regressor the target [n, 1]; of a detector 1 or -1 and the
        decision function [n, 1]; of a transformer the activities [n, units].
        """
        x = self._inputs(x).to(self.dtype).view(-1, *self.shape)
        if self.scan is None:
            return self._unlabelled(x)
        scores = self.scan.goodness(x).double()
        if self.kind == "regressor":
            decided = self.network.examples.decide(scores)[:, None]
            return (decided * self.scale + self.shift,)
        if self.several:
            on, off = scores.chunk(2, 1)
            return (on > off).long(), ((on - off) / self.temperature).sigmoid()
        return scores.argmax(1), (scores / self.temperature).softmax(1)

    def _unlabelled(self, x: Tensor) -> tuple[Tensor, ...]:
        network = self.network
        x = x if network.inputs is None else network.inputs(x)
        activities = passed(network, network.examples.neutral(x), len(network.layers))
        if self.kind == "transformer":
            rows = [MeanSquareOne()(each.h.flatten(1)) for each in activities]
            return (torch.cat(rows, 1).double(),)
        first, stop = network.readout
        pairs = list(zip(network.layers, activities, strict=True))[first:stop]
        margins = torch.stack([layer.margin(layer.rate(each)) for layer, each in pairs])
        decision = margins.sum(0).double()[:, None] - self.shift
        return torch.where(decision < 0, -1, 1)[:, 0], decision

    def _inputs(self, x: Tensor) -> Tensor:
        """The inputs of the network [n, inputs] before its own standardisation; see `Features`."""
        if self.categories:
            columns = (x[:, [place]] for place in range(x.shape[1]))
            parts = [
                (column == self.categories[place]).double() if place in self.categories else column
                for place, column in enumerate(columns)
            ]
            x = torch.cat(parts, 1)
        missing = x.isnan()
        x = torch.where(missing, self.filling, x)
        if len(self.marked):
            x = torch.cat([x, missing[:, self.marked].double()], 1)
        return x - self.means


KINDS = {
    "classifier": is_classifier,
    "regressor": is_regressor,
    "detector": is_outlier_detector,
}


def values_of(kind: Any) -> Tensor:
    """The numbers [categories] that stand for the categories of a column: text is numbered.

    Raises:
        ValueError: The categories are neither numbers nor text.

    >>> import pandas as pd
    >>> values_of(pd.CategoricalDtype(["red", "blue"]))
    tensor([0., 1.], dtype=torch.float64)
    """
    values: Array = kind.categories.to_numpy()
    if values.dtype.kind in "biuf":
        return torch.from_numpy(values.astype(np.float64))
    if all(isinstance(each, str) for each in values):
        return torch.arange(len(values), dtype=torch.float64)
    raise ValueError(
        f"export to ONNX expects categories that are numbers or text, got {values[:3].tolist()}:"
        " convert the column to text before fit"
    )

"""Predictions of every sample -> confusions, precision, recall, calibration as plain values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forward_forward.predict.predictions import Predictions

Array = NDArray[Any]

BINS = 15  # of the probability of the predicted class, as in the paper


def quality(found: Predictions) -> dict[str, Any]:
    """Measure predictions by scikit-learn's metrics; samples count by their weights.

    Args:
        found: The predictions, from `predictions`.

    Returns:
        Plain values, ready for JSON. Of classes: ``samples``, their number; ``classes``, the names;
        ``confusion_matrix``, a row per true class and a column per predicted one; ``by_class``,
        each with ``precision``, ``recall``, ``f1`` and ``support``; ``macro_average``, their means
        over the classes that occur; ``calibration``; ``worst``, the 25 samples whose true class has
        the lowest probability. Calibration has the ``temperature``, or None if it was not fitted;
        ``expected_error``, the mean gap between the probability of the predicted class and the
        fraction predicted correctly, 0 to 1, over 15 equal bins; and the ``bins`` with samples.

        If the target is real-valued: ``samples``, ``r2`` (None of fewer than two samples), ``mae``,
        and ``worst``, the 25 with the largest residuals, predicted less true.

    References:
        Guo, Pleiss, Sun and Weinberger (2017), "On Calibration of Modern Neural Networks", for the
        expected calibration error.

    >>> import torch
    >>> from forward_forward.data import Data
    >>> from forward_forward.forward import mlp
    >>> from forward_forward.predict import predictions
    >>> data = Data(torch.rand(40, 4), torch.arange(40) % 2, ("cat", "dog"))
    >>> found = quality(predictions(mlp(4, 8, num_classes=2), data))
    >>> sum(map(sum, found["confusion_matrix"])), [each["class"] for each in found["by_class"]]
    (40, ['cat', 'dog'])
    """
    return _of_classes(found) if found.classes else _of_numbers(found)


def _of_classes(found: Predictions) -> dict[str, Any]:
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    names, true, predicted = found.classes, found.true, found.predicted
    # Without weights, counts are integers.
    weights = None if (found.weights == 1).all() else found.weights
    labels = np.arange(len(names))
    options = {"sample_weight": weights, "zero_division": 0}
    scores = precision_recall_fscore_support(true, predicted, labels=labels, **options)
    means = precision_recall_fscore_support(true, predicted, average="macro", **options)
    kinds = ("precision", "recall", "f1", "support")
    rows = zip(*(each.tolist() for each in scores), strict=True)
    chosen = found.probabilities[np.arange(len(true)), predicted]
    calibration = _calibration(predicted == true, chosen.astype(np.float64), found.weights)
    matrix = confusion_matrix(true, predicted, labels=labels, sample_weight=weights)
    return {
        "samples": len(true),
        "classes": list(names),
        "confusion_matrix": matrix.tolist(),
        "by_class": [
            {"class": name, **dict(zip(kinds, row, strict=True))}
            for name, row in zip(names, rows, strict=True)
        ],
        "macro_average": {name: float(mean) for name, mean in zip(kinds[:3], means, strict=False)},
        "calibration": {"temperature": found.temperature, **calibration},
        "worst": [
            {
                "index": int(row),
                "true": names[true[row]],
                "predicted": names[predicted[row]],
                "probability_of_true": float(found.probabilities[row, true[row]]),
            }
            for row in found.worst
        ],
    }


def _calibration(correct: Array, probability: Array, weights: Array) -> dict[str, Any]:
    """Expected calibration error and its bins, by the probability of the predicted class [n]."""
    place = np.minimum((probability * BINS).astype(int), BINS - 1)

    def summed(values: Array | float) -> Array:
        return np.bincount(place, weights * values, BINS)

    kept = summed(1) > 0
    total = summed(1)[kept]
    right, claimed = summed(correct)[kept] / total, summed(probability)[kept] / total
    fraction = total / total.sum()
    names = ("probability", "accuracy", "fraction")
    rows = zip(claimed.tolist(), right.tolist(), fraction.tolist(), strict=True)
    return {
        "expected_error": float(fraction @ abs(right - claimed)),
        "bins": [dict(zip(names, row, strict=True)) for row in rows],
    }


def _of_numbers(found: Predictions) -> dict[str, Any]:
    from sklearn.metrics import mean_absolute_error, r2_score

    pair = found.true.astype(np.float64), found.predicted.astype(np.float64)
    several = len(found.true) > 1
    return {
        "samples": len(found.true),
        "r2": float(r2_score(*pair, sample_weight=found.weights)) if several else None,
        "mae": float(mean_absolute_error(*pair, sample_weight=found.weights)),
        "worst": [
            {
                "index": int(row),
                "true": float(found.true[row]),
                "predicted": float(found.predicted[row]),
                "residual": float(pair[1][row] - pair[0][row]),
            }
            for row in found.worst
        ],
    }

"""Goodness of every label [n, classes], labels [n] -> the temperature of probabilities."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from forward_forward.sklearn.estimator import Array
from forward_forward.sklearn.targets import by_label

LIMITS = 1e-4, 1e4  # of a temperature, in units of the spread of the goodness


def temperature(goodness: Array, labels: Array, weight: Array | None = None) -> float:
    """The temperature of ``softmax(goodness / temperature)`` that makes the labels likeliest.

    The labels are smoothed as if one sample more had all of the labels in equal parts, or the
    temperature of a few samples that are all told right would be 0.

    Args:
        goodness: Of every label [n, classes]; of several labels a sample on and off
            [n, 2 labels], which are decided one by one.
        labels: The true ones, as places [n], or 0 and 1 [n, labels].
        weight: Of the samples [n], or None for equal ones.

    Returns:
        The temperature, in units of goodness.

    References:
        Guo, Pleiss, Sun and Weinberger (2017), "On Calibration of Modern Neural Networks"; Platt
        (1999), "Probabilistic Outputs for Support Vector Machines", for the smoothing.

    >>> round(temperature(np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), np.array([1, 1, 1])), 2)
    1.96
    """
    if labels.ndim == 2:
        weight = None if weight is None else np.repeat(weight, labels.shape[1])
        goodness, labels = by_label(goodness).reshape(-1, 2), 1 - labels.reshape(-1)
    samples, classes = goodness.shape
    spread = float(goodness.std(1).mean()) or 1.0
    target = np.full(goodness.shape, 1 / classes / (samples + 1))
    target[np.arange(samples), labels] += samples / (samples + 1)

    def loss(log_temperature: float) -> float:
        scaled = goodness / (spread * np.exp(log_temperature))
        likelihood = (target * log_softmax(scaled, axis=1)).sum(1)
        return -float(np.average(likelihood, weights=weight))

    bounds = tuple(np.log(LIMITS))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return spread * float(np.exp(found.x))

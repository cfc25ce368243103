"""Goodness of every label [n, classes], labels [n] -> the temperature that calibrates softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Array = NDArray[Any]

LIMITS = 1e-4, 1e4  # of the temperature, in standard deviations of the goodness


def temperature(goodness: Array, labels: Array, weight: Array | None = None) -> float:
    """The temperature at which ``softmax(goodness / temperature)`` has the highest likelihood.

    The labels are smoothed as if one more sample had all labels in equal parts; otherwise a few
    samples that are all classified correctly would give a temperature of 0.

    Args:
        goodness: Of every label [n, classes]; with several labels per sample, of each label on and
            off [n, 2 labels], and each label is a decision of its own.
        labels: The true class indices [n], or 0 and 1 [n, labels].
        weight: Weights of the samples [n], or None for equal ones.

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
        goodness, labels = on_off(goodness).reshape(-1, 2), 1 - labels.reshape(-1)
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


def on_off(goodness: Array) -> Array:
    """Goodness of each label, on and off [n, labels, 2], from all candidates' [n, 2 labels]."""
    on, off = np.split(goodness, 2, axis=1)
    return np.stack([on, off], axis=2)

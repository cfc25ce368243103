"""Goodness [layers, n, classes] of validation data, labels [n] -> a combination of the layers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from torch import Tensor

from forward_forward.data import Source
from forward_forward.forward import Network
from forward_forward.forward.combination import WeightedLayers

Array = NDArray[np.float64]

FOLDS = 5  # of the cross-validation that chooses the ridge
INVERSE_RIDGES = np.logspace(-4, 1, 6)  # scikit-learn's C, for inputs of variance 1


def layer_weights(goodness: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """The weights of the layers whose weighted sum of goodness gives the lowest cross-entropy.

    The weights are at least 0, so that no layer counts against what it says. A logarithm of
    softmax differs from the goodness by a number that all classes share, and a layer's temperature
    by a factor that its weight takes up, so the goodness itself is weighted. The problem is convex.
    The labels are smoothed as if one more sample had all of them in equal parts; otherwise no
    weights would be large enough for samples that are all classified correctly.

    Args:
        goodness: Of every label in every layer [layers, n, classes].
        labels: The true classes [n].
        weight: Weights of the samples [n], or None for equal ones.

    Returns:
        Weights [layers], in float64.

    References:
        Platt (1999), "Probabilistic Outputs for Support Vector Machines", for the smoothing;
        L-BFGS-B of scipy.

    >>> good = torch.eye(3)[torch.arange(30) % 3]
    >>> weights = layer_weights(torch.stack([good, -good]), torch.arange(30) % 3)
    >>> bool(weights[0] > 1), float(weights[1])
    (True, 0.0)
    """
    layers, samples, classes = goodness.shape
    rated: Array = goodness.cpu().double().numpy()
    scale = rated.std(2).mean(1)
    scale[scale == 0] = 1
    rated = (rated - rated.mean(2, keepdims=True)) / scale[:, None, None]
    target = np.full((samples, classes), 1 / classes / (samples + 1))
    target[np.arange(samples), labels.cpu().numpy()] += samples / (samples + 1)
    share = np.ones(samples) if weight is None else weight.cpu().double().numpy()
    target *= (share / share.sum())[:, None]

    def loss(weights: Array) -> tuple[float, Array]:
        logs = log_softmax(np.tensordot(weights, rated, 1), axis=1)
        errors = np.exp(logs) * target.sum(1, keepdims=True) - target
        return -float((target * logs).sum()), np.tensordot(rated, errors, 2)

    start = np.full(layers, 1 / layers)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * layers)
    return torch.from_numpy(found.x / scale)


def layer_regression(
    goodness: Tensor, labels: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """A multinomial logistic regression of the label on the goodness of every class and layer.

    Its ridge is the one of six with the best likelihood in a five-fold cross-validation.

    Args:
        goodness: Of every label in every layer [layers, n, classes].
        labels: The true classes [n], each at least five times.
        weight: Weights of the samples [n], or None for equal ones.

    Returns:
        Coefficients [layers, classes, classes], of a class's goodness for the score of another, and
        offsets [classes], in float64.

    References:
        LogisticRegression of scikit-learn.

    >>> labels = torch.arange(30) % 3
    >>> coefficients, offsets = layer_regression(torch.eye(3)[labels][None], labels)
    >>> coefficients.shape, offsets.shape
    (torch.Size([1, 3, 3]), torch.Size([3]))
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    layers, _, classes = goodness.shape
    rows: Array = goodness.cpu().double().movedim(0, 1).flatten(1).numpy()
    mean, scale = rows.mean(0), rows.std(0)
    scale[scale == 0] = 1
    search = GridSearchCV(
        LogisticRegression(max_iter=1_000, random_state=0),
        {"C": INVERSE_RIDGES},
        scoring="neg_log_loss",
        cv=FOLDS,
    )
    weights = None if weight is None else weight.cpu().double().numpy()
    search.fit((rows - mean) / scale, labels.cpu().numpy(), sample_weight=weights)
    found = search.best_estimator_
    slopes, offsets = found.coef_ / scale, found.intercept_
    if classes == 2:  # scikit-learn has one score, of the second class
        slopes = np.concatenate([-slopes, slopes]) / 2
        offsets = np.concatenate([-offsets, offsets]) / 2
    coefficients = torch.from_numpy(slopes).view(classes, layers, classes).permute(1, 2, 0)
    return coefficients, torch.from_numpy(offsets - slopes @ mean)


@torch.no_grad()
def fit_readout(network: Network, source: Source) -> None:
    """Fit how a network with ``readout="weighted"`` or "logistic" combines its layers.

    Others stay as they are. If the network has views, the goodness is their mean.

    Args:
        network: A trained network, whose weights do not change.
        source: Validation data: neither those that the layers learned from nor the test set.

    Raises:
        ValueError: There are too few samples of a class for "logistic".
    """
    combination = network.combination
    if combination is None:
        return
    goodness, labels, weights = [], [], []
    for x, y, weight in source.batches(source.batch_size):
        goodness.append(network.goodness_by_layer(x).cpu())
        labels.append(y)
        weights.append(torch.ones(len(y)) if weight is None else weight)
    data = torch.cat(goodness, 1), torch.cat(labels), torch.cat(weights)
    _check_counts(network, data[1])
    network.choose((0, len(network.layers)))
    if isinstance(combination, WeightedLayers):
        found = layer_weights(*data)
        used = found.nonzero()[:, 0].tolist()
        if used:  # layers above the last one need not be computed
            network.choose((used[0], used[-1] + 1))
            combination.weights.copy_(found)
        return
    coefficients, offsets = layer_regression(*data)
    combination.coefficients.copy_(coefficients)
    combination.offsets.copy_(offsets)


def check_fit(network: Network, source: Source | None) -> None:
    """Reject validation data to which the readout of a network cannot be fitted.

    Raises:
        ValueError: There are none, or too few samples of a class for "logistic".
    """
    setting = network.readout_setting
    if network.combination is None:
        return
    if source is None:
        raise ValueError(
            f'readout="{setting}" is fitted to validation data, and there are none: pass'
            " validation=..., or use None for all layers, or a range (first, stop)"
        )
    if setting == "logistic":
        batches = source.batches(source.batch_size)
        _check_counts(network, torch.cat([batch.y for batch in batches]))


def _check_counts(network: Network, labels: Tensor) -> None:
    counts = torch.bincount(labels.cpu(), minlength=network.examples.num_classes)
    if network.readout_setting == "logistic" and int(counts.min()) < FOLDS:
        raise ValueError(
            f'readout="logistic" expects at least {FOLDS} validation samples of every class, for'
            f" its cross-validation, got {int(counts.min())} of class {int(counts.argmin())}: use"
            ' more validation data, or "weighted"'
        )

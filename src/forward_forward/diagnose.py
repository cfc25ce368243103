"""A trained network and samples x [batch, ...], y [batch] -> figures of its layers and units.

How well each layer separates positives from negatives, how many of its units are silent, and which
patterns the units of the first layer respond to.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor, nn

from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.passes import ForwardPass

BINS = 40
# Modules that pass an image on unchanged, at most in another shape.
SHAPES = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout)


@torch.no_grad()
def histograms(
    network: Network, x: Tensor, y: Tensor | None, rng: torch.Generator
) -> list[dict[str, Any]]:
    """Histograms of the goodness of positives and of negatives in every layer.

    Negatives are drawn with equal scores for all labels, whatever the training drew them from.

    Args:
        network: The network.
        x: Samples [batch, ...].
        y: Their labels [batch]; None if the examples use no labels.
        rng: Generator of the negatives.

    Returns:
        For each layer its ``threshold``, the ``edges`` of the bins [bins + 1], counts of
        ``positive`` and of ``negative`` [bins], and ``separation``: the percentage of pairs in
        which the positive has the higher goodness; 50 is chance level.
    """
    positive, y = _positive(network, x, y)
    if network.class_wise and y is not None:
        # One pass gives both: the goodness of the true class, and that of the others.
        tables = _goodness(network, positive)
        true = torch.nn.functional.one_hot(y, network.examples.num_classes).bool().cpu().numpy()
        return [
            _counted(float(layer.threshold_value), table[true], _others(table, true))
            for layer, table in zip(network.layers, tables, strict=True)
        ]
    scores = torch.zeros(len(x), network.examples.num_classes, device=network.device)
    negative = network.examples.negative(positive, y, rng, scores)
    pairs = zip(_goodness(network, positive), _goodness(network, negative), strict=True)
    return [
        _counted(float(layer.threshold_value), good, bad)
        for layer, (good, bad) in zip(network.layers, pairs, strict=True)
    ]


def _others(table: NDArray[np.float64], true: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The goodness of the wrong classes [(classes - 1) * batch], one class after the other."""
    return table[~true].reshape(len(table), -1).T.ravel()


def _positive(network: Network, x: Tensor, y: Tensor | None) -> tuple[Inputs, Tensor | None]:
    y = None if y is None else y.to(network.device)
    return network.examples.positive(network.ready(x), y), y


def _goodness(network: Network, inputs: Inputs) -> list[NDArray[np.float64]]:
    activities = ForwardPass(network.layers).activities(inputs)
    pairs = zip(network.layers, activities, strict=True)
    return [layer.rate(each).cpu().numpy() for layer, each in pairs]


def _counted(
    threshold: float, positive: NDArray[np.float64], negative: NDArray[np.float64]
) -> dict[str, Any]:
    edges = np.histogram_bin_edges(np.concatenate([positive, negative]), BINS)
    higher = positive > negative.reshape(-1, len(positive))
    return {
        "threshold": round(threshold, 4),
        "edges": [round(float(edge), 4) for edge in edges],
        "positive": np.histogram(positive, edges)[0].tolist(),
        "negative": np.histogram(negative, edges)[0].tolist(),
        "separation": round(100 * float(higher.mean()), 2),
    }


@torch.no_grad()
def silent_units(network: Network, x: Tensor, y: Tensor | None) -> list[float]:
    """Percentage of each layer's units that are 0 for every positive.

    Args:
        network: The network.
        x: Samples [batch, ...].
        y: Their labels [batch]; None if the examples use no labels.
    """
    positive, _ = _positive(network, x, y)
    activities = ForwardPass(network.layers).activities(positive)
    return [100 * float((~each.h.flatten(1).any(0)).double().mean()) for each in activities]


def fields(
    network: Network, shape: tuple[int, int, int], x: Tensor | None = None
) -> NDArray[np.float64]:
    """The weights of the first layer's units as images.

    Channels are averaged. Weights of pixels overlaid by a label are set to 0, as are those of
    pixels that are constant over the samples, since these are never trained.

    Args:
        network: A network whose first block, linear or convolutional, reads images.
        shape: Shape of an image: channels, height, width.
        x: Samples [batch, channels, height, width] that show which pixels vary; None keeps all.

    Returns:
        Images [units, height, width]; for a convolution, of the size of its kernel.

    Raises:
        ValueError: The first block's weights cannot be shown as images.

    >>> from forward_forward.forward import mlp
    >>> fields(mlp(64, 20, num_classes=10), (1, 8, 8)).shape
    (20, 8, 8)
    """
    block = _weights_of(network.layers[0].block)
    if isinstance(block, nn.Conv2d):
        if math.prod(block.kernel_size) == 1:
            raise ValueError(
                "fields expects a first layer with kernels of several pixels, got kernel size 1:"
                " its weights show no pattern"
            )
        return _numbers(block.weight.mean(1))
    pixels = math.prod(shape)
    if block.in_features < pixels:
        raise ValueError(
            f"the first layer reads {block.in_features} values, but an image of shape {shape} has"
            f" {pixels}: pass the shape of one sample"
        )
    seen = torch.ones(pixels, dtype=torch.bool, device=network.device)
    inputs = network.examples.neutral(torch.zeros(1, *shape).to(block.weight))
    if inputs.patterns.shape[1] and not inputs.appended:
        seen[inputs.columns] = False
    if x is not None:
        flat = network.ready(x).flatten(1)
        seen &= flat.amin(0) < flat.amax(0)
    pictures = block.weight[:, :pixels] * seen
    return _numbers(pictures.view(-1, *shape).mean(1))


def _weights_of(block: nn.Module) -> nn.Linear | nn.Conv2d:
    """The first module that changes the image, if its weights can be shown as images."""
    parts = iter(block if isinstance(block, nn.Sequential) else [block])
    first = next((part for part in parts if not isinstance(part, SHAPES)), block)
    if isinstance(first, nn.Linear | nn.Conv2d):
        return first
    raise ValueError(
        f"the first layer's block begins with {type(first).__name__}: only weights of Linear and"
        " Conv2d can be shown as images"
    )


def _numbers(tensor: Tensor) -> NDArray[np.float64]:
    found: NDArray[np.float64] = tensor.detach().double().cpu().numpy()
    return found


def strongest(pictures: NDArray[np.float64], count: int) -> Mapping[int, float]:
    """The units whose weight vectors are longest, in descending order.

    Args:
        pictures: Weights [units, height, width].
        count: Number of units, at most.

    Returns:
        L2 norm of the weights, by unit.

    >>> strongest(np.array([[[1.0]], [[-3.0]], [[2.0]]]), 2)
    {1: 3.0, 2: 2.0}
    """
    lengths = np.sqrt(np.square(pictures).sum((1, 2)))
    order = np.argsort(-lengths, kind="stable")[:count]
    return {int(unit): float(lengths[unit]) for unit in order}


def signed_base64(values: NDArray[Any]) -> str:
    """Values as base64 of signed bytes, the largest in size scaled to 127, for results and pages.

    >>> np.frombuffer(base64.b64decode(signed_base64(np.array([0.0, 2.0, -1.0]))), np.int8)
    array([  0, 127, -64], dtype=int8)
    """
    largest = max(float(np.abs(values).max()), 1e-30)
    return base64.b64encode(np.round(values / largest * 127).astype(np.int8).tobytes()).decode()


def areas(activity: NDArray[Any], labels: NDArray[Any], classes: int) -> NDArray[Any]:
    """Area under the ROC curve of each unit's activity for each class.

    Args:
        activity: Activities [samples, units].
        labels: Classes of the samples [samples].
        classes: Number of classes.

    Returns:
        Areas [units, classes]; 0.5 is chance level.

    >>> areas(np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 1]), 2)
    array([[0., 1.]])
    """
    ranks = stats.rankdata(activity, axis=0)
    found = np.empty((activity.shape[1], classes))
    for label in range(classes):
        mine = labels == label
        count, others = int(mine.sum()), int((~mine).sum())
        total = ranks[mine].sum(0) - count * (count + 1) / 2
        found[:, label] = total / max(count * others, 1)
    return found

"""A trained first layer [units, inputs] -> which of its features are sensible, and of which class.

A feature is called sensible if neighbouring pixels have similar weights: if the spatial
autocorrelation of its weights (Moran's I) is above that of the same weights on shuffled pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import stats

from forward_forward import diagnose, predict, seeds
from forward_forward.forward import Network
from forward_forward.lab.reproduce.job import Split

SHUFFLES = 999
RATE = 0.05  # of false discoveries
SHOWN = 24  # images of each kind


def sensible_features(network: Network, split: Split, seed: int) -> dict[str, Any]:
    """Autocorrelation and classes of the units of a trained linear first layer.

    Only pixels are used that differ between training images and that no label overlays: the
    weights of all others are never trained. Classes are read from validation images.

    Returns:
        ``moran`` (Moran's I), ``p`` and ``sensible`` of each unit, its ``class`` (the digit its
        activity detects best) with ``auc`` (the area under that curve), and ``images`` of the
        weights: the most and the least sensible, and those that match 3s.
    """
    height, width = split.train.shape[-2:]
    used = usable_pixels(network, split, height, width)
    weights = network.layers[0].block.weight.detach().double().cpu().numpy()  # type: ignore[operator]
    pixels = weights[:, : height * width].reshape(-1, height, width)
    moran, p = autocorrelation(pixels, used, seed)
    x, y, _ = next(split.validation.batches(len(split.validation)))
    activity = predict.embeddings(network, x)[0].double().cpu().numpy()
    auc = diagnose.areas(activity, y.cpu().numpy(), len(split.train.classes))
    found = {
        "moran": np.round(moran, 4).tolist(),
        "p": np.round(p, 4).tolist(),
        "sensible": discoveries(p, RATE).tolist(),
        "class": auc.argmax(1).tolist(),
        "auc": np.round(auc.max(1), 4).tolist(),
        "auc_of_3": np.round(auc[:, 3], 4).tolist(),
    }
    return {**found, "images": _images(pixels * used, moran, auc)}


def _images(pixels: np.ndarray, moran: np.ndarray, auc: np.ndarray) -> list[dict[str, Any]]:
    """The most sensible units, the least, and those whose activity detects 3s best."""
    order = np.argsort(-moran)
    shown = min(SHOWN, len(order) // 2)  # so that no unit is among both
    threes = np.argsort(-auc[:, 3])[: SHOWN // 2]
    kinds = {"sensible": order[:shown], "not sensible": order[::-1][:shown], "matches 3s": threes}

    def caption(unit: int, kind: str) -> str:
        if kind == "matches 3s":
            return f"3: {auc[unit, 3]:.2f}"
        return f"I {moran[unit]:.2f}, {auc[unit].argmax()}: {auc[unit].max():.2f}"

    return [
        {
            "kind": kind,
            "label": f"unit {unit}",
            "caption": caption(unit, kind),
            "height": pixels.shape[1],
            "width": pixels.shape[2],
            "pixels": diagnose.signed_base64(pixels[unit]),
        }
        for kind, units in kinds.items()
        for unit in units
    ]


def usable_pixels(network: Network, split: Split, height: int, width: int) -> np.ndarray:
    """Pixels that differ between at least one training image in a hundred and the rest."""
    x, y, _ = next(split.train.batches(10_000))
    rest = network.examples.positive(network.ready(x), y).rest[:, : height * width]
    lit = (rest - rest.median(0).values).abs() > 1e-6
    used: np.ndarray = (lit.double().mean(0) >= 0.01).reshape(height, width).cpu().numpy()
    return used


def autocorrelation(
    pixels: np.ndarray, used: np.ndarray, seed: int, shuffles: int = SHUFFLES
) -> tuple[np.ndarray, np.ndarray]:
    """Moran's I [units] of pictures [units, height, width], and p [units] against shuffled pixels.

    ``I = (n / W) sum_ij w_ij z_i z_j / sum_i z_i^2`` with weights 1 for pixels that share a side,
    among those that are used [height, width]. The smallest possible p is 1 / (shuffles + 1).

    References:
        Moran (1950), Biometrika 37.

    >>> stripes = np.tile([[1.0], [1.0], [-1.0], [-1.0]], (1, 1, 4))
    >>> autocorrelation(stripes, np.ones((4, 4), bool), seed=0)[0].round(2)
    array([0.67])
    """
    values = pixels[:, used]
    values = values - values.mean(1, keepdims=True)
    numbers = np.full(used.shape, -1)
    numbers[used] = np.arange(used.sum())
    sides = (numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])
    pairs = np.concatenate([np.stack([a.ravel(), b.ravel()]) for a, b in sides], 1)
    left, right = pairs[:, (pairs >= 0).all(0)]
    # As a matrix: one product for all units is faster than sums over pairs.
    near = torch.zeros(values.shape[1], values.shape[1], dtype=torch.float32)
    near[left, right] = 1.0
    z = torch.from_numpy(values).float()
    power = z.square().sum(1).clamp_min(1e-30)
    scale = values.shape[1] / max(len(left), 1) / power
    index = ((z @ near) * z).sum(1) * scale
    rng = seeds.generator(seed, "shuffles")
    above = torch.ones(len(z))
    for _ in range(shuffles):
        shuffled = z[:, torch.randperm(z.shape[1], generator=rng)]
        above += ((shuffled @ near) * shuffled).sum(1) * scale >= index
    return index.numpy().astype(float), (above / (shuffles + 1)).numpy().astype(float)


def discoveries(p: np.ndarray, rate: float) -> np.ndarray:
    """Which hypotheses are rejected at a false discovery rate, after Benjamini and Hochberg.

    >>> discoveries(np.array([0.001, 0.04, 0.9]), 0.05)
    array([ True, False, False])
    """
    return np.asarray(stats.false_discovery_control(p) <= rate)

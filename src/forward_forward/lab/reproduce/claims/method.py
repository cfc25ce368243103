"""The method: goodness, loss and inference against direct transcriptions."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forward_forward import losses, recipes
from forward_forward.forward import Layer, Network
from forward_forward.forward.passes import ForwardPass
from forward_forward.goodness import l2_norm, slope_of
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import ArmResult
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import poster
from forward_forward.lab.reproduce.job import split_of
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.optimize import Trainer

CLOSE = 1e-9
SAMPLES = 100
STEP = 1e-6  # of finite differences


def untrained(runner: Runner) -> tuple[Network, Tensor, Tensor]:
    """The poster's untrained network in float64, calibrated, and some of its images."""
    train = split_of(runner.scale.data, runner.scale.images, "cpu").train
    network = recipes.poster.variation(train, hidden=runner.scale.hidden).trainer.network.double()
    x, y, _ = next(train.batches(SAMPLES))
    network.calibrate(x, y)
    return network, x.double(), y


def _activities(network: Network, x: Tensor, labels: Tensor) -> list[np.ndarray]:
    """Activities of all layers as the formulas say, in NumPy: label over the first inputs."""
    rows = _rows(network, x, labels)
    found = []
    for layer in network.layers:
        weight = layer.block.weight.detach().numpy()  # type: ignore[operator]
        bias = layer.block.bias.detach().numpy()  # type: ignore[operator]
        rows = np.maximum(_normal(rows) @ weight.T + bias, 0)
        found.append(rows)
    return found


def _rows(network: Network, x: Tensor, labels: Tensor) -> np.ndarray:
    """Flat images with the label's pattern over their first values."""
    classes = network.examples.num_classes
    rows: np.ndarray = x.flatten(1).numpy().copy()
    rows[:, :classes] = np.eye(classes)[labels.numpy()]
    return rows


def _normal(rows: np.ndarray) -> np.ndarray:
    """Each row at mean square 1."""
    scaled: np.ndarray = rows / (1e-8 + np.sqrt((rows**2).mean(1, keepdims=True)))
    return scaled


def _largest(a: Any, b: Any) -> float:
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def _goodness(runner: Runner) -> Finding:
    network, x, y = untrained(runner)
    written = [np.sqrt((h**2).sum(1)) for h in _activities(network, x, y)]
    passes = ForwardPass(network.layers).activities(network.examples.positive(x, y))
    pairs = list(zip(network.layers, passes, strict=True))
    checks = [
        _close(f"layer {index + 1}: goodness", layer.rate(each), written[index])
        for index, (layer, each) in enumerate(pairs)
    ]
    h = pairs[0][1].h[:5]
    slope = slope_of(l2_norm, h, torch.ones(5, dtype=h.dtype))
    checks.append(
        _close("its slope, h / ||h||", slope, h.numpy() / np.sqrt((h.numpy() ** 2).sum(1))[:, None])
    )
    outcome = runner.arms(poster())[poster().name]
    probe = outcome.each("probes")[0]
    figures = [
        _histograms("Goodness before training", probe["goodness_before"]),
        _histograms("Goodness after training", probe["goodness_after"]),
    ]
    after = ", ".join(f"{row['separation']:.1f} %" for row in probe["goodness_after"])
    note = (
        "The goodness of each layer equals the root of the sum of its squared activities, computed"
        " in NumPy from the weights. The figure shows it for positive and negative validation"
        f" images (seed 0): after training, {after} of the positives, by layer, have a higher"
        " goodness than their own image with a wrong label."
    )
    return exact(checks, note, figures, [outcome])


def _histograms(title: str, layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": "histograms",
        "title": title,
        "caption": "Validation images with their own label (positive) and a wrong one (negative).",
        "x_label": "goodness, ||h||",
        "panels": [
            {
                "name": f"layer {index + 1}, threshold {layer['threshold']:.2f}",
                "series": [
                    {"name": name, "edges": layer["edges"], "counts": layer[name]}
                    for name in ("positive", "negative")
                ],
            }
            for index, layer in enumerate(layers)
        ],
    }


def _loss(runner: Runner) -> Finding:
    network, x, y = untrained(runner)
    wrong = (y + 3) % network.examples.num_classes
    good, bad = (
        np.stack([np.sqrt((h**2).sum(1)) for h in _activities(network, x, labels)])
        for labels in (y, wrong)
    )
    checks = []
    for index, layer in enumerate(network.layers):
        threshold = float(layer.threshold_value)
        margins = (
            torch.from_numpy(good[index] - threshold),
            torch.from_numpy(bad[index] - threshold)[None],
        )
        written = _sigma(bad[index] - threshold) - _sigma(good[index] - threshold)
        checks.append(_close(f"layer {index + 1}: loss", layer.loss(*margins), written))
        _, up, down = losses.judged(layer.loss, *margins)
        differences = (
            _sigma(bad[index] - threshold)
            - _sigma(good[index] + STEP - threshold)
            - (_sigma(bad[index] - threshold) - _sigma(good[index] - STEP - threshold))
        ) / (2 * STEP)
        checks.append(_close(f"layer {index + 1}: slope for positives", up, differences, 1e-8))
        s = _sigma(bad[index] - threshold)
        checks.append(_close(f"layer {index + 1}: slope for negatives", down[0], s * (1 - s)))
    checks += _weight_steps(network, x, y)
    note = (
        "The loss of each layer equals sigma(||h_neg|| - theta) - sigma(||h_pos|| - theta),"
        " computed in NumPy from the weights, and its slopes equal finite differences of it."
    )
    return exact(checks, note)


def _weight_steps(network: Network, x: Tensor, y: Tensor) -> list[dict[str, Any]]:
    """A step at rate 1 beside the gradient of the mean loss, both with the same wrong labels."""

    def wrong(y: Tensor, classes: int, rng: torch.Generator, scores: Tensor | None) -> Tensor:
        return ((y + 3) % classes)[None]

    wrong.scores, wrong.fraction = "nothing", 0.0  # type: ignore[attr-defined]
    network = copy.deepcopy(network)
    network.examples = replace(network.examples, negatives=wrong)  # type: ignore[type-var]
    before = [_weight(layer) for layer in network.layers]
    written = _gradients(network, x, y, (y + 3) % network.examples.num_classes)
    trainer = Trainer(network, optimizer=torch.optim.SGD, lr=1.0, weight_decay=0.0)
    trainer.step(x, y)
    moved = [old - _weight(layer) for old, layer in zip(before, network.layers, strict=True)]
    return [
        _close(f"layer {index + 1}: a step of its weights", *pair)
        for index, pair in enumerate(zip(moved, written, strict=True))
    ]


def _weight(layer: Layer) -> np.ndarray:
    values: np.ndarray = layer.block.weight.detach().numpy().copy()  # type: ignore[operator]
    return values


def _gradients(network: Network, x: Tensor, y: Tensor, wrong: Tensor) -> list[np.ndarray]:
    """Gradient of each layer's mean loss with respect to its weights, as the formulas say."""
    good, bad = (_activities(network, x, labels) for labels in (y, wrong))
    found = []
    for index, layer in enumerate(network.layers):
        threshold = float(layer.threshold_value)
        total = np.zeros_like(_weight(layer))
        for sign, labels, every in ((-1, y, good), (1, wrong, bad)):
            h = every[index]
            length = np.sqrt((h**2).sum(1))
            s = _sigma(length - threshold)
            below = _normal(_rows(network, x, labels) if index == 0 else every[index - 1])
            total += sign * (s * (1 - s) / length * h.T) @ below / len(h)
        found.append(total)
    return found


def _sigma(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-values))
    return found


def _inference(runner: Runner) -> Finding:
    network, x, _ = untrained(runner)
    classes = network.examples.num_classes
    scores = np.zeros((len(x), classes))
    for label in range(classes):
        labels = torch.full((len(x),), label)
        scores[:, label] = sum(np.sqrt((h**2).sum(1)) for h in _activities(network, x, labels))
    chosen = network.predict(x).numpy()
    checks = [
        _close("sum over the layers of ||h(c)||, every label c", network.goodness(x), scores),
        rules.check(
            "labels that differ from the argmax of the sums",
            int((chosen != scores.argmax(1)).sum()),
            "0",
            bool((chosen == scores.argmax(1)).all()),
        ),
        _close(
            "the same by layer, summed",
            network.goodness_by_layer(x).sum(0),
            scores,
        ),
    ]
    outcome = runner.arms(poster())[poster().name]
    figure = {
        "kind": "labels",
        "title": "Goodness of every label, by layer",
        "caption": "Validation images that are read rightly and wrongly by the network of seed 0;"
        " the label of the largest sum is read.",
        "samples": outcome.each("probes")[0]["labels"],
    }
    note = (
        "Every label is laid over every image, the norms of the layers' activities are computed in"
        " NumPy and summed over all layers; the library's sums are the same, and so are its labels."
    )
    return exact(checks, note, [figure], [outcome])


def _close(name: str, mine: Any, written: Any, limit: float = CLOSE) -> dict[str, Any]:
    difference = _largest(mine.detach() if isinstance(mine, Tensor) else mine, written)
    return rules.check(
        f"{name}: largest difference",
        float(f"{difference:.2g}"),
        limit,
        math.isfinite(difference) and difference <= limit,
    )


def exact(
    checks: list[dict[str, Any]],
    note: str,
    figures: list[dict[str, Any]] | None = None,
    outcomes: list[ArmResult] | None = None,
) -> Finding:
    """What exactness tests found."""
    statistic, verdict = rules.exact(checks)
    return Finding(
        statistic, verdict, note, checks=checks, figures=figures or [], outcomes=outcomes or []
    )


SOURCE = "poster, Method"
GOODNESS = Claim(
    "method.goodness",
    "Goodness",
    "The goodness of a layer is the L2 norm of its activations: g = ||h||_2.",
    SOURCE,
    rules.EXACT,
    _goodness,
    lambda scale: [poster()],
)
LOSS = Claim(
    "method.loss",
    "Loss",
    "During training, maximize goodness for positive data and minimize goodness for negative data."
    " L = sigma(||h_neg||_2 - theta) - sigma(||h_pos||_2 - theta).",
    SOURCE,
    rules.EXACT,
    _loss,
)
INFERENCE = Claim(
    "method.inference",
    "Inference",
    "The label leading to largest activations is chosen: argmax over c of the sum over all layers"
    " of ||h(c)||_2.",
    SOURCE,
    rules.EXACT,
    _inference,
    lambda scale: [poster()],
)

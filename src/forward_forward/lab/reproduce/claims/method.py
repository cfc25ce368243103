"""The method: goodness, loss and inference against the formulas, transcribed directly in NumPy."""

from __future__ import annotations

import copy
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
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, exact
from forward_forward.lab.reproduce.claims.variations import poster
from forward_forward.lab.reproduce.job import split_of
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.optimize import Trainer

CLOSE = 1e-9
SAMPLES = 100
STEP = 1e-6  # of finite differences


def untrained(runner: Runner) -> tuple[Network, Tensor, Tensor]:
    """The poster's untrained network in float64, calibrated, and some of its images and labels."""
    train = split_of(runner.scale.data, runner.scale.images, "cpu").train
    network = recipes.poster.variation(train, hidden=runner.scale.hidden).trainer.network.double()
    x, y, _ = next(train.batches(SAMPLES))
    network.calibrate(x, y)
    return network, x.double(), y


def _activities(network: Network, x: Tensor, labels: Tensor) -> list[np.ndarray]:
    """Activities of all layers by the formulas, with the label over the first inputs."""
    rows = _rows(network, x, labels)
    found = []
    for layer in network.layers:
        bias = layer.block.bias.detach().numpy()  # type: ignore[operator]
        rows = np.maximum(_normal(rows) @ _weight(layer).T + bias, 0)
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


def _length(rows: np.ndarray) -> np.ndarray:
    length: np.ndarray = np.sqrt((rows**2).sum(1))
    return length


def _sigma(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-values))
    return found


def _weight(layer: Layer) -> np.ndarray:
    values: np.ndarray = layer.block.weight.detach().numpy().copy()  # type: ignore[operator]
    return values


def _goodness(runner: Runner) -> Finding:
    network, x, y = untrained(runner)
    passes = ForwardPass(network.layers).activities(network.examples.positive(x, y))
    pairs = list(zip(network.layers, passes, strict=True))
    formula = map(_length, _activities(network, x, y))
    checks = [
        _close(f"layer {number}: goodness", layer.rate(each), length)
        for number, ((layer, each), length) in enumerate(zip(pairs, formula, strict=True), 1)
    ]
    h = pairs[0][1].h[:5]
    slope = slope_of(l2_norm, h, torch.ones(5, dtype=h.dtype))
    checks.append(_close("its slope, h / ||h||", slope, h.numpy() / _length(h.numpy())[:, None]))
    result = runner.arms(poster())[poster().name]
    probe = result.each("probes")[0]
    figures = [
        _histograms(f"Goodness {when} training", probe[f"goodness_{when}"])
        for when in ("before", "after")
    ]
    after = ", ".join(f"{row['separation']:.1f} %" for row in probe["goodness_after"])
    note = (
        "The goodness of each layer equals the root of the sum of its squared activities, computed"
        " in NumPy from the weights. The figure shows it for positive and negative validation"
        f" images (seed 0): after training, {after} of the positives, by layer, have a higher"
        " goodness than the same image with a wrong label."
    )
    return exact(checks, note, figures=figures, arms=[result])


def _histograms(title: str, layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": "histograms",
        "title": title,
        "caption": "Validation images with their own label (positive) and a wrong one (negative).",
        "x_label": "goodness, ||h||",
        "panels": [
            {
                "name": f"layer {number}, threshold {layer['threshold']:.2f}",
                "series": [
                    {"name": name, "edges": layer["edges"], "counts": layer[name]}
                    for name in ("positive", "negative")
                ],
            }
            for number, layer in enumerate(layers, 1)
        ],
    }


def _loss(runner: Runner) -> Finding:
    network, x, y = untrained(runner)
    wrong = (y + 3) % network.examples.num_classes
    good, bad = (map(_length, _activities(network, x, labels)) for labels in (y, wrong))
    checks = []
    for number, (layer, *lengths) in enumerate(zip(network.layers, good, bad, strict=True), 1):
        pos, neg = (length - float(layer.threshold_value) for length in lengths)
        margins = torch.from_numpy(pos), torch.from_numpy(neg)[None]
        loss = _sigma(neg) - _sigma(pos)
        checks.append(_close(f"layer {number}: loss", layer.loss(*margins), loss))
        _, up, down = losses.judged(layer.loss, *margins)
        differences = (_sigma(pos - STEP) - _sigma(pos + STEP)) / (2 * STEP)
        checks.append(_close(f"layer {number}: slope for positives", up, differences, 1e-8))
        slope = _sigma(neg) * (1 - _sigma(neg))
        checks.append(_close(f"layer {number}: slope for negatives", down[0], slope))
    checks += _weight_steps(network, x, y)
    note = (
        "The loss of each layer equals sigma(||h_neg|| - theta) - sigma(||h_pos|| - theta),"
        " computed in NumPy from the weights, and its slopes equal finite differences of it."
    )
    return exact(checks, note)


def _weight_steps(network: Network, x: Tensor, y: Tensor) -> list[dict[str, Any]]:
    """A step at rate 1 against the gradient of the mean loss, with the same wrong labels."""

    def wrong(y: Tensor, classes: int, rng: torch.Generator, scores: Tensor | None) -> Tensor:
        return ((y + 3) % classes)[None]

    wrong.scores, wrong.fraction = "nothing", 0.0  # type: ignore[attr-defined]
    network = copy.deepcopy(network)
    network.examples = replace(network.examples, negatives=wrong)  # type: ignore[type-var]
    before = [_weight(layer) for layer in network.layers]
    gradients = _gradients(network, x, y, (y + 3) % network.examples.num_classes)
    trainer = Trainer(network, optimizer=torch.optim.SGD, lr=1.0, weight_decay=0.0)
    trainer.step(x, y)
    moved = [old - _weight(layer) for old, layer in zip(before, network.layers, strict=True)]
    return [
        _close(f"layer {number}: a step of its weights", *pair)
        for number, pair in enumerate(zip(moved, gradients, strict=True), 1)
    ]


def _gradients(network: Network, x: Tensor, y: Tensor, wrong: Tensor) -> list[np.ndarray]:
    """Gradient of each layer's mean loss with respect to its weights, by the formulas."""
    good, bad = (_activities(network, x, labels) for labels in (y, wrong))
    found = []
    for index, layer in enumerate(network.layers):
        total = np.zeros_like(_weight(layer))
        for sign, labels, activities in ((-1, y, good), (1, wrong, bad)):
            h = activities[index]
            s = _sigma(_length(h) - float(layer.threshold_value))
            below = _normal(_rows(network, x, labels) if index == 0 else activities[index - 1])
            total += sign * (s * (1 - s) / _length(h) * h.T) @ below / len(h)
        found.append(total)
    return found


def _inference(runner: Runner) -> Finding:
    network, x, _ = untrained(runner)
    scores = np.zeros((len(x), network.examples.num_classes))
    for label in range(scores.shape[1]):
        labels = torch.full((len(x),), label)
        scores[:, label] = sum(map(_length, _activities(network, x, labels)))
    different = int((network.predict(x).numpy() != scores.argmax(1)).sum())
    by_layer = network.goodness_by_layer(x).sum(0)
    labels_differ = "labels that differ from the argmax of the sums"
    checks = [
        _close("sum over the layers of ||h(c)||, every label c", network.goodness(x), scores),
        rules.check(labels_differ, different, "0", different == 0),
        _close("the goodness by layer, summed", by_layer, scores),
    ]
    result = runner.arms(poster())[poster().name]
    figure = {
        "kind": "labels",
        "title": "Goodness of every label, by layer",
        "caption": "Validation images that the network of seed 0 classifies correctly, and some"
        " that it does not; the label with the largest sum is predicted.",
        "samples": result.each("probes")[0]["labels"],
    }
    note = (
        "Every label is laid over every image, and the norms of the layers' activities are computed"
        " in NumPy and summed over all layers; the library's sums and labels are the same."
    )
    return exact(checks, note, figures=[figure], arms=[result])


def _close(name: str, ours: Any, formula: Any, limit: float = CLOSE) -> dict[str, Any]:
    ours = ours.detach() if isinstance(ours, Tensor) else ours
    difference = float(np.abs(np.asarray(ours) - np.asarray(formula)).max())
    shown = float(f"{difference:.2g}")
    return rules.check(f"{name}: largest difference", shown, limit, difference <= limit)


SOURCE = "poster, Method"
GOODNESS = Claim(
    name="method.goodness",
    title="Goodness",
    statement="The goodness of a layer is the L2 norm of its activations: g = ||h||_2.",
    source=SOURCE,
    rule=rules.EXACT,
    measure=_goodness,
    arms=lambda scale: [poster()],
)
LOSS = Claim(
    name="method.loss",
    title="Loss",
    statement="During training, maximize goodness for positive data and minimize goodness for"
    " negative data. L = sigma(||h_neg||_2 - theta) - sigma(||h_pos||_2 - theta).",
    source=SOURCE,
    rule=rules.EXACT,
    measure=_loss,
)
INFERENCE = Claim(
    name="method.inference",
    title="Inference",
    statement="The label leading to largest activations is chosen: argmax over c of the sum over"
    " all layers of ||h(c)||_2.",
    source=SOURCE,
    rule=rules.EXACT,
    measure=_inference,
    arms=lambda scale: [poster()],
)

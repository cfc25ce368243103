"""An untrained network and training data -> its thresholds, goodness and slopes at the start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from forward_forward import losses, seeds
from forward_forward.examples import Inputs
from forward_forward.forward import Layer, Network
from forward_forward.forward.passes import ForwardPass
from forward_forward.goodness import l2_norm
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.optimize.train_step import CALIBRATION_SAMPLES


def calibration_images(split: Split, job: Job) -> tuple[Tensor, Tensor]:
    """The training images from which a job's thresholds are set, and their labels."""
    order = seeds.generator(job.seed, "calibration")
    x, y, _ = next(split.train.batches(CALIBRATION_SAMPLES, shuffle=order))
    return x, y


@torch.no_grad()
def set_temperatures(network: Network, x: Tensor, y: Tensor, factor: float) -> None:
    """Set each layer's temperature to its goodness over the L2 norm's, times a factor.

    Both are those of the untrained network. A margin then has the same spread as the L2 norm's,
    whatever the power of the goodness.
    """
    positive = network.examples.positive(network.ready(x), y.to(network.device))
    for layer, each in zip(
        network.layers, ForwardPass(network.layers).activities(positive), strict=True
    ):
        ratio = layer.goodness(each.h).mean() / l2_norm(each.h).mean()
        layer.temperature = factor * float(ratio)


@torch.no_grad()
def start(network: Network, x: Tensor, y: Tensor, seed: int) -> Record:
    """Describe the layers before the first step, on training samples with uniform negatives.

    Returns:
        ``threshold``, ``temperature``, ``goodness`` (mean of positives) and ``slope`` (mean size
        of the loss's slope with respect to a positive's goodness), one value per layer.
    """
    x, y = x[:CALIBRATION_SAMPLES], y[:CALIBRATION_SAMPLES]
    positive = network.examples.positive(network.ready(x), y.to(network.device))
    negative = wrongly_labelled(network, positive, y, seeds.generator(seed, "start"))
    # Two passes, one after the other, each with its own memory.
    good, bad = (
        [layer.rate(each) for layer, each in zip(network.layers, activities, strict=True)]
        for activities in (
            ForwardPass(network.layers).activities(inputs) for inputs in (positive, negative)
        )
    )
    return described(network.layers, good, [each.view(-1, len(positive.rest)) for each in bad])


def described(
    layers: Iterable[Layer], positive: Sequence[Tensor], negative: Sequence[Tensor]
) -> Record:
    """What `start` says about layers, from their goodness.

    That of positives is [batch] in each layer, that of negatives [negatives, batch].
    """
    rows: dict[str, list[float]] = {}
    for layer, good, bad in zip(layers, positive, negative, strict=True):
        slope = losses.judged(layer.loss, layer.margin(good), layer.margin(bad))[1]
        values = {
            "threshold": float(layer.threshold_value),
            "temperature": layer.temperature,
            "goodness": float(good.mean()),
            "slope": float(slope.abs().mean()) / layer.temperature,
        }
        for name, value in values.items():
            rows.setdefault(name, []).append(float(f"{value:.4g}"))
    return rows


def wrongly_labelled(network: Network, positive: Inputs, y: Tensor, rng: torch.Generator) -> Inputs:
    """The same samples as negatives; hard ones are drawn as if all labels were equally likely."""
    scores = torch.zeros(len(y), network.examples.num_classes, device=network.device)
    return network.examples.negative(positive, y.to(network.device), rng, scores)

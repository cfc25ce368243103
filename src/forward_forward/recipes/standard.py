"""The default of ``ff train``: a pairwise loss and some hard negatives, for any flat data."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from forward_forward.data import Source
from forward_forward.examples import (
    AppendLabel,
    Examples,
    FromFirstLayer,
    OverlayLabel,
    WrongLabels,
)
from forward_forward.forward import Layer, Standardize, mlp
from forward_forward.forward.layer import Threshold
from forward_forward.forward.layer_range import ReadoutSetting
from forward_forward.goodness import Goodness, mean_square
from forward_forward.losses import LocalLoss, SiluPair
from forward_forward.optimize import Trainer, cosine
from forward_forward.optimize.collaboration import Collaboration
from forward_forward.optimize.order import Order
from forward_forward.optimize.precision import Precision
from forward_forward.recipes.plan import Plan, classes_of, features

SHOWN = 300_000  # samples in all epochs together
SKIP = 0.1


def standard(
    train: Source,
    *,
    seed: int = 0,
    epochs: int | None = None,
    hidden: tuple[int, ...] = (500, 500),
    batch_size: int | None = None,
    lr: float = 5e-3,
    optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
    loss: LocalLoss = SiluPair(alpha=6.0),
    goodness: Goodness = mean_square,
    threshold: Threshold = "calibrated",
    activation: Callable[[], nn.Module] = nn.ReLU,
    negatives: WrongLabels = FromFirstLayer(),
    other_images: float = 0.0,
    label: Literal["append", "overlay"] = "append",
    order: Order = "joint",
    collaboration: Collaboration | None = None,
    readout: ReadoutSetting = "auto",
    precision: Precision = "auto",
    skip: float | None = None,
    look_ahead: int = 0,
    local_head: bool = False,
    device: torch.device | str | None = None,
) -> Plan:
    """1.63 % on MNIST in 19 s (n = 5, 95 % interval +-0.07), 1.9 % on digits in 9 s (n = 3, +-1.4).

    Positive and negative data, and a layer-local loss of goodness.

    The label is appended, with a strength that grows as the number of inputs falls. A tenth of the
    inputs is dropped. Hard negatives are drawn from the first layer's goodness of all labels, and
    labels are read from the summed goodness of the layers that have the fewest errors on the
    validation data. Samples with a small slope are omitted from the matrix products of the
    gradients. A softmax head is added if the negatives are drawn from one. Flat samples, such as
    the rows of a table, and colour images are standardised.

    Args:
        train: Training data.
        seed: Random seed of weights, negatives, dropout and sample order.
        epochs: Passes over the data; None for about 300,000 samples in all, in 6 to 55 epochs.
        hidden: Units of each layer.
        batch_size: Samples per step; None for 320, or about a twentieth of a smaller data set.
        lr: Initial learning rate; it decays to 0 on a cosine schedule.
        optimizer: Class of a torch optimizer.
        loss: Loss of each layer.
        goodness: Goodness of each layer.
        threshold: Threshold of each layer: a number, "width" or "calibrated".
        activation: Makes the activation of each layer, such as its class.
        negatives: How wrong labels are chosen.
        other_images: Fraction of the negatives that are another image with this label.
        label: Whether to append the label to the inputs, or overlay the first of them with it.
        order: See `Trainer`.
        collaboration: See `Trainer`; with readout="auto", labels are read from all layers.
        readout: The layers whose goodness is summed, (first, stop); None for all of them. "auto"
            chooses those with the fewest errors on the validation data.
        precision: Precision of matrix products.
        skip: See `Trainer`; None for 0.1 with `SiluPair` on a CPU, in the joint and
            the greedy order, and 0 otherwise.
        look_ahead: See `Trainer`.
        local_head: Whether the layers of a softmax head learn separately: see `SoftmaxHead`.
        device: Where to train.

    Returns:
        The plan.
    """
    classes = classes_of(train)
    place = AppendLabel if label == "append" else OverlayLabel
    values = features(train)
    strength = strength_for(values)
    examples: Examples = place(
        classes, strength=strength, negatives=negatives, other_images=other_images
    )
    layer = functools.partial(
        Layer, activation=activation, goodness=goodness, loss=loss, threshold=threshold
    )
    network = mlp(
        values,
        *hidden,
        num_classes=classes,
        seed=seed,
        examples=examples,
        inputs=Standardize.of(train) if has_own_units(train) else None,
        layer=layer,
        dropout=[0.1, *[0.0] * (len(hidden) - 1)],
        head=negatives.scores == "softmax" and ("local" if local_head else True),
        # Layers that collaborate learn the sum with all layers.
        readout=None if collaboration and readout == "auto" else readout,
    )
    if skip is None:
        # For this loss, without loss of accuracy on MNIST (docs/engine.md). On other devices than
        # the CPU, finding these samples would synchronise with the device in each step.
        on_cpu = device is None or str(device).startswith("cpu")
        skips = on_cpu and isinstance(loss, SiluPair) and order in ("joint", "greedy")
        skip = SKIP if skips else 0.0
    trainer = Trainer(
        network,
        optimizer=optimizer,
        lr=lr,
        weight_decay=0.0,
        schedule=cosine,
        order=order,
        collaboration=collaboration,
        precision=precision,
        skip=skip,
        look_ahead=look_ahead,
        seed=seed,
        device=device,
    )
    if batch_size is None:
        batch_size = batch_size_for(len(train))
    if epochs is None:
        epochs = epochs_for(len(train))
    return Plan(trainer, epochs, batch_size)


def has_own_units(train: Source) -> bool:
    """Whether to standardise samples: table columns have units of their own, colours a large mean.

    Most of a colour image is common to all of them, and layers that see little else fall silent.
    Light marks on a dark background, as in MNIST, are not standardised.
    """
    return len(train.shape) == 1 or (len(train.shape) == 3 and train.shape[0] == 3)


def strength_for(features: int) -> float:
    """The strength of the label: 1 for the 784 inputs of MNIST, 3 for 64 inputs and fewer."""
    # Chosen on validation data. A stronger label would drown out the inputs of small samples.
    return min(3.0, max(1.0, 24 / math.sqrt(features)))


def epochs_for(samples: int) -> int:
    """Epochs in which a network sees about 300,000 samples, 6 to 55.

    >>> epochs_for(50_000), epochs_for(1_222)
    (6, 55)
    """
    return min(55, max(6, round(SHOWN / samples)))


def batch_size_for(samples: int) -> int:
    """A power of two from 32 to 256, or 320: on small data, small batches give enough steps."""
    nearest: int = 2 ** round(math.log2(max(1, samples / 20)))
    return min(320, max(32, nearest))

"""The poster's method: L2-norm goodness, sigmoid loss, the label of the largest summed goodness."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import nn

from forward_forward import goodness, losses
from forward_forward.data import Source
from forward_forward.examples import OverlayLabel, Uniform
from forward_forward.examples.negatives import WrongLabels
from forward_forward.forward import Layer, mlp
from forward_forward.forward.layer import Threshold
from forward_forward.goodness import Goodness
from forward_forward.losses import LocalLoss
from forward_forward.optimize import Trainer, cosine
from forward_forward.optimize.precision import Precision
from forward_forward.optimize.schedules import Schedule
from forward_forward.recipes.plan import Plan, classes_of, features

__all__ = ["method"]  # the recipes; `variation` is for them and for the claims


def method(
    train: Source,
    *,
    seed: int = 0,
    epochs: int = 20,
    hidden: tuple[int, ...] = (500, 500),
    batch_size: int = 256,
    lr: float = 1e-3,
    threshold_factor: float = 1.0,
    precision: Precision = "auto",
    device: torch.device | str | None = None,
) -> Plan:
    """3.66 % on MNIST by the poster's loss, goodness and inference (n = 3, 95 % interval +-0.17).

    The poster does not state its data sizes and learning rates; a rate of 1e-3 was chosen on
    validation data (with 3e-3, the second layer of one seed in three stayed at 13 %). The slope of
    the sigmoid loss vanishes if goodness is far from the threshold, so the threshold is calibrated:
    the mean goodness of the untrained layer, times a factor.

    Args:
        train: Training data.
        seed: Random seed of weights, negatives and sample order.
        epochs: Passes over the data.
        hidden: Units of each layer.
        batch_size: Samples per step.
        lr: Initial learning rate of Adam; it decays to 0 on a cosine schedule.
        threshold_factor: Multiplies the calibrated threshold.
        precision: Precision of matrix products.
        device: Where to train.

    Returns:
        The plan.

    References:
        The poster, "Method" and its Figure 6 (Adam).
    """
    return variation(**locals())


def variation(
    train: Source,
    *,
    seed: int = 0,
    epochs: int = 20,
    hidden: tuple[int, ...] = (500, 500),
    batch_size: int = 256,
    lr: float = 1e-3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    schedule: Schedule = cosine,
    loss: LocalLoss = losses.sigmoid,
    goodness: Goodness = goodness.l2_norm,
    threshold: Threshold = "calibrated",
    threshold_factor: float = 1.0,
    temperature: float = 1.0,
    weight_decay: float | None = 0.0,
    activation: Callable[[], nn.Module] = nn.ReLU,
    negatives: WrongLabels = Uniform(),
    precision: Precision = "auto",
    device: torch.device | str | None = None,
) -> Plan:
    """The poster's method with any of its parts replaced, as its figures compare them.

    Args:
        train: Training data.
        seed: Random seed of weights, negatives and sample order.
        epochs: Passes over the data.
        hidden: Units of each layer.
        batch_size: Samples per step.
        lr: Initial learning rate.
        optimizer: Class of a torch optimizer, or a ``functools.partial`` of one (Figure 6).
        schedule: Factor of the learning rate over the epochs.
        loss: Loss of every layer (Figure 8, right).
        goodness: Goodness of every layer (Figure 9).
        threshold: A number, "width" or "calibrated".
        threshold_factor: Multiplies a threshold given by name.
        temperature: Divides goodness minus threshold.
        weight_decay: Weight decay; None for the optimizer's default.
        activation: Makes the activation of each layer, such as its class (Figure 8, left).
        negatives: How wrong labels are chosen (Figure 4).
        precision: Precision of matrix products.
        device: Where to train.

    References:
        The poster, Figures 4, 6, 8 and 9.
    """
    classes = classes_of(train)
    layer = functools.partial(
        Layer,
        activation=activation,
        goodness=goodness,
        loss=loss,
        threshold=threshold,
        threshold_factor=threshold_factor,
        temperature=temperature,
    )
    network = mlp(
        features(train),
        *hidden,
        num_classes=classes,
        seed=seed,
        examples=OverlayLabel(classes, negatives=negatives),
        layer=layer,
        head=negatives.scores == "softmax",
    )
    trainer = Trainer(
        network,
        optimizer=optimizer,
        lr=lr,
        weight_decay=weight_decay,
        schedule=schedule,
        precision=precision,
        seed=seed,
        device=device,
    )
    return Plan(trainer, epochs, batch_size)

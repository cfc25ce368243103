"""Layers that answer for every class: cross-entropy of each layer's own linear classifier."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from forward_forward.data import Source
from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, Standardize, mlp
from forward_forward.forward.layer_range import ReadoutSetting
from forward_forward.losses import CrossEntropy, LocalLoss
from forward_forward.optimize import Trainer, cosine
from forward_forward.optimize.collaboration import Collaboration
from forward_forward.optimize.order import Order, Rule
from forward_forward.optimize.precision import Precision
from forward_forward.readouts import LinearReadout, of_classes
from forward_forward.recipes.plan import Plan, classes_of, features
from forward_forward.recipes.standard import batch_size_for, epochs_for, has_own_units
from forward_forward.terms import LocalTerm

ADVERSARIAL = 0.1


def one_pass(
    train: Source,
    *,
    seed: int = 0,
    epochs: int | None = None,
    hidden: tuple[int, ...] = (1000, 1000),
    batch_size: int | None = None,
    lr: float = 3e-3,
    optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
    loss: LocalLoss = CrossEntropy(label_smoothing=0.1),
    goodness: Callable[..., Any] = LinearReadout,
    terms: Sequence[LocalTerm] = (),
    activation: Callable[[], nn.Module] = nn.ReLU,
    dropout: float = 0.2,
    adversarial: float | None = None,
    order: Order = "joint",
    rule: Rule = "local",
    collaboration: Collaboration | None = None,
    readout: ReadoutSetting = "auto",
    precision: Precision = "auto",
    device: torch.device | str | None = None,
) -> Plan:
    """1.05 % on MNIST in 19 s (n = 3, 95 % interval +-0.12), 0.9 % on digits in 7 s (+-0.4).

    The label is not in the input. Each layer has a linear classifier of its own, whose logits are
    its goodness of every class; the goodness of the true class is its positive, that of the other
    classes are its negatives. The first layer learns from inputs moved along the gradient of its
    own loss and passes on the activities of the original ones. Labels are read from the summed
    goodness of the layers that have the fewest errors on the validation data, in a single pass.

    Args:
        train: Training data.
        seed: Random seed of weights, dropout and sample order.
        epochs: Passes over the data; None for about 300,000 samples in all, in 6 to 55 epochs.
        hidden: Units of each layer.
        batch_size: Samples per step; None for 256, or about a twentieth of a smaller data set.
        lr: Initial learning rate; it decays to 0 on a cosine schedule.
        optimizer: Class of a torch optimizer.
        loss: Loss of each layer.
        goodness: The read-out of each layer: a template for classes, or a class, perhaps with some
            arguments as `functools.partial`.
        terms: Further losses of each layer: see `Layer`; one of them by name in ``ff train --set``.
        activation: Makes the activation of each layer, such as its class.
        dropout: Fraction of the inputs dropped in each layer but the first.
        adversarial: How far the first layer's inputs move: see `Layer`; None for 0.1 if order and
            collaboration allow it, 0 for not at all.
        order: See `Trainer`.
        rule: See `Trainer`; by backprop the first layer makes no adversarial step.
        collaboration: See `Trainer`; with readout="auto", labels are read from all layers.
        readout: The layers whose goodness is summed, (first, stop); None for all of them. "auto"
            chooses those with the fewest errors on the validation data.
        precision: Precision of matrix products.
        device: Where to train.

    Returns:
        The plan.

    References:
        Mono-Forward, arXiv 2501.09238, for a layer's own classifier.
    """
    classes = classes_of(train)
    made = of_classes(goodness, classes)
    layer = functools.partial(Layer, activation=activation, goodness=made, loss=loss, terms=terms)
    rates: Sequence[float] = [0.0, *[dropout] * (len(hidden) - 1)]
    network = mlp(
        features(train),
        *hidden,
        num_classes=classes,
        seed=seed,
        examples=NoLabel(classes),
        inputs=Standardize.of(train) if has_own_units(train) else None,
        layer=layer,
        dropout=rates,
        # Layers that collaborate learn the sum with all layers.
        readout=None if collaboration and readout == "auto" else readout,
    )
    if adversarial is None:
        alone = order in ("joint", "greedy") and collaboration != "all" and rule == "local"
        adversarial = ADVERSARIAL if alone else 0.0
    network.layers[0].adversarial = adversarial
    if network.inputs is not None:
        # The length of a row of few features tells classes apart; no label is beside it.
        network.layers[0].normalize = None
    trainer = Trainer(
        network,
        optimizer=optimizer,
        lr=lr,
        weight_decay=0.0,
        schedule=cosine,
        order=order,
        rule=rule,
        collaboration=collaboration,
        precision=precision,
        seed=seed,
        device=device,
    )
    if batch_size is None:
        batch_size = min(256, batch_size_for(len(train)))
    if epochs is None:
        epochs = epochs_for(len(train))
    return Plan(trainer, epochs, batch_size)

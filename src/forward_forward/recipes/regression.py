"""A real-valued target in ordered bins: cross-entropy of each layer's own soft targets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from forward_forward.data import Source
from forward_forward.examples import OrdinalBins
from forward_forward.examples.bins import SPREAD
from forward_forward.forward import Layer, Standardize, mlp
from forward_forward.losses import CrossEntropy, LocalLoss
from forward_forward.optimize import Trainer, cosine
from forward_forward.optimize.precision import Precision
from forward_forward.readouts import LinearReadout, of_classes
from forward_forward.recipes.plan import Plan, features
from forward_forward.recipes.standard import has_own_units

SHOWN = 250_000  # samples in all epochs together


def regression(
    train: Source,
    *,
    seed: int = 0,
    epochs: int | None = None,
    hidden: tuple[int, ...] = (100, 100),
    batch_size: int | None = None,
    lr: float = 1e-2,
    optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
    loss: LocalLoss = CrossEntropy(),
    goodness: Callable[..., Any] = LinearReadout,
    activation: Callable[[], nn.Module] = nn.ReLU,
    spread: float = SPREAD,
    dropout: float = 0.0,
    precision: Precision = "float32",
    device: torch.device | str | None = None,
) -> Plan:
    """Root-mean-square error within 5 % of `MLPRegressor`'s (docs/recipes/regression.md).

    The range of the target is divided into ordered bins. Each layer has a linear read-out of its
    own, whose outputs are its goodness of every bin, and learns by cross-entropy with a soft target
    that is highest at the bins near the true value. The prediction is the expected centre of the
    bins, averaged over all layers.

    Args:
        train: Training data with a real-valued target.
        seed: Random seed of weights, dropout and sample order.
        epochs: Passes over the data; None for about 250,000 samples in all, in 10 to 50 epochs.
        hidden: Units of each layer.
        batch_size: Samples per step; None for 200, or all of a smaller data set.
        lr: Initial learning rate; it decays to 0 on a cosine schedule.
        optimizer: Class of a torch optimizer.
        loss: Loss of each layer; it must take soft targets.
        goodness: The read-out of each layer: a template for bins, or a class, perhaps with some
            arguments as `functools.partial`.
        activation: Makes the activation of each layer, such as its class.
        spread: Of the soft targets and between bins, in standard deviations of the target.
        dropout: Fraction of the inputs dropped in each layer but the first.
        precision: Precision of matrix products; bfloat16 would round the inputs by 0.4 %.
        device: Where to train.

    Returns:
        The plan.

    Raises:
        ValueError: The data have classes.

    References:
        The soft ordinal targets of FFR, arXiv 2606.03927, of which only the summary was read.
    """
    if train.classes:
        raise ValueError(
            f"the recipe regression expects a real-valued target, got {len(train.classes)} classes:"
            " use another recipe, or for numbers in a table --task regression"
        )
    targets = torch.cat([batch.y for batch in train.batches(train.batch_size)])
    bins = OrdinalBins.spanning(targets, spread)
    network = mlp(
        features(train),
        *hidden,
        num_classes=bins.num_classes,
        seed=seed,
        examples=bins,
        inputs=Standardize.of(train) if has_own_units(train) else None,
        layer=functools.partial(
            Layer, activation=activation, goodness=of_classes(goodness, bins.num_classes), loss=loss
        ),
        dropout=[0.0, *[dropout] * (len(hidden) - 1)],
    )
    if network.inputs is not None:
        # The length of a row of few features tells targets apart.
        network.layers[0].normalize = None
    trainer = Trainer(
        network,
        optimizer=optimizer,
        lr=lr,
        weight_decay=0.0,
        schedule=cosine,
        precision=precision,
        seed=seed,
        device=device,
    )
    if batch_size is None:
        batch_size = min(200, len(train))
    if epochs is None:
        epochs = min(50, max(10, round(SHOWN / len(train))))
    return Plan(trainer, epochs, batch_size)

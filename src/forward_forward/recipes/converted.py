"""Your own PyTorch model -> local layers that answer for every class, or backprop."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from forward_forward.conversion import convert
from forward_forward.data import Source
from forward_forward.forward import Layer
from forward_forward.forward.layer_range import ReadoutSetting
from forward_forward.losses import CrossEntropy, LocalLoss
from forward_forward.optimize import Trainer, cosine
from forward_forward.optimize.order import Order, Rule
from forward_forward.optimize.precision import Precision
from forward_forward.readouts import LinearReadout, of_classes
from forward_forward.recipes.plan import Plan, classes_of
from forward_forward.recipes.standard import batch_size_for, epochs_for

READOUT = functools.partial(LinearReadout, grid=4)  # of averages of a map
NEEDED = "num_classes"  # the one argument that a model's class may have without a default


def converted(
    train: Source,
    *,
    model: nn.Module | Callable[..., nn.Module],
    seed: int = 0,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
    loss: LocalLoss = CrossEntropy(),
    goodness: Callable[..., Any] = READOUT,
    rule: Rule = "local",
    order: Order = "joint",
    readout: ReadoutSetting = "auto",
    precision: Precision = "auto",
    device: torch.device | str | None = None,
) -> Plan:
    """A model of your own, each of whose layers learns by its own loss; or all by backpropagation.

    `convert` takes the model apart: see there. Each layer has a linear classifier of its own, and
    the end of the model, if it is a linear layer that scores the classes, is that of the last one.
    With ``rule="backprop"`` the same model learns in the same loop from its last layer's loss.

    Args:
        train: Training data.
        model: The model, or its class or a function that returns one; it may have an argument
            ``num_classes``, and is built after ``torch.manual_seed(seed)``.
        seed: Random seed of weights, dropout and sample order.
        epochs: Passes over the data; None for about 300,000 samples in all, in 6 to 55 epochs.
        batch_size: Samples per step; None for 256, or about a twentieth of a smaller data set.
        lr: Initial learning rate; it decays to 0 on a cosine schedule.
        weight_decay: Of the weights.
        optimizer: Class of a torch optimizer.
        loss: Loss of each layer.
        goodness: The read-out of each layer but the last: a template for classes, or a class.
        rule: See `Trainer`.
        order: See `Trainer`.
        readout: The layers whose goodness is summed; see `Network`.
        precision: Precision of matrix products.
        device: Where to train.

    Raises:
        ValueError: ``model`` is no model, or `convert` cannot take it apart.

    >>> from forward_forward.data import Data
    >>> data = Data(torch.rand(40, 8), torch.arange(40) % 2, ("a", "b"))
    >>> model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> len(converted(data, model=model).trainer.network.layers)
    1
    """
    classes = classes_of(train)
    layer = functools.partial(
        Layer, goodness=of_classes(goodness, classes), loss=loss, normalize=None
    )
    network = convert(
        built(model, classes, seed),
        num_classes=classes,
        input_shape=train.shape,
        layer=layer,
        readout=readout,
        seed=seed,
    ).network
    trainer = Trainer(
        network,
        optimizer=optimizer,
        lr=lr,
        weight_decay=weight_decay,
        schedule=cosine,
        order=order,
        rule=rule,
        precision=precision,
        seed=seed,
        device=device,
    )
    if batch_size is None:
        batch_size = min(256, batch_size_for(len(train)))
    if epochs is None:
        epochs = epochs_for(len(train))
    return Plan(trainer, epochs, batch_size)


def built(model: nn.Module | Callable[..., nn.Module], classes: int, seed: int) -> nn.Module:
    """A model as it is, or made by its class or a function after ``torch.manual_seed(seed)``.

    Torch's global random state is restored.

    Raises:
        ValueError: It is no model, or its class needs other arguments than ``num_classes``.
    """
    if isinstance(model, nn.Module):
        return model
    name = getattr(model, "__name__", repr(model))
    if not callable(model):
        raise ValueError(
            f"model expects a torch.nn.Module, its class or a function that returns one, got {name}"
        )
    parameters = inspect.signature(model).parameters
    required = [
        each.name
        for each in parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if {*required} - {NEEDED}:
        raise ValueError(
            f"model expects a class or a function without arguments, or with {NEEDED}, got"
            f" {name}({', '.join(required)}): give the others defaults"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = model(**({NEEDED: classes} if NEEDED in parameters else {}))
    if not isinstance(made, nn.Module):
        raise ValueError(
            f"model expects {name} to return a torch.nn.Module, got {type(made).__name__}"
        )
    return made

"""A function, blocks -> network -> a recipe with the settings that all methods share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from forward_forward.data import Source
from forward_forward.forward import Network, Standardize
from forward_forward.optimize import Trainer, cosine
from forward_forward.optimize.precision import Precision
from forward_forward.recipes.field.networks import Blocks, Kind, Widths
from forward_forward.recipes.plan import Plan, Recipe
from forward_forward.recipes.standard import batch_size_for, has_own_units

SHOWN = 300_000  # samples in all epochs together


def method(
    *, lr: float, hidden: Widths | None = None, network: Kind = "auto", **training: Any
) -> Callable[[Callable[..., Network]], Recipe]:
    """Make a recipe of a function that builds a method's network.

    The recipe's settings are ``seed`` (of weights, negatives and sample order), ``epochs`` (None
    for about 300,000 samples in all, in 5 to 30 epochs), ``hidden`` (channels or units of each
    block), ``batch_size`` (None for 128, or about a twentieth of a smaller set), ``lr`` (it decays
    to 0 on a cosine schedule), ``network`` ("cnn", "mlp", or "auto" for convolutions on pictures;
    not of methods for linear layers), ``precision``, ``device``, and the function's own keywords.

    Args:
        lr: Initial learning rate.
        hidden: Widths; None for those of `Blocks`.
        network: "mlp" for a method for linear layers.
        training: Other arguments of `Trainer`; AdamW without weight decay by default.

    Returns:
        A decorator of such functions: `Blocks` -> `Network`.
    """

    def recipe_of(build: Callable[..., Network]) -> Recipe:
        shared = _settings(lr, hidden, network)
        own = list(inspect.signature(build).parameters.values())[1:]

        @functools.wraps(build)
        def recipe(*args: Any, **settings: Any) -> Plan:
            bound = signature.bind(*args, **settings)
            bound.apply_defaults()
            given = bound.arguments
            blocks = Blocks(
                given["train"], given["hidden"], given["seed"], given.get("network", network)
            )
            built = build(blocks, **{each.name: given[each.name] for each in own})
            return _plan(built, given, training)

        signature = inspect.Signature([*shared, *own])
        recipe.__signature__ = signature  # type: ignore[attr-defined]
        return recipe

    return recipe_of


def _settings(lr: float, hidden: Widths | None, network: Kind) -> list[inspect.Parameter]:
    kinds: dict[str, tuple[Any, Any]] = {
        "seed": (int, 0),
        "epochs": (int | None, None),
        "hidden": (Widths | None, hidden),
        "batch_size": (int | None, None),
        "lr": (float, lr),
        "network": (Kind, network),
        "precision": (Precision, "auto"),
        "device": (torch.device | str | None, None),
    }
    if network != "auto":
        del kinds["network"]
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(name, keyword, annotation=kind, default=default)
        for name, (kind, default) in kinds.items()
    ]
    train = inspect.Parameter("train", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Source)
    return [train, *options]


def _plan(built: Network, given: Mapping[str, Any], training: Mapping[str, Any]) -> Plan:
    """The plan of a network, the recipe's settings and further arguments of the trainer."""
    train, batch_size, epochs = given["train"], given["batch_size"], given["epochs"]
    if built.inputs is None and has_own_units(train):
        built.inputs = Standardize.of(train)
    own = {name: given[name] for name in ("lr", "precision", "seed", "device")}
    trainer = Trainer(built, **{"weight_decay": 0.0, "schedule": cosine, **training, **own})
    if batch_size is None:
        batch_size = min(128, batch_size_for(len(train)))
        # Batch norms and pairs of samples need more than one sample in the last batch, too.
        batch_size += len(train) % batch_size == 1
    if epochs is None:
        epochs = min(30, max(5, round(SHOWN / len(train))))
    return Plan(trainer, epochs, batch_size)

"""Parameters of estimators -> the parts they name, with the types and ranges that are valid."""

from __future__ import annotations

import functools
from collections.abc import Callable
from numbers import Integral, Real
from types import ModuleType
from typing import Any

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from forward_forward import examples, losses, notation, readouts
from forward_forward import goodness as goodnesses
from forward_forward.forward.layer_range import FITTED
from forward_forward.optimize import AveragedSGD, constant, cosine
from forward_forward.recipes.standard import strength_for

ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
SOLVERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": functools.partial(torch.optim.SGD, momentum=0.9),
    "averaged_sgd": AveragedSGD,
}
SCHEDULES = {"cosine": cosine, "constant": constant}

# Parameters that are fixed once the network is built.
ARCHITECTURE = (
    *("hidden_layer_sizes", "activation", "goodness", "loss", "negatives", "threshold"),
    *("readout", "dropout", "standardize", "image_shape", "spread", "module"),
)
COUNT = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="left")
FINITE = Interval(Real, None, None, closed="neither")

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", COUNT],
    "activation": [StrOptions(set(ACTIVATIONS)), callable],
    "solver": [StrOptions(set(SOLVERS)), callable],
    "alpha": [NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), COUNT],
    "learning_rate": [StrOptions(set(SCHEDULES)), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [COUNT],
    "goodness": [str, callable],
    "loss": [str, callable],
    "negatives": [str, callable],
    "readout": [StrOptions({"auto", *FITTED}), tuple, list, None],
    "threshold": [StrOptions({"calibrated", "width"}), FINITE],
    "spread": [Interval(Real, 0, None, closed="neither")],
    "dropout": [FRACTION],
    "standardize": ["boolean"],
    "class_weight": [StrOptions({"balanced"}), dict, None],
    "early_stopping": ["boolean"],
    "validation_fraction": [FRACTION],
    "n_iter_no_change": [COUNT],
    "tol": [NOT_NEGATIVE],
    "image_shape": ["array-like", None],
    "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
    "module": [callable, None],  # a module can be called
    "device": [str, torch.device, None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
CLASSIFIER_CONSTRAINTS = {
    **CONSTRAINTS,
    "learning_rate_init": [StrOptions({"auto"}), *CONSTRAINTS["learning_rate_init"]],
}


def by_name(value: Any, choices: dict[str, Any]) -> Any:
    """The choice with this name; anything but a string is returned unchanged."""
    return choices[value] if isinstance(value, str) else value


def goodness_part(value: Any, classes: int) -> Any:
    """A goodness given by name or as itself; the class of a read-out is made for these classes.

    >>> goodness_part("mean_square", 3), goodness_part("LinearReadout", 3)
    (mean_square, LinearReadout(num_classes=3, units=None))
    """
    if not isinstance(value, str):
        return notation.made(readouts.of_classes(value, classes))
    # A read-out with arguments, such as "Prototypes(per_class=2)", still lacks its classes.
    kept = {
        name: functools.partial(functools.partial, each) if "(" in value else each
        for name, each in notation.public(readouts).items()
    }
    found = notation.read(value, {**notation.public(goodnesses), **kept})
    return notation.made(readouts.of_classes(found, classes))


def goodness_and_loss(goodness: Any, loss: Any, classes: int, *, several: bool) -> tuple[Any, Any]:
    """A goodness and a loss, each a part, a name or "auto", which takes what suits the other.

    Args:
        goodness: The goodness.
        loss: The loss.
        classes: Number of classes, or of labels per sample.
        several: Whether samples have several labels: their label must be in the input.

    >>> goodness_and_loss("auto", "auto", 3, several=False)
    (LinearReadout(num_classes=3, units=None), CrossEntropy(label_smoothing=0.05, margin=0.0))
    >>> goodness_and_loss("auto", "SymBa", 3, several=False)
    (mean_square, SymBa(alpha=4.0))
    """
    found = None if isinstance(loss, str) and loss == "auto" else part(loss, losses)
    if isinstance(goodness, str) and goodness == "auto":
        one_pass = not several and (found is None or isinstance(found, losses.CrossEntropy))
        goodness = "LinearReadout" if one_pass else "mean_square"
    rated = goodness_part(goodness, classes)
    if found is None:
        one_pass = isinstance(rated, readouts.Readout)
        smooth = losses.CrossEntropy(label_smoothing=0.05)
        found = smooth if one_pass else losses.SiluPair(alpha=6.0)
    return rated, found


def part(value: Any, module: ModuleType) -> Any:
    """A part given by name, such as "SymBa(alpha=4)", or as the object itself.

    Raises:
        ValueError: The module has no part of that name.

    >>> from forward_forward import losses
    >>> part("SymBa(alpha=4)", losses)
    SymBa(alpha=4)
    """
    found = notation.read(value, notation.public(module)) if isinstance(value, str) else value
    return notation.made(found)


def check_readout(readout: Any, *, held_out: bool) -> None:
    """Reject a readout that is fitted to samples that were held out if there are none."""
    if readout in FITTED and not held_out:
        raise ValueError(
            f"readout={readout!r} is fitted to samples that `fit` holds out, and there are none:"
            ' use fit with validation_fraction above 0 and more samples, or readout="auto"'
        )


def check_single(estimator: Any, *, one_pass: bool, several: bool) -> None:
    """Reject several labels per sample, or a label as an input, where one pass answers for one.

    Args:
        estimator: A classifier, with its ``goodness``, ``loss`` and ``module``.
        one_pass: Whether its goodness answers for every class.
        several: Whether samples have several labels.
    """
    if estimator.module is not None and not one_pass:
        raise ValueError(
            "module answers for one class per sample, in one pass, got"
            f" goodness={estimator.goodness!r} and loss={estimator.loss!r}, or samples with several"
            " labels: leave them out, or leave out module"
        )
    if one_pass and several:
        raise ValueError(
            f"goodness={estimator.goodness!r} answers for one class per sample, but these samples"
            ' have several labels: use another goodness, such as "mean_square"'
        )


def examples_for(
    classes: int, features: int, wrong: Any, *, several: bool, one_pass: bool
) -> examples.Examples:
    """How samples and their labels become inputs.

    Args:
        classes: Number of classes.
        features: Values in a sample.
        wrong: How wrong labels are chosen, if the label is in the input.
        several: Whether samples have several labels.
        one_pass: Whether the goodness answers for every class, so that the label is no input.
    """
    if several:
        return examples.MultiLabel(classes)
    if one_pass:
        return examples.NoLabel(classes)
    strategy = part(wrong, examples.negatives)
    return examples.AppendLabel(classes, strength=strength_for(features), negatives=strategy)

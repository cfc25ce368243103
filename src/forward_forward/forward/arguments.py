"""A layer's arguments -> nothing, or a ValueError that says what fits; its activation, made."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from forward_forward.readouts import Readout


def made_activation(given: nn.Module | Callable[[], nn.Module] | None) -> nn.Module | None:
    """An activation, made if it was given as a callable that returns one, such as its class."""
    if given is None or isinstance(given, nn.Module):
        return given
    try:
        return given()
    except TypeError as error:
        raise ValueError(
            f"activation expects a module, or what returns one without arguments, got {given!r}:"
            f" {error}"
        ) from error


def whole_numbers(caller: str, *values: Any) -> list[int]:
    """Whole numbers of any type, such as numpy's, as Python's own.

    Raises:
        ValueError: One is no whole number.
    """
    try:
        return [operator.index(value) for value in values]
    except TypeError as error:
        raise ValueError(
            f"{caller} expects whole numbers one by one, such as 500, 500, got"
            f" {', '.join(map(repr, values))}: write *[500, 500] for a list"
        ) from error


def check_numbers(
    threshold: float | str, temperature: float, dropout: float, adversarial: float
) -> None:
    """Reject numbers that are out of range."""
    if not temperature > 0 or not 0 <= dropout < 1 or not 0 <= adversarial < math.inf:
        raise ValueError(
            "Layer expects temperature > 0, dropout from 0 to below 1 and adversarial of 0 or"
            f" more, got temperature={temperature}, dropout={dropout} and"
            f" adversarial={adversarial}"
        )
    if isinstance(threshold, str) and threshold not in ("width", "calibrated"):
        raise ValueError(f'threshold expects a number, "width" or "calibrated", got {threshold!r}')
    if isinstance(threshold, int | float) and not math.isfinite(threshold):
        raise ValueError(f"threshold expects a finite number, got {threshold}")


def check_parts(parts: Mapping[str, Any], terms: Any) -> None:
    """Reject parts that cannot be called; of those by name, ``normalize`` may be None."""
    for name, part in parts.items():
        if not callable(part) and not (name == "normalize" and part is None):
            raise ValueError(f"{name} expects a callable, got {part!r}")
    if not isinstance(terms, tuple | list) or not all(map(callable, terms)):
        raise ValueError(
            "terms expects a tuple of callables of activities and labels, got"
            f" {terms!r}: such as terms=(my_loss,)"
        )


def check_peer(block: nn.Module, activation: object, goodness: object, adversarial: float) -> None:
    """Reject what does not go together with peer normalisation."""
    if isinstance(goodness, Readout) or adversarial:
        raise ValueError(
            "peer normalisation follows the mean activity of positives, so it expects positives"
            " of their own, and inputs that do not move: leave peer=None with a read-out or"
            " adversarial"
        )
    if activation is None:
        raise ValueError(
            "peer normalisation works on the input of the layer's activation, got"
            " activation=None: give the activation to the Layer, not to the block"
        )
    if not isinstance(block, nn.Linear):
        raise ValueError(
            f"peer normalisation expects a linear block, got {type(block).__name__}:"
            " leave peer=None"
        )


def check_adversarial(goodness: object, terms: object) -> None:
    """Reject an adversarial step where no loss reaches the input."""
    if getattr(goodness, "detached", False) and not terms:
        raise ValueError(
            "the loss of a detached read-out does not reach the layer's input: leave adversarial=0,"
            " or use detached=False"
        )


def check_residual(block: nn.Module) -> None:
    """Reject a linear block whose output cannot be added to its input."""
    if isinstance(block, nn.Linear) and block.in_features != block.out_features:
        raise ValueError(
            "a residual layer adds its input to its activities, so it expects as many units as"
            f" inputs, got {block}: leave residual=False"
        )

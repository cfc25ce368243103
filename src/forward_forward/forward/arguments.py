"""Arguments of layers, networks and trainers -> nothing, or a ValueError that says what fits."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from torch import nn

from forward_forward.forward.peer import PeerNormalization
from forward_forward.readouts import Readout

LARGEST = 3.4e38  # of float32


def refuse(name: str, expected: str, value: object, fix: str) -> NoReturn:
    """Raise a ValueError that says what an argument expects, what came, and what to do."""
    shown = (
        repr(value)
        if isinstance(value, str | float | int | type | None)
        else f"a {type(value).__name__}"
    )
    raise ValueError(f"{name} expects {expected}, got {shown[:80]}: {fix}")


def check_number(name: str, value: Any, example: str, *, finite: bool = True) -> None:
    """Reject what is no number, of Python, numpy or torch, and one too large for float32."""
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        refuse(name, "a number", value, f"such as {name}={example}")
    if isinstance(value, str | bytes) or (finite and not abs(number) <= LARGEST):
        refuse(name, "a finite number", value, f"such as {name}={example}")


def whole_number(name: str, value: Any, example: str) -> int:
    """A whole number of any type as Python's own; others are rejected."""
    try:
        return operator.index(value)
    except TypeError:
        refuse(name, "a whole number", value, f"such as {name}={example}")


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
            f" {next(each for each in values if not hasattr(each, '__index__'))!r}: write"
            " *[500, 500] for a list"
        ) from error


def check_numbers(
    threshold: float | str,
    threshold_factor: float,
    temperature: float,
    dropout: float,
    adversarial: float,
) -> None:
    """Reject what is no number, and numbers that are out of range."""
    check_number("threshold_factor", threshold_factor, "1")
    check_number("temperature", temperature, "1", finite=False)
    check_number("dropout", dropout, "0.1", finite=False)
    check_number("adversarial", adversarial, "0.1", finite=False)
    if not (0 < temperature <= LARGEST and 0 <= dropout < 1 and 0 <= adversarial <= LARGEST):
        raise ValueError(
            "Layer expects temperature > 0, dropout from 0 to below 1 and adversarial of 0 or"
            f" more, got temperature={temperature}, dropout={dropout} and"
            f" adversarial={adversarial}"
        )
    if isinstance(threshold, str) and threshold not in ("width", "calibrated"):
        raise ValueError(f'threshold expects a number, "width" or "calibrated", got {threshold!r}')
    if not isinstance(threshold, str):
        check_number("threshold", threshold, "1")


def check_block(block: object, residual: object) -> None:
    """Reject a block that is no module, and what is no truth value."""
    if not isinstance(block, nn.Module):
        refuse("block", "a module", block, "such as nn.Linear(74, 500)")
    if not isinstance(residual, bool | int):
        refuse("residual", "True or False", residual, "such as residual=True")


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


def check_peer(
    peer: object, block: nn.Module, activation: object, goodness: object, adversarial: float
) -> None:
    """Reject what does not go together with peer normalisation."""
    if not isinstance(peer, PeerNormalization):
        refuse("peer", "a PeerNormalization or None", peer, "such as peer=PeerNormalization()")
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

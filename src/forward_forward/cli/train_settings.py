"""Words given for a recipe's settings -> parts, and a recipe's name -> the recipe."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from forward_forward import goodness, losses, notation, optimize, recipes
from forward_forward.cli.train import train
from forward_forward.examples import negatives
from forward_forward.recipes import Recipe
from forward_forward.recipes.parameters import kind_of


def recipe_named(name: str, *, typed: bool) -> Recipe:
    """The recipe of a name such as ``standard`` or ``poster.method``.

    Args:
        name: The name; ``package.module:function`` where a person typed it.
        typed: Whether a person typed it just now.

    Raises:
        ValueError: No such recipe; the message has the nearest one.
    """
    if ":" in name:
        made: Recipe = notation.read(name, {}, typed=typed)
        return made
    found: Recipe = notation.looked_up(name, known_recipes())
    return found


def known_recipes() -> dict[str, Recipe]:
    """The library's recipes by the names that ``--recipe`` takes."""
    known: dict[str, Recipe] = {"standard": recipes.standard}
    for module in (recipes.hinton2022, recipes.poster):
        family = module.__name__.rpartition(".")[2]
        known |= {f"{family}.{each}": getattr(module, each) for each in module.__all__}
    return known


def parts(settings: Mapping[str, Any], *, typed: frozenset[str]) -> dict[str, Any]:
    """A recipe's settings with the parts that words name.

    Args:
        settings: Words and numbers by the names of the recipe's parameters.
        typed: Those that a person typed just now, so that they may name code.

    Returns:
        The settings for the recipe.
    """
    return {name: _part(name, value, name in typed) for name, value in settings.items()}


def _part(name: str, value: Any, typed: bool) -> Any:
    if name == "loss":
        return notation.made(notation.read(value, notation.public(losses), typed=typed))
    if name == "goodness":
        return notation.made(notation.read(value, notation.public(goodness), typed=typed))
    if name == "negatives":
        return _wrong_labels(notation.read(value, notation.public(negatives), typed=typed))
    if name == "activation":
        return notation.read(value, _makers(notation.torch_modules(), value), typed=typed)
    if name == "optimizer":
        return _callable(notation.read(value, _makers(_optimizers(), value), typed=typed))
    if name == "threshold" and isinstance(value, str):
        return _number_or_word(value)
    if name == "hidden":
        return tuple(value)
    return value


def further(words: Sequence[str], recipe: Recipe) -> dict[str, Any]:
    """Settings without a flag of their own, given as ``name=value``.

    Args:
        words: What was typed.
        recipe: Whose settings they are.

    Raises:
        ValueError: Words of another form, a setting with a flag, or one the recipe does not have.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ValueError(f"--set expects name=value, got {word!r}: such as threshold_factor=2")
        if name in inspect.signature(train).parameters:
            raise ValueError(f"{name} has a flag: give --{name.replace('_', '-')} {text}")
        value = kind_of(recipe, name).value(text)
        # As JSON has it: a run's file must hold the same settings as the command that resumes it.
        found[name] = [*value] if isinstance(value, tuple) else value
    return found


def _wrong_labels(part: Any) -> Any:
    strategy = notation.made(part)
    for name in ("scores", "fraction"):
        if getattr(strategy, name, None) is None:
            raise ValueError(
                f"negatives expect an object with {name}, got {strategy!r} without: see"
                " docs/own_rule.md, and `ff check`"
            )
    return strategy


def _callable(part: Any) -> Any:
    if not callable(part):
        raise ValueError(f"expected the name of a part, got {part!r}")
    return part


def _number_or_word(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def _optimizers() -> dict[str, Any]:
    known: dict[str, Any] = {
        name: value
        for name, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    }
    return {**known, "AveragedSGD": optimize.AveragedSGD}


def _makers(known: dict[str, Any], text: str) -> dict[str, Any]:
    """Classes by name; a text with arguments is not called but kept for each layer to call."""
    if "(" not in text:
        return known
    return {name: functools.partial(functools.partial, made) for name, made in known.items()}


def check_settings(recipe: Recipe, name: str, settings: Mapping[str, Any]) -> None:
    """Refuse a setting that the recipe does not have.

    Raises:
        ValueError: The recipe fixes what was asked for.
    """
    allowed = inspect.signature(recipe).parameters
    flags = [each for each in inspect.signature(train).parameters if each in allowed]
    for setting in settings:
        if setting not in allowed:
            free = ", ".join(f"--{each.replace('_', '-')}" for each in flags)
            raise ValueError(
                f"the recipe {name!r} fixes its own {setting}: leave --{setting.replace('_', '-')}"
                f" out (it takes {free}), or use --recipe standard"
            )

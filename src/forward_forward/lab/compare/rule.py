"""A text such as "field.symba loss=SymBa(alpha=2)" -> a recipe and its settings."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forward_forward.data import Source
from forward_forward.recipes.parameters import parameters_of, read_setting
from forward_forward.recipes.plan import Plan, Recipe
from forward_forward.recipes.settings import parts, recipe_named

NETWORK = re.compile(r"(?:(mlp|cnn)-)?(\d+(?:x\d+)?(?:\+\d+(?:x\d+)?)*)")
# What the comparison sets, not the rule.
SHARED = ("seed", "epochs", "device")


@dataclass(frozen=True)
class Rule:
    """A learning rule of a comparison.

    Args:
        text: As it was typed: the name of a recipe, then settings such as ``lr=0.01``.
        name: Name of the recipe.
        settings: Numbers, text and lists by name, including the network's.
    """

    text: str
    name: str
    settings: Mapping[str, Any]

    @property
    def recipe(self) -> Recipe:
        return recipe_named(self.name, typed=True)

    def plan(self, train: Source, settings: Mapping[str, Any]) -> Plan:
        """The rule's plan with further settings, which replace its own."""
        every = {**self.settings, **settings}
        return self.recipe(train, **parts(every, typed=frozenset(every)))


def read_rule(text: str, network: str | None = None) -> Rule:
    """The rule of a text.

    Args:
        text: A recipe's name, as ``ff train --recipe`` accepts it, then settings ``name=value``.
        network: ``mlp-2x1000``, ``cnn-32+64`` or widths alone; None for the recipe's own network.

    Raises:
        ValueError: There is no such recipe or setting, or the recipe has no widths.

    >>> read_rule("one_pass lr=0.01", "mlp-2x100").settings
    {'hidden': [100, 100], 'lr': 0.01}
    """
    try:
        name, *pairs = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"expected a recipe's name and settings, got {text!r}: {error}") from error
    recipe = recipe_named(name, typed=True)
    settings = {} if network is None else _network(name, recipe, network)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"expected settings such as lr=0.01 after {name!r}, got {pair!r}")
        if key in SHARED:
            raise ValueError(f"{key} is the same for every rule: pass it to the comparison")
        settings[key] = read_setting(recipe, key, value)
    return Rule(text, name, settings)


def _network(name: str, recipe: Recipe, network: str) -> dict[str, Any]:
    """The settings of a recipe that make its network this one."""
    found = NETWORK.fullmatch(network)
    if found is None:
        raise ValueError(f"expected a network such as mlp-2x1000 or cnn-32+64, got {network!r}")
    kind, widths = found.groups()
    taken = parameters_of(recipe)
    place = next((each for each in ("hidden", "channels") if each in taken), None)
    if place is None or (
        kind is not None and kind != _kind(taken, place) and "network" not in taken
    ):
        raise ValueError(
            f"the recipe {name!r} cannot have the network {network!r}: leave it out, or omit the"
            " network, so that each recipe has its own"
        )
    settings: dict[str, Any] = {place: read_setting(recipe, place, widths)}
    if "network" in taken and kind is not None:
        settings["network"] = kind
    return settings


def _kind(taken: Mapping[str, Any], place: str) -> str:
    return "cnn" if place == "channels" else "mlp"


def search_space(rule: Rule) -> dict[str, str]:
    """What is tuned: the learning rate, and the first positive number of the rule's own.

    Those that are typed with the rule stay as they are.

    >>> search_space(read_rule("field.symba"))["lr"]
    '0.0003..0.03'
    """
    usual = inspect.signature(rule.recipe).parameters
    found = {}
    for name, parameter in parameters_of(rule.recipe).items():
        default = usual[name].default
        if parameter.kind != "number" or not isinstance(default, float) or default <= 0:
            continue
        factor = 10 if name == "lr" else 4
        found[name] = f"{_short(default / factor)}..{_short(default * factor)}"
    own = next((each for each in found if each != "lr"), None)
    kept = {name: found[name] for name in ("lr", own) if name in found}
    return {name: text for name, text in kept.items() if name not in rule.settings}


def _short(value: float) -> str:
    return f"{value:.4g}"

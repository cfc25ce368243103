"""Names from a command line or a file -> a recipe, and the parts that its settings take."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch

from forward_forward import goodness, losses, notation, optimize, readouts, terms
from forward_forward.examples import negatives
from forward_forward.forward import Triangle
from forward_forward.forward.layer_range import ReadoutSetting
from forward_forward.plugins import plugins
from forward_forward.recipes import field, hinton2022, local_airbench, poster
from forward_forward.recipes.converted import converted
from forward_forward.recipes.one_pass import one_pass
from forward_forward.recipes.plan import Plan, Recipe
from forward_forward.recipes.regression import regression
from forward_forward.recipes.standard import standard


def recipes_by_name() -> dict[str, Recipe]:
    """The recipes of the library and of installed packages, as ``--recipe`` accepts them."""
    found: dict[str, Recipe] = {
        **plugins("recipes"),
        "standard": standard,
        "one_pass": one_pass,
        "regression": regression,
        "converted": converted,
    }
    for module in (field, hinton2022, local_airbench, poster):
        family = module.__name__.rpartition(".")[2]
        found |= {f"{family}.{each}": getattr(module, each) for each in module.__all__}
    return found


def recipe_named(name: str, *, typed: bool) -> Recipe:
    """The recipe of a name such as ``standard`` or ``poster.method``.

    Args:
        name: The name; ``package.module:function`` is accepted if it was typed.
        typed: Whether the user typed the name, rather than it being read from a file.

    Returns:
        The recipe.

    Raises:
        ValueError: There is no such recipe; the message contains the nearest name.

    >>> recipe_named("standard", typed=False).__name__
    'standard'
    """
    if ":" in name:
        return notation.read(name, {}, typed=typed)  # type: ignore[no-any-return]
    return notation.looked_up(name, recipes_by_name())  # type: ignore[no-any-return]


def default_recipe(settings: Mapping[str, Any], *, numbers: bool = False) -> str:
    """The recipe for settings that the user typed without naming one.

    Args:
        settings: The settings by name, as text and numbers, or as the text of a search space.
        numbers: Whether the target is a number to predict.

    Returns:
        ``converted`` for a model; ``regression`` for numbers; ``standard`` if it alone has one of
        the settings, or if the goodness is one number per sample; else ``one_pass``.

    >>> default_recipe({"lr": 0.01}), default_recipe({"negatives": "Uniform"})
    ('one_pass', 'standard')
    """
    if "model" in settings:
        return "converted"
    if numbers:
        return "regression"
    ours, other = (inspect.signature(each).parameters for each in (one_pass, standard))
    typed = re.split(r"[(,]", settings.get("goodness", "LinearReadout"))[0]
    if ":" in typed:
        one_number = not readouts.is_readout(notation.read(typed, {}, typed=True))
    else:
        one_number = typed not in readouts.__all__
    return "standard" if one_number or settings.keys() & (other.keys() - ours) else "one_pass"


def parts(settings: Mapping[str, Any], *, typed: frozenset[str]) -> dict[str, Any]:
    """Convert settings as text and numbers to the arguments of a recipe.

    Args:
        settings: Text, numbers and lists by the names of the recipe's parameters.
        typed: Names of the settings that the user typed, which may name the user's own code.

    Returns:
        Arguments of the recipe: text that names a loss, a goodness, an activation, an optimizer or
        a choice of negatives is replaced by the part.

    Raises:
        ValueError: A name that does not exist, or text that names no part.

    >>> parts({"loss": "SymBa(alpha=2)", "hidden": [8, 8]}, typed=frozenset())
    {'loss': SymBa(alpha=2), 'hidden': (8, 8)}
    """
    return {name: _part(name, value, name in typed) for name, value in settings.items()}


def defaults(recipe: Recipe, plan: Plan | None = None) -> dict[str, Any]:
    """A recipe's default settings as text and numbers, from which `parts` makes the same ones.

    Left out are those that follow from other settings (None), and code of the user's own.

    Args:
        recipe: The recipe.
        plan: What it has returned, for the epochs and the batch size that follow from the data.

    >>> [defaults(one_pass)[name] for name in ("hidden", "lr", "optimizer", "loss")]
    [[1000, 1000], 0.003, 'AdamW', 'CrossEntropy(label_smoothing=0.1, margin=0.0)']
    """
    kinds = notation.public(losses, goodness, readouts, negatives, terms)
    names = {**notation.torch_modules(), "Triangle": Triangle, **_optimizers(), **kinds}
    found = {}
    for name, parameter in inspect.signature(recipe).parameters.items():
        value = getattr(plan, name, None) if parameter.default is None else parameter.default
        if value is None or value is parameter.empty:
            continue
        if isinstance(value, tuple):
            text: Any = [*value]
        elif isinstance(value, type | functools.partial):
            text = notation.write_call(value).rpartition(":")[2]
        else:
            text = value if isinstance(value, str | int | float) else notation.write(value, names)
        with suppress(ValueError, TypeError):
            if repr(_part(name, text, typed=False)) == repr(value):
                found[name] = text
    return found


def _part(name: str, value: Any, typed: bool) -> Any:
    match name:
        case "loss":
            return notation.made(notation.read(value, notation.public(losses), typed=typed))
        case "goodness":
            return _goodness(value, typed)
        case "terms" if isinstance(value, str):
            return (notation.made(notation.read(value, notation.public(terms), typed=typed)),)
        case "negatives":
            part = notation.read(value, notation.public(negatives), typed=typed)
            return _check_negatives(notation.made(part))
        case "activation":
            modules = {**notation.torch_modules(), "Triangle": Triangle}
            _offer_activations(value, modules)
            return notation.read(value, _makers(modules, value), typed=typed)
        case "optimizer":
            part = notation.read(value, _makers(_optimizers(), value), typed=typed)
            if not callable(part):
                raise ValueError(f"expected the name of a part, got {part!r}")
            return part
        case "threshold" if isinstance(value, str):
            with suppress(ValueError):
                return float(value)
        case "hidden" | "channels":
            return tuple(value)
        case "readout":
            return read_range(value)
        case "model":
            return _model(value, typed)
    return value


def read_range(text: str) -> ReadoutSetting:
    """How layers are read: "auto", "weighted", "logistic", "all", or numbers from 1 such as "2-3".

    Raises:
        ValueError: Another text.

    >>> read_range("2-3"), read_range("2")
    ((1, 3), (1, 2))
    """
    if text == "all":
        return None
    if text in ("auto", "weighted", "logistic"):
        return text  # type: ignore[return-value]
    found = re.fullmatch(r"([1-9]\d*)(?:-(\d+))?", text)
    if found is None:
        raise ValueError(
            'readout expects "auto", "weighted", "logistic", "all", or numbers of layers such as'
            f' "2" or "2-3", got {text!r}'
        )
    return int(found[1]) - 1, int(found[2] or found[1])


def _model(text: str, typed: bool) -> Any:
    """A model's class, with the arguments in the text: it is built by the recipe, by its seed."""
    place, bracket, arguments = text.partition("(")
    if ":" not in place and "." in place:
        place += ":"  # of a file or a module without a name in it, the message lists the names
    elif ":" not in place:
        expected = "model expects my_file.py:CNN or package.module:CNN"
        raise ValueError(f"{expected}, got {place!r}: add the file or the module of the class")
    found = notation.read(place, {}, typed=typed)
    if not bracket:
        return found
    return notation.read(f"model({arguments}", _makers({"model": found}, text), typed=typed)


def _goodness(text: str, typed: bool) -> Any:
    """A goodness; or a read-out's class, called with the number of classes by the recipe."""
    classes = _makers(notation.public(readouts), text)
    found = notation.read(text, {**notation.public(goodness), **classes}, typed=typed)
    return found if readouts.is_readout(found) else notation.made(found)


def _check_negatives(strategy: Any) -> Any:
    for name in ("scores", "fraction"):
        if getattr(strategy, name, None) is None:
            raise ValueError(
                f"negatives expects an object with the attribute {name}, got {strategy!r}, which"
                " has none: see docs/own_rule.md and `ff check`"
            )
    return strategy


def _offer_activations(text: str, modules: Mapping[str, type]) -> None:
    """Reject an unknown module with the names of activations alone, of all that torch has."""
    name = text.partition("(")[0]
    if name.isidentifier() and name not in modules:
        home = torch.nn.modules.activation.__name__
        notation.looked_up(
            name, {k: kind for k, kind in modules.items() if kind.__module__ == home}
        )


def _optimizers() -> dict[str, Any]:
    found: dict[str, Any] = {
        name: value
        for name, value in vars(torch.optim).items()
        if isinstance(value, type)
        and issubclass(value, torch.optim.Optimizer)
        and value is not torch.optim.Optimizer
    }
    return {**found, "AveragedSGD": optimize.AveragedSGD, "Muon": optimize.Muon}


def _makers(classes: dict[str, Any], text: str) -> dict[str, Any]:
    """Classes by name; one with arguments in the text is not called, but kept for each layer."""
    if "(" not in text:
        return classes
    return {name: functools.partial(functools.partial, each) for name, each in classes.items()}

"""A recipe -> what each of its settings accepts; text -> the setting's value."""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Value = str | int | float | bool | tuple[int, ...]
Kind = Literal["whole", "number", "layers", "truth", "word"]

LAYERS = re.compile(r"(?:(\d+)x)?(\d+)")
EXPECTED: dict[Kind, str] = {
    "whole": "a whole number",
    "number": "a number",
    "layers": "widths of layers such as 500, 2x500 or 800+200",
    "truth": "True or False",
}


@dataclass(frozen=True)
class Parameter:
    """What a setting of a recipe accepts.

    Args:
        name: Name of the setting.
        kind: "whole" numbers, any "number", the widths of "layers", "truth" or a "word".
        words: Text that it accepts; None for any, which the recipe checks itself.
    """

    name: str
    kind: Kind
    words: tuple[str, ...] | None = None

    def value(self, text: str) -> Value:
        """The value of a text.

        Args:
            text: A number, a word, or widths such as ``500``, ``2x500`` or ``800+200``.

        Raises:
            ValueError: The setting does not accept it.

        >>> Parameter("hidden", "layers").value("2x500+100")
        (500, 500, 100)
        """
        found = _read(self.kind, text)
        if found is not None:
            return found
        if self.words is None or text in self.words:
            return text
        near = difflib.get_close_matches(text, self.words, n=1)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{self.name} expects {self.expected()}, got {text!r}{hint}")

    def expected(self) -> str:
        """What the setting accepts, as text."""
        numbers = [EXPECTED[self.kind]] if self.kind in EXPECTED else []
        return " or ".join([*numbers, *(self.words or ())])


def parameters_of(recipe: Callable[..., Any]) -> dict[str, Parameter]:
    """What each setting of a recipe accepts, by name.

    Args:
        recipe: A function of training data and, by keyword, its settings.

    >>> found = parameters_of(lambda train, *, lr=0.1, rounds=3, hidden=(8, 8): None)
    >>> found["rounds"].kind, found["hidden"].kind
    ('whole', 'layers')
    """
    _, *settings = inspect.signature(recipe).parameters.values()
    function = recipe.func if isinstance(recipe, functools.partial) else inspect.unwrap(recipe)
    names = getattr(function, "__globals__", {})
    return {each.name: _parameter(each.name, _hint(each, names)) for each in settings}


def _hint(parameter: inspect.Parameter, names: dict[str, Any]) -> Any:
    """A parameter's annotation or, if there is none, the type of its default."""
    if parameter.annotation is not inspect.Parameter.empty:
        # One at a time, since some annotations can be resolved by type checkers only.
        with suppress(NameError):
            annotated = SimpleNamespace(__annotations__={"hint": parameter.annotation})
            return get_type_hints(annotated, names)["hint"]
    if isinstance(parameter.default, tuple) and all(
        type(each) is int for each in parameter.default
    ):
        return tuple[int, ...]
    return type(parameter.default)


def parameter_of(recipe: Callable[..., Any], name: str) -> Parameter:
    """What one setting of a recipe accepts.

    Raises:
        ValueError: The recipe has no such setting; the message contains the nearest name.
    """
    parameters = parameters_of(recipe)
    if name in parameters:
        return parameters[name]
    near = difflib.get_close_matches(name, parameters, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(parameters)}"
    raise ValueError(f"expected a setting of the recipe, got {name!r}: {hint}")


def read_setting(recipe: Callable[..., Any], name: str, text: str) -> Any:
    """A setting's value as JSON stores it: a list for the widths of layers.

    Raises:
        ValueError: The recipe has no such setting, or the setting does not accept the text.

    >>> read_setting(lambda train, *, hidden=(8, 8): None, "hidden", "2x50")
    [50, 50]
    """
    value = parameter_of(recipe, name).value(text)
    return [*value] if isinstance(value, tuple) else value


def _parameter(name: str, hint: Any) -> Parameter:
    """What a type accepts: text as well as numbers if it is a union of both."""
    types = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    literals = [get_args(each) for each in types if get_origin(each) is Literal]
    words = tuple(str(value) for values in literals for value in values)
    tuples = [get_args(each) for each in types if get_origin(each) is tuple]
    if tuples:  # of any number of widths; two numbers are a range, which has a text of its own
        widths = tuples == [(int, ...)]
        return Parameter(name, "layers", ()) if widths else Parameter(name, "word")
    kinds: tuple[tuple[type, Kind], ...] = ((float, "number"), (int, "whole"), (bool, "truth"))
    for number, kind in kinds:
        if number in types:
            return Parameter(name, kind, None if str in types else words)
    return Parameter(name, "word", words or None)


def _read(kind: Kind, text: str) -> Value | None:
    """A text as a value of a kind; None if it is no such value."""
    match kind:
        case "whole" if re.fullmatch(r"[+-]?\d+", text):
            return int(text)
        case "number":
            with suppress(ValueError):
                return number if math.isfinite(number := float(text)) else None
        case "truth":
            return {"True": True, "False": False}.get(text)
        case "layers":
            found = [LAYERS.fullmatch(piece) for piece in text.split("+")]
            widths = [int(each[2]) for each in found if each for _ in range(int(each[1] or 1))]
            return tuple(widths) if all(found) else None
    return None

"""A recipe -> what each of its settings takes; words -> the setting's value."""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

Value = str | int | float | bool | tuple[int, ...]

LAYERS = re.compile(r"(?:(\d+)x)?(\d+)")


@dataclass(frozen=True)
class Parameter:
    """What a setting takes.

    Args:
        name: Of the setting.
        what: "whole" numbers, any "number", the units of "layers", "truth" or a "word".
        words: The words it takes; None for any, which the recipe judges itself.
    """

    name: str
    what: Literal["whole", "number", "layers", "truth", "word"]
    words: tuple[str, ...] | None = None

    def value(self, text: str) -> Value:
        """The value that a text stands for.

        Args:
            text: A number, a word, or units such as ``500``, ``2x500`` or ``800+200``.

        Raises:
            ValueError: It stands for none.

        >>> Kind("hidden", "layers").value("2x500+100")
        (500, 500, 100)
        """
        read = {"whole": _whole, "number": _number, "layers": _layers, "truth": _truth}
        found = read[self.what](text) if self.what in read else None
        if found is not None:
            return found
        if self.words is None or text in self.words:
            return text
        raise ValueError(f"{self.name} expects {self.expected()}, got {text!r}{self._near(text)}")

    def expected(self) -> str:
        """In words, what the setting takes."""
        what = {
            "whole": "a whole number",
            "number": "a number",
            "layers": "units of its layers such as 500, 2x500 or 800+200",
            "truth": "True or False",
        }.get(self.what)
        return " or ".join([*([what] if what else []), *(self.words or ())])

    def _near(self, text: str) -> str:
        near = difflib.get_close_matches(text, self.words or (), n=1)
        return f": did you mean {near[0]!r}?" if near else ""


def kinds_of(recipe: Callable[..., Any]) -> dict[str, Parameter]:
    """What a recipe's settings take, by their names.

    Args:
        recipe: A function of training data and, by keyword, its settings.

    >>> kinds_of(lambda train, *, lr=0.1, rounds=3: None)["rounds"].what
    'whole'
    """
    _, *settings = _signature(recipe).parameters.values()
    return {each.name: _kind(each) for each in settings}


def kind_of(recipe: Callable[..., Any], name: str) -> Parameter:
    """What one setting of a recipe takes.

    Raises:
        ValueError: The recipe has no such setting; the message has the nearest one.
    """
    kinds = kinds_of(recipe)
    if name in kinds:
        return kinds[name]
    near = difflib.get_close_matches(name, kinds, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(kinds)}"
    raise ValueError(f"expected a setting of the recipe, got {name!r}: {hint}")


def _signature(recipe: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(recipe, eval_str=True)
    except NameError:  # names that are there for type checkers alone
        return inspect.signature(recipe)


def _kind(parameter: inspect.Parameter) -> Parameter:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        annotation = type(parameter.default)
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    literals = tuple(str(each) for each in _literals(annotation))
    if re.search(r"\btuple\[int\b", text):
        return Parameter(parameter.name, "layers", ())
    for word, what in (("float", "number"), ("int", "whole"), ("bool", "truth")):
        if re.search(rf"\b{word}\b", text):
            admits = None if re.search(r"\bstr\b", text) else literals
            return Parameter(parameter.name, what, admits)  # type: ignore[arg-type]
    return Parameter(parameter.name, "word", literals or None)


def _literals(annotation: Any) -> Iterator[Any]:
    """The values of every ``Literal`` within an annotation."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        return
    for each in get_args(annotation):
        yield from _literals(each)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _truth(text: str) -> bool | None:
    return {"True": True, "False": False}.get(text)


def _layers(text: str) -> tuple[int, ...] | None:
    pieces = [LAYERS.fullmatch(piece) for piece in text.split("+")]
    if not all(pieces):
        return None
    return tuple(int(each[2]) for each in pieces if each for _ in range(int(each[1] or 1)))

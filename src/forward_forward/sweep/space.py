"""Text such as ``lr=1e-4..1e-2 loss=sigmoid,SymBa(alpha=1..8)`` <-> a space of settings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forward_forward.readouts import is_readout
from forward_forward.recipes.parameters import Parameter, Value, parameter_of, parameters_of

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(rf"({NUMBER})\.\.({NUMBER})")
LAYERED = re.compile(r"(?:(\d+)x)?(.*\.\..*)")
ARGUMENT = re.compile(rf"(?:(\w+)\s*=\s*)?({NUMBER}\.\.{NUMBER})")
DEFAULT = "default"

# Wide enough for both small and large data. Settings that a recipe lacks are left out.
DEFAULTS = {
    "lr": "0.0003..0.03",
    "hidden": "2x100..1000",
    "batch_size": "32..512",
    "loss": "SiluPair(alpha=1..20),SymBa(alpha=1..20),sigmoid,log_sigmoid",
    "goodness": "mean_square,l2_norm",
    "negatives": "FromFirstLayer(temperature=0.003..0.3),Uniform",
    "activation": "ReLU,LeakyReLU,GELU",
    "threshold_factor": "0.25..4",
}
# The same for recipes whose layers answer for every class, where they differ.
ONE_PASS = {
    "loss": "CrossEntropy(label_smoothing=0..0.2)",
    "goodness": "LinearReadout,ChannelGroups",
    "dropout": "0..0.5",
    "adversarial": "0..0.2",
}
# Settings that repeat a run, or move it to another device: no choice can be based on them.
NOT_SEARCHED = {"seed": "--seed", "device": "--device"}


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included.

    They are drawn uniformly, on a log scale if they are positive and span a factor of at least ten.

    Args:
        low: The smallest number.
        high: The largest number.
        whole: Whether only whole numbers are drawn.
        layers: The number of layers of this width; None if the setting is not a width.
    """

    low: float
    high: float
    whole: bool = False
    layers: int | None = None

    @property
    def log(self) -> bool:
        """Whether values are drawn uniformly on a log scale."""
        return self.low > 0 and self.high / self.low >= 10

    def __str__(self) -> str:
        # Reading it back gives the same number, with or without ".0".
        low, high = (repr(end).removesuffix(".0") for end in (self.low, self.high))
        ends = f"{low}..{high}"
        return ends if self.layers is None else f"{self.layers}x{ends}"


@dataclass(frozen=True)
class PartTemplate:
    """A part with ranges among its arguments, such as ``SymBa(alpha=1..8)``.

    Args:
        pieces: The text around the ranges, one piece more than there are ranges.
        ranges: Pairs of a name, such as ``SymBa.alpha``, and a range.
    """

    pieces: tuple[str, ...]
    ranges: tuple[tuple[str, Range], ...]

    def filled(self, values: Iterable[object]) -> str:
        """The text with values in place of the ranges."""
        first, *rest = self.pieces
        return first + "".join(f"{value}{piece}" for value, piece in zip(values, rest, strict=True))

    def __str__(self) -> str:
        return self.filled(each for _, each in self.ranges)


@dataclass(frozen=True)
class Choice:
    """One of several values or parts; a single one fixes the setting."""

    options: tuple[Value | PartTemplate, ...]

    def labels(self) -> list[str]:
        """The options as they are typed."""
        return [_label(each) for each in self.options]

    def __str__(self) -> str:
        return ",".join(self.labels())


Space = Mapping[str, Range | Choice]


def read(pairs: Iterable[str], recipe: Callable[..., Any]) -> Space:
    """Read a space of settings from text.

    Args:
        pairs: ``name=low..high``, ``name=value,value,...``, or ``default`` for the default space,
            whose settings the others replace.
        recipe: The recipe whose settings they are.

    Returns:
        What is searched, by the name of the setting.

    Raises:
        ValueError: Text of another form, or a setting that the recipe does not have.

    >>> from forward_forward.recipes import standard
    >>> space = read(["lr=1e-4..1e-2", "hidden=2x500,1000"], standard)
    >>> {name: str(each) for name, each in space.items()}
    {'lr': '0.0001..0.01', 'hidden': '500+500,1000'}
    """
    space: dict[str, Range | Choice] = {}
    typed: set[str] = set()
    for pair in pairs:
        if pair == DEFAULT:
            space = {**default_space(recipe), **space}
            continue
        name, equals, text = pair.partition("=")
        if not equals or not text:
            expected = f"expected name=low..high, name=value,value or {DEFAULT!r}"
            example = "such as lr=1e-4..1e-2 or loss=sigmoid,SymBa(alpha=4)"
            raise ValueError(f"{expected}, got {pair!r}: {example}")
        if name in NOT_SEARCHED:
            raise ValueError(f"{name} cannot be searched: fix it with {NOT_SEARCHED[name]}")
        if name in typed:
            raise ValueError(f"{name} is given twice: put all its values into one list")
        typed.add(name)
        space[name] = _dimension(text, parameter_of(recipe, name))
    if not space:
        raise ValueError("expected settings to search, got none: pass name=low..high")
    return space


def default_space(recipe: Callable[..., Any]) -> Space:
    """The space that is searched by default: those of `DEFAULTS` that the recipe has.

    Of a recipe whose layers answer for every class, `ONE_PASS` replaces what cannot serve it.

    Raises:
        ValueError: It has none of them.
    """
    parameters = parameters_of(recipe)
    usual = inspect.signature(recipe).parameters
    readout = "goodness" in usual and is_readout(usual["goodness"].default)
    texts = {**DEFAULTS, **ONE_PASS} if readout else DEFAULTS
    names = [name for name in texts if name in parameters]
    if not names:
        fix = "name the settings to search, as name=low..high"
        searched = f"searched by default ({', '.join(DEFAULTS)})"
        raise ValueError(f"the recipe has no setting that is {searched}: {fix}")
    return {name: _dimension(texts[name], parameters[name]) for name in names}


def _dimension(text: str, parameter: Parameter) -> Range | Choice:
    pieces = _pieces(text, parameter.name)
    spans = [each for each in pieces if ".." in re.sub(r"\(.*\)", "", each)]
    if spans and len(pieces) > 1:
        expected = f"{parameter.name} expects one range or a list of values"
        raise ValueError(f"{expected}, got {text!r}: give the range alone")
    if spans:
        return _range(text, parameter)
    options = tuple(_option(each, parameter) for each in pieces)
    names = [name for each in options if isinstance(each, PartTemplate) for name, _ in each.ranges]
    twice = [*_repeated(names), *_repeated([_label(each) for each in options])]
    if twice:
        raise ValueError(f"{parameter.name} has {twice[0]} twice in {text!r}: omit one of them")
    return Choice(options)


def _pieces(text: str, name: str) -> list[str]:
    """Text split at the commas outside brackets."""
    pieces, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    pieces = [each.strip() for each in pieces]
    if depth or not all(pieces):
        fault = "an unbalanced bracket" if depth else "nothing between two commas"
        raise ValueError(f"{name} expects value,value,..., got {text!r} with {fault}")
    return pieces


def _range(text: str, parameter: Parameter) -> Range:
    layers, span = None, text
    if parameter.kind == "layers" and (found := LAYERED.fullmatch(text)):
        layers, span = int(found[1] or 1), found[2]
    elif parameter.kind not in ("whole", "number"):
        expected = f"{parameter.name} expects a list of values such as a,b,c"
        raise ValueError(f"{expected}, got the range {text!r}: it is not a number")
    return _span(span, parameter.name, whole=parameter.kind != "number", layers=layers)


def _span(text: str, name: str, *, whole: bool, layers: int | None = None) -> Range:
    found = RANGE.fullmatch(text)
    if not found:
        raise ValueError(f"{name} expects a range such as 1..10, got {text!r}")
    low, high = float(found[1]), float(found[2])
    if low >= high:
        raise ValueError(f"{name} expects a range from low to high, got {text!r}: swap the ends")
    if not whole:
        return Range(low, high)
    if low != int(low) or high != int(high):
        raise ValueError(f"{name} expects whole numbers, got {text!r}")
    return Range(int(low), int(high), whole=True, layers=layers)


def _option(text: str, parameter: Parameter) -> Value | PartTemplate:
    if ".." not in text:
        return parameter.value(text)
    head, end = text.partition("(")[0], 0
    pieces: list[str] = []
    ranges: list[tuple[str, Range]] = []
    for found in ARGUMENT.finditer(text):
        pieces.append(text[end : found.start(2)])
        argument = f"{head}.{found[1] or len(ranges) + 1}"
        ranges.append((argument, _span(found[2], f"{parameter.name}, {argument},", whole=False)))
        end = found.end(2)
    pieces.append(text[end:])
    if any(".." in each for each in pieces):
        raise ValueError(f"{parameter.name} expects a range such as alpha=1..8 in {text!r}")
    return PartTemplate(tuple(pieces), tuple(ranges))


def _label(option: Value | PartTemplate) -> str:
    if isinstance(option, tuple):
        return "+".join(map(str, option))
    return str(option)


def _repeated(names: list[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]

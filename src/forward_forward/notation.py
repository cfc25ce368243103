"""A part <-> the text that names it, as typed on the command line and kept in a run's file.

A name is looked up in a module's ``__all__`` and may carry literal arguments: ``l2_norm``,
``PNorm(p=4)``, ``Minimised(sum_of_squares)``. A dotted ``package.module:object``, which may carry
arguments too, is imported, but only where the caller says that a person typed it: what a file says
is never run.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import FunctionType, ModuleType
from typing import Any, Protocol, runtime_checkable

from torch import nn

_PLAIN = bool, int, float, str, tuple


class OwnCode(ValueError):
    """A file names code of the user's own, which is not run for that."""

    def __init__(self, text: str) -> None:
        whose = (
            "made of more than its name tells" if text.startswith("torch.") else "code of your own"
        )
        super().__init__(
            f"{text!r} is {whose}, and code is never run because a file names it:"
            " build the network yourself and pass it, as in ff.load(run, network=network)"
        )
        self.text = text


@runtime_checkable
class Arguments(Protocol):
    """A part that says what it is made with, since its ``repr`` does not."""

    def arguments(self) -> dict[str, Any]: ...


def public(*modules: ModuleType) -> dict[str, Any]:
    """The public names of modules and what they stand for."""
    return {name: getattr(module, name) for module in modules for name in module.__all__}


def torch_modules() -> dict[str, Any]:
    """Torch's own modules by name: what a block or an activation can be rebuilt from."""
    named = {name: getattr(nn, name) for name in dir(nn)}
    return {
        name: value
        for name, value in named.items()
        if isinstance(value, type) and issubclass(value, nn.Module)
    }


def read(text: str, names: Mapping[str, Any], *, typed: bool = False) -> Any:
    """The part that a text names.

    Args:
        text: ``name``, ``name(argument=literal, ...)`` or, if ``typed``, ``package.module:object``
            with or without arguments.
        names: What the names stand for.
        typed: Whether a person typed the text just now; only then is a dotted one imported.

    Returns:
        The part.

    Raises:
        ValueError: No such name; the message has the nearest valid one.

    >>> from forward_forward import goodness
    >>> read("PNorm(p=4)", public(goodness))
    PNorm(p=4)
    """
    if ":" in text:
        if not typed:
            raise OwnCode(text)
        own = re.fullmatch(r"([\w.]+:\w+)(\(.*\))", text)
        if own is None:
            return _imported(text)
        name = own[1].partition(":")[2]
        return _parsed(name + own[2], {**names, name: _imported(own[1])})
    return _parsed(text, names)


def _parsed(text: str, names: Mapping[str, Any]) -> Any:
    try:
        expression = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ValueError(
            f"expected a name, name(argument=value) or package.module:object, got {text!r}"
        ) from error
    return _value(expression, names)


def _imported(text: str) -> Any:
    module, _, name = text.partition(":")
    if os.getcwd() not in sys.path:  # where a person expects a module of their own to be found
        sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{text!r} cannot be imported: {error}") from error
    except Exception as error:  # whatever is wrong with the file, a person just wrote it
        kind = type(error).__name__
        raise ValueError(f"{text!r} cannot be imported: {kind}: {error}") from error


def made(part: Any) -> Any:
    """A part that was named; a class that was named without arguments is made with its defaults.

    Args:
        part: What `read` gave.

    Raises:
        ValueError: It is no part, or a class that needs arguments.

    >>> from forward_forward import losses
    >>> made(losses.SymBa)
    SymBa(alpha=4.0)
    """
    if not callable(part):
        raise ValueError(f"expected the name of a part, got {part!r}")
    try:
        return part() if isinstance(part, type) else part
    except TypeError as error:
        raise ValueError(f"{part.__name__} needs arguments: {error}") from error


def _value(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    match expression:
        case ast.Name(id=name):
            return looked_up(name, names)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            values = [_value(arg, names) for arg in args]
            options = {str(each.arg): _value(each.value, names) for each in keywords}
            try:
                return looked_up(name, names)(*values, **options)
            except TypeError as error:
                raise ValueError(f"{ast.unparse(expression)!r}: {error}") from error
        case _:
            try:
                return ast.literal_eval(expression)
            except ValueError as error:
                raise ValueError(
                    f"expected a name or a literal, got {ast.unparse(expression)!r}"
                ) from error


def looked_up(name: str, names: Mapping[str, Any]) -> Any:
    """What a name stands for, or a ValueError with the nearest valid one."""
    if name in names:
        return names[name]
    if name == "inf":
        return float("inf")
    lower = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = (
        f"did you mean {lower[near[0]]!r}?" if near else f"choose from {', '.join(sorted(names))}"
    )
    raise ValueError(f"unknown name {name!r}: {hint}")


def write(part: Any, names: Mapping[str, Any]) -> str:
    """The text that names a part; `read` gives an equal part back.

    Args:
        part: A named part, a dataclass of such, a torch module, a literal or None.
        names: What the names stand for.

    Returns:
        Text. A part of the user's own gets its ``package.module:name``, a dataclass with those
        plain arguments that are not its defaults.

    >>> from forward_forward import goodness
    >>> write(goodness.Minimised(goodness.mean_square), public(goodness))
    'Minimised(goodness=mean_square)'
    """
    if part is None or isinstance(part, _PLAIN):
        return repr(part)
    for name, value in names.items():
        if value is part or (type(value) is type(part) and is_dataclass(part) and value == part):
            return name
    if is_dataclass(part) and names.get(type(part).__name__) is type(part):
        # Fields beyond the constructor's would be lost; parts have none.
        return _call(part, {each.name: getattr(part, each.name) for each in fields(part)}, names)
    if type(part) is nn.Sequential:
        return f"Sequential({', '.join(write(child, names) for child in part)})"
    if isinstance(part, Arguments) and names.get(type(part).__name__) is type(part):
        return _call(part, part.arguments(), names)
    own = isinstance(part, nn.Module) and names.get(type(part).__name__) is type(part)
    if own and "\n" not in repr(part):
        # Torch writes the words among its arguments, as in padding=same, without quotes.
        return re.sub(r"=(?!True\b|False\b|None\b)([A-Za-z_]\w*)", r"='\1'", repr(part))
    owner = part if isinstance(part, type | FunctionType) else type(part)
    return f"{owner.__module__}:{owner.__qualname__}{_changed(part)}"


def _changed(part: Any) -> str:
    """Of a dataclass, the plain values of its arguments that are not the defaults, in brackets."""
    if not is_dataclass(part) or isinstance(part, type):
        return ""
    given = [(each, getattr(part, each.name)) for each in fields(part) if each.init]
    words = [
        f"{each.name}={value!r}"
        for each, value in given
        if isinstance(value, _PLAIN) and value != each.default
    ]
    return f"({', '.join(words)})" if words else ""


def _call(part: Any, arguments: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    options = ", ".join(f"{name}={write(value, names)}" for name, value in arguments.items())
    return f"{type(part).__name__}({options})"


def write_call(make: Any) -> str:
    """The text for a class or a ``functools.partial`` of one, for the record: it is not read back.

    >>> from functools import partial
    >>> write_call(partial(dict, momentum=0.9))
    'builtins:dict(momentum=0.9)'
    """
    if isinstance(make, functools.partial):
        options = [
            *map(repr, make.args),
            *(f"{key}={value!r}" for key, value in make.keywords.items()),
        ]
        return f"{write_call(make.func)}({', '.join(options)})"
    return f"{make.__module__}:{make.__qualname__}"

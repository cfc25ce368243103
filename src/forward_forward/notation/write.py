"""A part, and the names of its kind -> the text that names it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

from torch import nn

from forward_forward.notation.torch_modules import PLAIN, constructor_arguments


def write(part: Any, names: Mapping[str, Any]) -> str:
    """The text that names a part; `read` gives an equal part back.

    Args:
        part: A named part, a dataclass of such parts, a torch module, a literal or None.
        names: Objects by name.

    Returns:
        Text. For a user-defined part it is ``package.module:name``, and for a user-defined
        dataclass also its plain arguments that differ from the defaults.

    >>> from forward_forward import goodness, notation
    >>> write(goodness.Minimised(goodness.mean_square), notation.public(goodness))
    'Minimised(goodness=mean_square)'
    """
    if part is None or isinstance(part, PLAIN):
        return repr(part)
    for name, value in names.items():
        if value is part or (type(value) is type(part) and is_dataclass(part) and value == part):
            return name
    if is_dataclass(part) and names.get(type(part).__name__) is type(part):
        # Fields beyond the constructor's would be lost; parts have none.
        return _call(part, {each.name: getattr(part, each.name) for each in fields(part)}, names)
    if type(part) is nn.Sequential:
        return f"Sequential({', '.join(write(child, names) for child in part)})"
    if isinstance(part, nn.Module) and names.get(type(part).__name__) is type(part):
        arguments = constructor_arguments(part)
        if arguments is not None:
            return _call(part, arguments, names)
    owner = part if isinstance(part, type | FunctionType) else type(part)
    return f"{owner.__module__}:{owner.__qualname__}{_changed(part)}"


def _changed(part: Any) -> str:
    """A dataclass's plain arguments that differ from the defaults, in brackets."""
    if not is_dataclass(part) or isinstance(part, type):
        return ""
    given = [(each, getattr(part, each.name)) for each in fields(part) if each.init]
    options = [
        f"{each.name}={value!r}"
        for each, value in given
        if isinstance(value, PLAIN) and value != each.default
    ]
    return f"({', '.join(options)})" if options else ""


def _call(part: Any, arguments: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    options = ", ".join(f"{name}={write(value, names)}" for name, value in arguments.items())
    return f"{type(part).__name__}({options})"


def write_call(make: Any) -> str:
    """The text of a class or a ``functools.partial`` of one, for the record; `read` cannot read it.

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

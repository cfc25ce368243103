"""A part, and the names of its kind -> the text that names it; a torch module -> its arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import nn

PLAIN = bool, int, float, str, tuple  # values that are written as Python literals


def write(part: Any, names: Mapping[str, Any]) -> str:
    """The text that names a part; `read` gives an equal part back.

    Args:
        part: A named part, a dataclass or a tuple of such parts, a torch module, a literal or None.
        names: Objects by name.

    Returns:
        Text. For a user-defined part it is ``package.module:name``, and for a user-defined
        dataclass also its plain arguments that differ from the defaults.

    >>> from forward_forward import goodness, notation
    >>> write(goodness.Minimised(goodness.mean_square), notation.public(goodness))
    'Minimised(goodness=mean_square)'
    """
    part = _plain(part)
    if isinstance(part, tuple):
        items = [write(each, names) for each in part]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if part is None or isinstance(part, PLAIN):
        return repr(part)
    for name, value in names.items():
        if value is part or (type(value) is type(part) and is_dataclass(part) and value == part):
            return name
    if is_dataclass(part) and names.get(type(part).__name__) is type(part):
        return _call(
            part, {each.name: getattr(part, each.name) for each in fields(part) if each.init}, names
        )
    if type(part) is nn.Sequential:
        return f"Sequential({', '.join(write(child, names) for child in part)})"
    if isinstance(part, nn.Module) and names.get(type(part).__name__) is type(part):
        arguments = constructor_arguments(part)
        if arguments is not None:
            return _call(part, arguments, names)
    owner = part if isinstance(part, type | FunctionType) else type(part)
    return f"{owner.__module__}:{owner.__qualname__}{_changed(part)}"


def _plain(value: Any) -> Any:
    """A number of numpy, whose own text cannot be read back, as Python's; others unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def _changed(part: Any) -> str:
    """A dataclass's plain arguments that differ from the defaults, in brackets."""
    if not is_dataclass(part) or isinstance(part, type):
        return ""
    given = [(each, _plain(getattr(part, each.name))) for each in fields(part) if each.init]
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
        options = [repr(_plain(each)) for each in make.args]
        options += [f"{key}={_plain(value)!r}" for key, value in make.keywords.items()]
        return f"{write_call(make.func)}({', '.join(options)})"
    return f"{make.__module__}:{make.__qualname__}"


def torch_modules() -> dict[str, Any]:
    """Torch's modules by name, from which blocks and activations are rebuilt."""
    kinds = inspect.getmembers(nn, inspect.isclass)
    return {name: kind for name, kind in kinds if issubclass(kind, nn.Module)}


def constructor_arguments(part: nn.Module) -> dict[str, Any] | None:
    """What a module was made with; defaults are left out, except those of a linear layer.

    Args:
        part: A module of torch, or one that keeps its arguments as attributes.

    Returns:
        Arguments by name; None if they do not make the same module: it has been changed since, or
        an argument has left no attribute.

    >>> constructor_arguments(nn.LeakyReLU(0.2))
    {'negative_slope': 0.2}
    """
    arguments: dict[str, Any] = {}
    for name, default in _parameters(type(part)).items():
        value = _bias(part, default) if name == "bias" else _plain(getattr(part, name, default))
        known = value is None or isinstance(value, (*PLAIN, nn.Module)) or is_dataclass(value)
        if not known:
            return None
        repeated = (default,) * len(value) if isinstance(value, tuple) else default  # per axis
        # Linear layers are written in full, as in runs of every earlier version.
        if type(part) is nn.Linear or value not in (default, repeated):
            arguments[name] = tuple(value) if isinstance(value, tuple) else value
    try:
        with torch.device("meta"):  # no memory, and no random numbers
            again = type(part)(**arguments)
    except (TypeError, ValueError):
        return None
    return arguments if _traits(again) == _traits(part) else None


def _bias(part: nn.Module, default: Any) -> Any:
    """Whether a module was made with biases: most keep the vector itself, or None."""
    bias = getattr(part, "bias", default)
    if bias is None and getattr(part, "weight", default) is None:
        return default  # without weights there is no choice
    return bias if isinstance(bias, bool) else bias is not None


def _parameters(kind: type) -> dict[str, Any]:
    """A constructor's parameters with their defaults, its bases' too where it passes them on."""
    found: dict[str, Any] = {}
    variadic = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    for each in kind.__mro__[: kind.__mro__.index(nn.Module)]:
        given = list(inspect.signature(each.__init__).parameters.values())[1:]  # type: ignore[misc]
        found |= {one.name: one.default for one in given if one.kind not in variadic}
        if not any(one.kind in variadic for one in given):
            break
    # The place is not part of the module; RNN, LSTM and GRU give their base its mode themselves.
    return {name: found[name] for name in found if name not in ("device", "dtype", "mode")}


def _traits(module: nn.Module) -> tuple[object, ...]:
    """What two modules with the same arguments have in common."""
    own = {key: _plain(each) for key, each in vars(module).items()}
    plain = {key: each for key, each in own.items() if isinstance(each, PLAIN)}
    plain.pop("training")
    return repr(module), plain, {name: each.shape for name, each in module.state_dict().items()}

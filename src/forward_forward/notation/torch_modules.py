"""A module of torch -> the arguments it was made with, from its constructor and its attributes."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

PLAIN = bool, int, float, str, tuple  # values that are written as Python literals


def torch_modules() -> dict[str, Any]:
    """Torch's modules by name, from which blocks and activations are rebuilt."""
    named = {name: getattr(nn, name) for name in dir(nn)}
    return {
        name: value
        for name, value in named.items()
        if isinstance(value, type) and issubclass(value, nn.Module)
    }


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
        value = _bias(part, default) if name == "bias" else getattr(part, name, default)
        if not (value is None or isinstance(value, (*PLAIN, nn.Module))):
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
    plain = {key: each for key, each in vars(module).items() if isinstance(each, PLAIN)}
    plain.pop("training")
    return repr(module), plain, {name: each.shape for name, each in module.state_dict().items()}

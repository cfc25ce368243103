"""Inputs [batch, *feature] -> an output, by modules and functions in the order of their data flow.

What a traced model does between two of its layers. It is written as plain values, so that a run
can be loaded without the code of the model: only the functions listed here are ever called.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_OPERATORS = "add sub mul truediv floordiv neg matmul pow getitem"
_TORCH = (
    "add sub mul div cat concat stack flatten relu sigmoid tanh matmul bmm mean sum amax permute"
    " transpose reshape unsqueeze squeeze chunk split softmax log_softmax exp log sqrt rsqrt"
    " square abs clamp neg pow einsum movedim var std"
)
_FUNCTIONAL = (
    "relu relu6 gelu silu mish elu selu leaky_relu hardswish hardsigmoid hardtanh softplus softmax"
    " log_softmax sigmoid tanh normalize pad interpolate pixel_shuffle"
    " scaled_dot_product_attention adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d"
    " adaptive_max_pool1d adaptive_max_pool2d max_pool1d max_pool2d max_pool3d avg_pool1d"
    " avg_pool2d avg_pool3d"
)
_METHODS = (
    "view reshape flatten unflatten size dim mean sum amax permute transpose contiguous unsqueeze"
    " squeeze relu sigmoid tanh add sub mul div chunk split softmax pow square sqrt exp abs clamp"
    " expand repeat t matmul movedim float"
)
METHODS = frozenset(_METHODS.split())
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{f"operator.{name}": getattr(operator, name) for name in _OPERATORS.split()},
    **{f"torch.{name}": getattr(torch, name) for name in _TORCH.split()},
    **{f"functional.{name}": getattr(functional, name) for name in _FUNCTIONAL.split()},
}
REST, SLICE, RESULT = "...", "slice", "$"  # first entries of arguments that are no literals
Step = tuple[str, tuple[Any, ...], tuple[Any, ...]]


class GraphBlock(nn.Module):
    """Modules and functions that read one input and each other's results.

    Args:
        parts: The modules.
        steps: What is computed, in order: ``(what, arguments, named arguments)``. What is a number
            of a module, such as "part 0"; "shape"; a method of a tensor, such as "method mean"; or
            one of ``FUNCTIONS``. An argument ``("$", n)`` is the result of step ``n``, counted from
            1; 0 is the input. The last result is the output.

    Raises:
        ValueError: A step is none of these, or reads what is not computed before it.

    >>> block = GraphBlock(nn.Sequential(nn.Linear(2, 2)), (
    ...     ("part 0", (("$", 0),), ()), ("operator.add", (("$", 0), ("$", 1)), ())))
    >>> block(torch.ones(3, 2)).shape
    torch.Size([3, 2])
    """

    def __init__(self, parts: nn.Sequential, steps: tuple[Step, ...]) -> None:
        super().__init__()
        self.parts, self.steps = parts, steps
        for place, (what, args, named) in enumerate(steps):
            self._check(what)
            if any(number > place for number in _read([*args, *named])):
                raise ValueError(
                    "GraphBlock expects steps that read the results of earlier ones, got step"
                    f" {place + 1}, {what!r} of {args}"
                )

    def _check(self, what: str) -> None:
        kind, _, name = what.partition(" ")
        known = {
            "part": name.isdecimal() and int(name) < len(self.parts),
            "method": name in METHODS,
            "shape": not name,
        }
        if not known.get(kind, what in FUNCTIONS):
            raise ValueError(
                f"GraphBlock expects a part, a method or one of its functions, got {what!r}"
            )

    def extra_repr(self) -> str:
        return ", ".join(what for what, _, _ in self.steps)

    def forward(self, x: Tensor) -> Tensor:
        results: list[Any] = [x]
        for what, args, named in self.steps:
            given = [_value(each, results) for each in args]
            options = {name: _value(each, results) for name, each in named}
            results.append(self._call(what)(*given, **options))
        output: Tensor = results[-1]
        return output

    def _call(self, what: str) -> Callable[..., Any]:
        kind, _, name = what.partition(" ")
        if kind == "part":
            return self.parts[int(name)]
        if kind == "method":
            return _method(name)
        return _shape if kind == "shape" else FUNCTIONS[what]


class StoredTensor(nn.Module):
    """A tensor of a model's own, such as position embeddings, as a module without inputs.

    Args:
        shape: Its shape.
        learned: Whether it is a weight.

    >>> StoredTensor((2, 3))().shape
    torch.Size([2, 3])
    """

    value: Tensor

    def __init__(self, shape: tuple[int, ...], learned: bool = True) -> None:
        super().__init__()
        self.shape, self.learned = shape, learned
        if learned:
            self.value = nn.Parameter(torch.zeros(shape))
        else:
            self.register_buffer("value", torch.zeros(shape))

    def extra_repr(self) -> str:
        return f"{self.shape}, learned={self.learned}"

    def forward(self) -> Tensor:
        return self.value


def _shape(x: Tensor) -> torch.Size:
    return x.shape


def _method(name: str) -> Callable[..., Any]:
    def call(x: Tensor, *args: Any, **named: Any) -> Any:
        return getattr(x, name)(*args, **named)

    return call


def _value(given: Any, results: list[Any]) -> Any:
    """An argument, with the results that it names in their places."""
    if not isinstance(given, tuple) or not given:
        return given
    if given[0] == RESULT:
        return results[given[1]]
    if given[0] == REST:
        return ...
    if given[0] == SLICE:
        return slice(*(_value(each, results) for each in given[1:]))
    return tuple(_value(each, results) for each in given)


def _read(given: Any) -> list[int]:
    """The numbers of the results that arguments name."""
    if not isinstance(given, tuple | list) or not given:
        return []
    if given[0] == RESULT:
        return [int(given[1])]
    return [number for each in given for number in _read(each)]

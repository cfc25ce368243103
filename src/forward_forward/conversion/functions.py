"""A function called by a traced model -> the module of torch that does the same, or its name."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from torch import fx, nn

from forward_forward.forward.graph_block import FUNCTIONS

# By the function's name: the module, and how many arguments after the input it shares with it.
_MODULES: dict[str, tuple[Callable[..., nn.Module], int]] = {
    "relu": (nn.ReLU, 0),
    "relu_": (nn.ReLU, 0),
    "relu6": (nn.ReLU6, 0),
    "gelu": (nn.GELU, 0),
    "silu": (nn.SiLU, 0),
    "mish": (nn.Mish, 0),
    "selu": (nn.SELU, 0),
    "elu": (nn.ELU, 1),
    "leaky_relu": (nn.LeakyReLU, 1),
    "hardswish": (nn.Hardswish, 0),
    "hardsigmoid": (nn.Hardsigmoid, 0),
    "hardtanh": (nn.Hardtanh, 2),
    "softplus": (nn.Softplus, 2),
    "sigmoid": (nn.Sigmoid, 0),
    "tanh": (nn.Tanh, 0),
    "softmax": (nn.Softmax, 1),
    "log_softmax": (nn.LogSoftmax, 1),
    "dropout": (nn.Dropout, 1),
    "dropout1d": (nn.Dropout1d, 1),
    "dropout2d": (nn.Dropout2d, 1),
    "dropout3d": (nn.Dropout3d, 1),
    "max_pool1d": (nn.MaxPool1d, 4),
    "max_pool2d": (nn.MaxPool2d, 4),
    "max_pool3d": (nn.MaxPool3d, 4),
    "avg_pool1d": (nn.AvgPool1d, 5),
    "avg_pool2d": (nn.AvgPool2d, 6),
    "avg_pool3d": (nn.AvgPool3d, 6),
    "adaptive_avg_pool1d": (nn.AdaptiveAvgPool1d, 1),
    "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d, 1),
    "adaptive_avg_pool3d": (nn.AdaptiveAvgPool3d, 1),
    "adaptive_max_pool1d": (nn.AdaptiveMaxPool1d, 1),
    "adaptive_max_pool2d": (nn.AdaptiveMaxPool2d, 1),
    "adaptive_max_pool3d": (nn.AdaptiveMaxPool3d, 1),
}
_ONLY_OF_FUNCTIONS = {"inplace", "training", "return_indices", "_stacklevel", "dtype"}
_SAME = {
    operator.iadd: "operator.add",
    operator.isub: "operator.sub",
    operator.imul: "operator.mul",
}


def as_module(node: fx.Node) -> nn.Module | None:
    """The module of torch that does what a node does; None if there is none.

    A dropout's module follows the mode of the model, as ``training=self.training`` does.
    """
    name = _bare_name(node)
    args, named = list(node.args[1:]), dict(node.kwargs)
    named.pop("input", None)
    if any(isinstance(each, fx.Node) for each in [*args, *named.values()]):
        return None
    if name == "flatten":
        made = nn.Flatten(*args, **named)  # type: ignore[arg-type]
        return made if made.start_dim == 1 else None
    if name not in _MODULES:
        return None
    make, count = _MODULES[name]
    options = {key: value for key, value in named.items() if key not in _ONLY_OF_FUNCTIONS}
    return make(*args[:count], **options)


def _bare_name(node: fx.Node) -> str:
    if node.op == "call_method":
        return str(node.target)
    return str(getattr(node.target, "__name__", "")) if node.op == "call_function" else ""


def flattens(node: fx.Node) -> bool:
    """Whether a view makes a row of each sample: ``x.view(x.size(0), -1)``, ``x.view(-1, 64)``."""
    if _bare_name(node) not in ("view", "reshape"):
        return False
    args = node.args[1:]
    shape = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
    if len(shape) != 2 or not isinstance(shape[1], int):
        return False
    known = shape[0] == -1 and shape[1] != -1
    return known or _is_batch(shape[0])


def _is_batch(given: Any) -> bool:
    """Whether a node is the number of samples: ``x.size(0)`` or ``x.shape[0]``."""
    if not isinstance(given, fx.Node):
        return False
    if given.target == "size":
        return bool(given.args[1:] == (0,))
    of = given.args[0] if given.args else None
    sized = isinstance(of, fx.Node) and of.target in (getattr, "size")
    return bool(given.target is operator.getitem and sized and given.args[1] == 0)


def name_of(function: Any) -> str | None:
    """The name of a function in `GraphBlock`; None if it is not among them."""
    if function in _SAME:
        return _SAME[function]
    for name, each in FUNCTIONS.items():
        if each is function:
            return name
    return None

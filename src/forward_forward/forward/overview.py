"""The parts of a network -> an HTML table for a notebook, with a row for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from forward_forward import goodness, losses, notation, readouts
from forward_forward.display.html import table
from forward_forward.display.numerals import number
from forward_forward.examples import Examples
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.layer import Layer

COLUMNS = ("layer", "block", "activation", "goodness", "loss", "threshold", "parameters")


def layers_html(layers: Sequence[Layer], examples: Examples, head: SoftmaxHead | None) -> str:
    """A row for each layer, below how many there are and how labels enter."""
    names = notation.public(goodness, losses, readouts)
    rows: list[list[Any]] = []
    for place, layer in enumerate(layers, 1):
        threshold: Any = layer.threshold
        if layer.calibrated:
            threshold = number(float(layer.threshold_value))
        parts = [notation.write(each, names) for each in (layer.goodness, layer.loss)]
        modules = [_module(layer.block), _module(layer.activation)]
        rows.append([place, *modules, *parts, threshold, _parameters(layer)])
    total = sum(row[-1] for row in rows) + (0 if head is None else _parameters(head))
    several = "1 layer" if len(rows) == 1 else f"{len(rows)} layers"
    more = "" if head is None else " and a softmax head"
    kind = f"{type(examples).__name__} with {examples.num_classes} classes"
    return table(f"Network: {several}{more}, {total:,} parameters, {kind}", COLUMNS, rows)


def _parameters(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def _module(module: Any) -> str:
    """The modules of a sequence; only the class of another one that has modules inside."""
    if isinstance(module, nn.Sequential):
        return " → ".join(map(_module, module))
    if module is None:
        return "none"
    if list(module.children()):
        return type(module).__name__
    return str(module).replace(", bias=True", "")

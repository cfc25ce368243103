"""A part -> a copy of it for some width, a small network that learns with it, a batch for that."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from forward_forward.contracts.named import CLASSES, kind_of
from forward_forward.contracts.samples import activities, seeded
from forward_forward.examples import AppendLabel, NoLabel
from forward_forward.forward import Layer, Network, mlp
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout

FEATURES, SAMPLES = 5, 12


def classes_of(part: Any) -> int:
    """The number of classes that a part is made for, or a small one."""
    return int(getattr(part, "num_classes", CLASSES))


def units_of(part: Any) -> int:
    """The number of units that a part is made for, or a small one, at least two a class."""
    return int(getattr(part, "units", None) or 2 * classes_of(part))


def side_of(part: Any) -> int:
    """The side of the maps that a part needs, or 1 if it accepts vectors."""
    return int(max(getattr(part, "grid", 1), getattr(part, "kernel", 1), 1))


def sized(part: Any, units: int) -> Any:
    """A copy of a part; of a template, one for layers of so many units."""
    template = hasattr(part, "sized") and getattr(part, "units", 0) is None
    return part.sized(units) if template else copy.deepcopy(part)


def ready(part: Any, dtype: torch.dtype = torch.float64) -> Any:
    """A copy in a dtype, of a template one of some width; weights that start at 0 are drawn."""
    made = sized(part, units_of(part))
    if not isinstance(made, nn.Module):
        return made
    rng = seeded(3)
    for weight in made.parameters():
        if not weight.any():
            nn.init.normal_(weight, generator=rng)
    return made.to(dtype)


def small_network(part: Any, layers: int = 2) -> Network:
    """A network of narrow layers, each with its own copy of the part, in float64.

    A term is its layer's only objective: what reads the labels does not reach the block.
    """
    kind, classes, side = kind_of(part), classes_of(part), side_of(part)

    def layer(block: nn.Linear, **options: Any) -> Layer:
        units = block.out_features // side**2
        # A part with weights is trained with its layer, so each layer gets a copy.
        made = sized(part, units)
        if kind in ("goodness", "loss"):
            options[kind] = made
        if kind in ("readout", "term"):
            reader = LinearReadout(classes, units, detached=True)
            options["goodness"] = made if kind == "readout" else reader
            options["loss"] = CrossEntropy()
        if kind == "term":
            options["terms"] = (made,)
        if side > 1:
            options["activation"] = nn.Sequential(nn.ReLU(), nn.Unflatten(1, (units, side, side)))
        return Layer(block, **options)

    given = {"negatives": part} if kind == "negatives" else {}
    labelled = kind not in ("readout", "term")
    return mlp(
        FEATURES,
        *[units_of(part) * side**2] * layers,
        num_classes=classes,
        examples=AppendLabel(classes, **given) if labelled else NoLabel(classes),
        layer=layer,
        head=kind == "negatives" and part.scores == "softmax",
    ).double()


def batch_for(part: Any) -> tuple[Tensor, Tensor]:
    """Samples and labels, each label at least twice; samples of a class resemble each other."""
    classes = classes_of(part)
    samples = max(SAMPLES, 2 * classes)
    y = torch.arange(samples) % classes
    centres = activities(FEATURES, batch=classes, seed=2)
    return activities(FEATURES, batch=samples) + 2 * centres[y], y

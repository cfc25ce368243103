"""The arms that the poster's claims compare: variations of its method, and backprop beside it.

An arm that several claims need is made here once, so that it is tuned and run once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from forward_forward import goodness, losses
from forward_forward.examples import FromGoodness, FromSoftmax
from forward_forward.goodness import PNorm
from forward_forward.lab.reproduce.arms import THRESHOLD_FACTORS, Arm, Seeds
from forward_forward.lab.reproduce.training.backprop import backprop
from forward_forward.lab.reproduce.training.feedforward import forward_forward

PROBES = ("goodness", "labels", "features")
SIGMOID, LOG, MEAN = "sigmoid loss", "log-sigmoid loss", "mean-square goodness"
# What the optimisers are compared on, besides the optimiser.
CONDITIONS: dict[str, dict[str, Any]] = {
    SIGMOID: {},
    LOG: {"loss": losses.log_sigmoid},
    MEAN: {"loss": losses.log_sigmoid, "goodness": goodness.mean_square, "temperature": 0.1},
}
OPTIMIZERS: dict[str, tuple[Callable[..., torch.optim.Optimizer], float]] = {
    "Adam": (torch.optim.Adam, 1e-3),
    "RMSProp": (torch.optim.RMSprop, 1e-3),
    "SGD": (torch.optim.SGD, 0.3),
    "SGD, momentum 0.9": (functools.partial(torch.optim.SGD, momentum=0.9), 0.03),
    "AdamW": (torch.optim.AdamW, 1e-3),
    "Adam, beta1 = 0": (functools.partial(torch.optim.Adam, betas=(0.0, 0.999)), 1e-3),
    "RMSProp, 0.999": (functools.partial(torch.optim.RMSprop, alpha=0.999), 1e-3),
}
BOUNDED: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "hard tanh": nn.Hardtanh,
}
UNBOUNDED: dict[str, Callable[[], nn.Module]] = {
    "leaky ReLU": nn.LeakyReLU,
    "GELU": nn.GELU,
    "softplus": nn.Softplus,
    "SiLU": nn.SiLU,
}


def poster(name: str = "poster's method") -> Arm:
    """The poster's method as it is, the arm that most others are compared with."""
    settings = {"often": True, "probes": PROBES}
    return Arm(name, forward_forward, settings, seeds="deciding")


def variation(
    name: str,
    centre: float = 1e-3,
    seeds: Seeds = "others",
    like: Arm | None = None,
    longer: float = 1.0,
    **settings: Any,
) -> Arm:
    """The poster's method with some parts exchanged."""
    return Arm(name, forward_forward, settings, centre, seeds=seeds, like=like, longer=longer)


def by_backprop(name: str = "backprop", longer: float = 1.0) -> Arm:
    """The same layers by backprop; its second setting is the dropout of hidden units."""
    return Arm(
        name,
        backprop,
        {"often": True},
        second=("dropout", (0.2, 0.0, 0.4)),
        seeds="deciding",
        longer=longer,
    )


def optimizer(name: str, condition: str) -> Arm:
    """One of `OPTIMIZERS` under one of `CONDITIONS`; Adam and RMSProp decide."""
    label = name if condition == SIGMOID else f"{name}, {condition}"
    if name == "Adam" and condition == SIGMOID:
        return poster(label)
    make, centre = OPTIMIZERS[name]
    decides: Seeds = "deciding" if name in ("Adam", "RMSProp") else "others"
    told: dict[str, Any] = {} if name == "Adam" else {"optimizer": make}
    if name == "AdamW":
        told["weight_decay"] = None  # its own, 0.01: without it, it would be Adam
    return variation(label, centre, decides, **CONDITIONS[condition], **told)


def activation(name: str, *, common_threshold: bool) -> Arm:
    """The poster's method with another activation, its threshold tuned or the root of the width."""
    make = {"ReLU": None, **BOUNDED, **UNBOUNDED}[name]
    told: dict[str, Any] = {} if make is None else {"activation": make}
    if not common_threshold:
        return poster(name) if make is None else variation(name, seeds="deciding", **told)
    label = f"{name}, threshold of the root of the width"
    return Arm(label, forward_forward, {**told, "threshold": "width"}, second=None)


def negatives(name: str) -> Arm:
    """The poster's method with hard negatives of a kind."""
    kinds = {"hard, by softmax": FromSoftmax(), "hard, by goodness": FromGoodness(1.0, 1.0)}
    return variation(name, seeds="deciding", negatives=kinds[name])


def norm(p: float | str, seeds: Seeds) -> Arm:
    """The poster's method with a p-norm, or the squared L2 norm; margins on the L2 norm's scale."""
    part: goodness.Goodness = goodness.sum_of_squares
    label = "squared L2"
    if not isinstance(p, str):
        label = "p = infinity" if math.isinf(p) else f"p = {p:g}"
        part = PNorm(p)
    return Arm(
        label,
        forward_forward,
        {"goodness": part, "temperature_factor": 1.0},
        second=("threshold_factor", THRESHOLD_FACTORS),
        third=("temperature_factor", (0.3, 1.0, 3.0)),
        seeds=seeds,
    )

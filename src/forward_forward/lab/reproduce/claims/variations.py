"""The arms that the poster's claims compare: variations of its method, and backprop.

An arm that several claims need is defined here once, so that it is tuned and run once.
"""

from __future__ import annotations

import math
from typing import Any

from forward_forward.lab.reproduce.arms import THRESHOLD_FACTORS, Arm, Seeds

PROBES = ("goodness", "labels", "features")
SIGMOID, LOG, MEAN = "sigmoid loss", "log-sigmoid loss", "mean-square goodness"
# The losses and goodnesses with which optimisers are compared.
CONDITIONS: dict[str, dict[str, Any]] = {
    SIGMOID: {},
    LOG: {"loss": "log_sigmoid"},
    MEAN: {"loss": "log_sigmoid", "goodness": "mean_square", "temperature": 0.1},
}
# Settings of each, and the learning rate in the middle of those tried; Adam is the recipe's own.
OPTIMIZERS: dict[str, tuple[dict[str, Any], float]] = {
    "Adam": ({}, 1e-3),
    "RMSProp": ({"optimizer": "RMSprop"}, 1e-3),
    "SGD": ({"optimizer": "SGD"}, 0.3),
    "SGD, momentum 0.9": ({"optimizer": "SGD(momentum=0.9)"}, 0.03),
    # Its own weight decay, 0.01: without it, it would be Adam.
    "AdamW": ({"optimizer": "AdamW", "weight_decay": None}, 1e-3),
    "Adam, beta1 = 0": ({"optimizer": "Adam(betas=[0.0, 0.999])"}, 1e-3),
    "RMSProp, 0.999": ({"optimizer": "RMSprop(alpha=0.999)"}, 1e-3),
}
BOUNDED = {"tanh": "Tanh", "sigmoid": "Sigmoid", "hard tanh": "Hardtanh"}
UNBOUNDED = {"leaky ReLU": "LeakyReLU", "GELU": "GELU", "softplus": "Softplus", "SiLU": "SiLU"}


def poster(name: str = "poster's method") -> Arm:
    """The poster's method itself, with which most arms are compared."""
    settings = {"often": True, "probes": PROBES}
    return Arm(name, "forward_forward", settings, seeds="deciding")


def variation(name: str, centre: float = 1e-3, seeds: Seeds = "others", **settings: Any) -> Arm:
    """The poster's method with some parts exchanged."""
    return Arm(name, "forward_forward", settings, centre, seeds=seeds)


def by_backprop(name: str = "backprop", longer: float = 1.0) -> Arm:
    """The same layers by backprop; its second setting is the dropout of hidden units."""
    return Arm(
        name,
        "backprop",
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
    settings, centre = OPTIMIZERS[name]
    decides: Seeds = "deciding" if name in ("Adam", "RMSProp") else "others"
    return variation(label, centre, decides, **CONDITIONS[condition], **settings)


def activation(name: str, *, common_threshold: bool) -> Arm:
    """The poster's method with another activation, its threshold tuned or the root of the width."""
    part = {**BOUNDED, **UNBOUNDED}.get(name)  # ReLU is the recipe's own
    settings: dict[str, Any] = {} if part is None else {"activation": part}
    if not common_threshold:
        return poster(name) if part is None else variation(name, seeds="deciding", **settings)
    label = f"{name}, threshold of the root of the width"
    return Arm(label, "forward_forward", {**settings, "threshold": "width"}, second=None)


def negatives(name: str) -> Arm:
    """The poster's method with hard negatives of a kind."""
    kinds = {
        "hard, by softmax": "FromSoftmax()",
        "hard, by goodness": "FromGoodness(temperature=1.0, fraction=1.0)",
    }
    return variation(name, seeds="deciding", negatives=kinds[name])


def norm(p: float | str, seeds: Seeds) -> Arm:
    """The poster's method with a p-norm, or the squared L2 norm; margins on the L2 norm's scale."""
    label, part = "squared L2", "sum_of_squares"
    if not isinstance(p, str):
        label = "p = infinity" if math.isinf(p) else f"p = {p:g}"
        part = f"PNorm(p={p})"
    return Arm(
        label,
        "forward_forward",
        {"goodness": part, "temperature_factor": 1.0},
        second=("threshold_factor", THRESHOLD_FACTORS),
        third=("temperature_factor", (0.3, 1.0, 3.0)),
        seeds=seeds,
    )

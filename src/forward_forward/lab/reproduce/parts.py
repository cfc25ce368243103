"""A job's settings in plain values -> settings with the library's parts in them.

The names are part of the keys of all finished runs, so they stay when a part is renamed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import nn

from forward_forward import goodness, losses
from forward_forward.examples import FromGoodness, FromSoftmax
from forward_forward.optimize import constant

PARTS: dict[str, dict[str, Any]] = {
    "activation": {
        name: getattr(nn, name)
        for name in ("LeakyReLU", "GELU", "Softplus", "SiLU", "Tanh", "Sigmoid", "Hardtanh")
    },
    "goodness": {
        "mean_square": goodness.mean_square,
        "sum_of_squares": goodness.sum_of_squares,
        **{
            f"PNorm(p={p})": goodness.PNorm(p)
            for p in (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, math.inf)
        },
    },
    "loss": {name: getattr(losses, name) for name in ("log_sigmoid", "log_sigmoid_literal")},
    "negatives": {
        "FromSoftmax()": FromSoftmax(),
        "FromGoodness(temperature=1.0, fraction=1.0)": FromGoodness(1.0, 1.0),
    },
    "optimizer": {
        "Adam(betas=[0.0, 0.999])": functools.partial(torch.optim.Adam, betas=(0.0, 0.999)),
        "AdamW": torch.optim.AdamW,
        "RMSprop": torch.optim.RMSprop,
        "RMSprop(alpha=0.999)": functools.partial(torch.optim.RMSprop, alpha=0.999),
        "SGD": torch.optim.SGD,
        "SGD(momentum=0.9)": functools.partial(torch.optim.SGD, momentum=0.9),
    },
    "schedule": {"constant": constant},
}


def with_parts(settings: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Settings, except those in ``without``, with their parts in place of the parts' names.

    >>> with_parts({"lr": 0.1, "loss": "log_sigmoid"}, without=["lr"])["loss"] is losses.log_sigmoid
    True
    """
    return {
        name: PARTS[name][value] if name in PARTS else value
        for name, value in settings.items()
        if name not in without
    }

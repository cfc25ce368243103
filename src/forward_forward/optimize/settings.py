"""A trainer's settings -> nothing, or a ValueError that says what is expected of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forward_forward.forward import Network
from forward_forward.forward.arguments import check_number, refuse, whole_number

# A value of each setting that is a number, with which most networks learn.
USUAL = {"skip": "0", "average": "0.999", "head_lr": "0.001"}
USUAL |= {"weight_decay": "0.01", "head_weight_decay": "0.01"}


def check_given(
    network: object, schedule: object, augment: Any, look_ahead: object, *names: object
) -> None:
    """Reject what is no network, no schedule, no list of changes of pictures, and no name."""
    if not isinstance(network, Network):
        refuse("Trainer", "a Network", network, "build one with ff.mlp(...) or ff.Network(...)")
    if not callable(schedule):
        fix = "such as ff.optimize.schedules.linear"
        refuse("schedule", "a function of the epoch", schedule, fix)
    if not isinstance(augment, tuple | list) or not all(map(callable, augment)):
        refuse("augment", "a list of changes", augment, "such as [ff.data.augment.Shift(2)]")
    whole_number("look_ahead", look_ahead, "0")
    for name, value in zip(("order", "rule", "engine", "precision"), names, strict=True):
        if not isinstance(value, str):
            refuse(name, "a name", value, "ff.Trainer's help lists them")


def check_settings(settings: Mapping[str, Any]) -> None:
    """Reject settings that are no numbers where one is expected; learning rates are checked later.

    Args:
        settings: By name; those that are numbers may be None but for ``skip``.
    """
    whole_number("seed", settings["seed"], "0")
    for name, usual in USUAL.items():
        value = settings[name]
        if value is not None or name == "skip":
            check_number(name, value, usual)
        if value is not None and value < 0:
            refuse(name, "0 or more", value, f"such as {name}={usual}")


def check_call(about: object, parallel: object) -> None:
    """Reject arguments of `fit` of another kind."""
    if not isinstance(about, Mapping | None):
        refuse("about", "a dictionary", about, "such as about={'note': 'first try'}")
    if isinstance(parallel, str) or not (parallel is None or hasattr(parallel, "join")):
        refuse("parallel", "a Layout", parallel, "such as ff.parallel.Layout(); or leave it out")

"""The arms that the poster's claims compare: variations of its method, and backprop.

An arm that several claims need is defined here once, so that it is tuned and run once.
"""

from __future__ import annotations

from typing import Any

from forward_forward.lab.reproduce.arms import Arm, Seeds

PROBES = ("goodness", "labels", "features")


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

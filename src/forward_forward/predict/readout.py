"""Misses of every range of layers -> the range to read; a run's figures -> what it reads."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from forward_forward.forward import Network
from forward_forward.forward.combination import WeightedLayers
from forward_forward.forward.layer_range import (
    Range,
    ReadoutSetting,
    best_range,
    fixed_range,
    layers_named,
)
from forward_forward.predict.evaluation import BY_RANGE, check_network


def choose_readout(wrong: Mapping[str, Tensor], *networks: Network) -> None:
    """Let networks without a fixed range read the range of layers with the fewest misses.

    Args:
        wrong: The misses on validation data, from `count_errors`.
        networks: The network whose misses they are, and others that have its layers.
    """
    for network in networks:
        check_network("choose_readout", network)
        if network.chosen is not None and BY_RANGE in wrong:
            network.choose(best_range(wrong[BY_RANGE], len(network.layers)))


def readout_entries(network: Network) -> dict[str, Any]:
    """How a network whose readout was fitted combines its layers, as entries of run.json."""
    combination = network.combination
    if combination is None:
        return {}
    fitted: dict[str, Any] = {"kind": combination.setting}
    if isinstance(combination, WeightedLayers):
        fitted["weights"] = combination.weights.tolist()
    return {"readout": list(network.readout), "fitted_readout": fitted}


def readout_of(about: Mapping[str, Any]) -> Range:
    """The layers from which the best weights of a run read labels, by its run.json."""
    network = about["network"]
    setting: ReadoutSetting = ast.literal_eval(network["readout"])
    if isinstance(setting, str):
        setting = about.get("readout")  # None, all of them, if there were no validation data
    return fixed_range(setting, len(network["layers"]))


def read_from(about: Mapping[str, Any]) -> str:
    """The layers of `readout_of` in words, and how they were combined if that was fitted."""
    first, stop = readout_of(about)
    layers, fitted = layers_named((first, stop)), about.get("fitted_readout")
    if fitted is None:
        return layers
    if fitted["kind"] == "logistic":
        return f"{layers} by a logistic regression"
    weights = ", ".join(f"{each:.3g}" for each in fitted["weights"][first:stop])
    return f"{layers}, weighted {weights}"


def better_layer(
    about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> tuple[int, float] | None:
    """The layer that alone has fewer validation errors than the layers that are read, if any.

    Args:
        about: The content of run.json.
        rows: The figures of each epoch.

    Returns:
        Its number, from 1, and its error in percent, both of the best epoch.
    """
    row: Mapping[str, Any] = next(
        (each for each in rows if each["epoch"] == about.get("best_epoch")), {}
    )
    alone = row.get("validation_goodness_error_by_layer", [])
    if not alone or min(alone) >= row["validation_goodness_error"]:
        return None
    return alone.index(min(alone)) + 1, min(alone)

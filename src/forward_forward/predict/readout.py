"""Misses of every range of layers -> the range to read; a run's figures -> what it reads."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from forward_forward.forward import Network
from forward_forward.forward.layer_range import Range, ReadoutSetting, best_range, fixed_range
from forward_forward.predict.evaluation import BY_RANGE


def choose_readout(wrong: Mapping[str, Tensor], *networks: Network) -> None:
    """Let networks with ``readout="auto"`` read the range of layers with the fewest misses.

    Args:
        wrong: The misses on validation data, from `count_errors`.
        networks: The network whose misses they are, and others that have its layers.
    """
    for network in networks:
        if network.chosen is not None and BY_RANGE in wrong:
            network.choose(best_range(wrong[BY_RANGE], len(network.layers)))


def readout_of(about: Mapping[str, Any]) -> Range:
    """The layers from which the best weights of a run read labels, by its run.json."""
    network = about["network"]
    setting: ReadoutSetting = ast.literal_eval(network["readout"])
    if setting == "auto":
        setting = about.get("readout")  # None, all of them, if there were no validation data
    return fixed_range(setting, len(network["layers"]))


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

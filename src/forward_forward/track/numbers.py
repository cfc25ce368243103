"""A run's settings and rows of figures -> named values, for formats without nesting."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from forward_forward.display.numerals import number

# Entries of run.json about the outcome and the samples; all others are settings or the machine.
OUTCOMES = {"made_by", "status", "seconds", "validation_seconds", "frame", "table", "thresholds"}
OUTCOMES |= {"best_epoch", "validation_error", "readout", "fitted_readout", "test", "test_error"}
OUTCOMES |= {"test_samples", "id"}
BY_LAYER = "_by_layer"
SILENT = "silent_units"


def settings_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run by dotted name, layers counted from 1.

    The typed settings are omitted, since their effects are recorded elsewhere, and so is the date.
    A network's parts are recorded as Python code: numbers and strings among them are parsed.

    Args:
        about: The content of run.json.

    Returns:
        Numbers, strings, None, and lists of them.

    >>> layer = {"block": "Linear(4, 4)", "threshold": "'width'", "dropout": "0.5"}
    >>> list(settings_of({"status": "trained", "network": {"layers": [layer]}}).values())
    ['Linear(4, 4)', 'width', 0.5]
    """
    kept = {name: value for name, value in about.items() if name not in OUTCOMES}
    for section, name in (("command", "settings"), ("machine", "date")):
        if isinstance(kept.get(section), Mapping):
            kept[section] = {key: each for key, each in kept[section].items() if key != name}
    return {
        name: _literal(value) if name.startswith("network.") else value
        for name, value in _leaves(kept)
    }


def _literal(value: Any) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):  # the name of a part, or not a string
        return value


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        inner = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        inner = [(str(place), each) for place, each in enumerate(value, 1)]
    else:
        yield name, value
        return
    for key, each in inner:
        yield from _leaves(each, f"{name}.{key}".lstrip("."))


def unit_of(about: Mapping[str, Any]) -> str:
    """The unit of a run's errors: percent, or the root mean square in units of the target.

    >>> unit_of({"data": {"classes": []}}), unit_of({})
    ('root mean square', '%')
    """
    return "root mean square" if (about.get("data") or {}).get("classes") == [] else "%"


def error_text(value: Any, about: Mapping[str, Any]) -> str:
    """An error as text, without its unit.

    >>> error_text(1.5, {}), error_text(1.5, {"data": {"classes": []}})
    ('1.50', '1.5')
    """
    return number(value, 2 if unit_of(about) == "%" else None)


def by_layer(row: Mapping[str, Any], name: str, about: Mapping[str, Any]) -> dict[int, float]:
    """A figure's values by the number of the layer, from 1; empty if the row has no such figure.

    In the greedy order a row has training figures of only the layer in training, whose number it
    gives; a softmax head may skip the lowest layers; under backprop only the last layer learned to
    answer, so the figures of the others are left out, but for those of their activities.

    Args:
        row: Figures of an epoch, or of a data set.
        name: The figure, such as "loss" or "validation_head_error_by_layer".
        about: The content of run.json; only "network" and "trainer" are used.

    >>> by_layer({"epoch": 9, "layers": [2], "loss": [0.5]}, "loss", {})
    {2: 0.5}
    >>> by_layer({"rmse_by_layer": [9.0, 0.5]}, "rmse_by_layer", {"trainer": {"rule": "backprop"}})
    {2: 0.5}
    """
    if name not in row:
        return {}
    first = 1
    if name.endswith("head_error_by_layer"):
        first += ((about.get("network") or {}).get("head") or {}).get("skip", 0)
    numbers = range(first, first + len(row[name]))
    if not name.endswith(BY_LAYER):
        numbers = row.get("layers", numbers)
    found = dict(zip(numbers, row[name], strict=True))
    learned_last = name != SILENT and about.get("trainer", {}).get("rule") == "backprop"
    return dict([*found.items()][-1:]) if learned_last else found


def scalars(row: Mapping[str, Any], about: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """A row's figures, one number per name; figures of layers end in the layer's number.

    Args:
        row: Figures of an epoch, or of a data set.
        about: The content of run.json; only "network" and "trainer" are used.
        prefix: Put before each name.

    >>> scalars({"epoch": 1, "loss": [0.5, 0.25], "seconds": 2.0}, {})
    {'loss/layer1': 0.5, 'loss/layer2': 0.25, 'seconds': 2.0}
    """
    found: dict[str, float] = {}
    for name, value in row.items():
        if name in ("epoch", "layers"):
            continue
        if not isinstance(value, list):
            found[prefix + name] = value
            continue
        for layer, each in by_layer(row, name, about).items():
            found[f"{prefix}{name.removesuffix(BY_LAYER)}/layer{layer}"] = each
    return found

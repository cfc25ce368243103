"""A run's metrics by epoch -> figures of its layers: errors, goodness, separation, silent units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forward_forward.display.numerals import finite, number
from forward_forward.track.numbers import by_layer, error_text, unit_of

SHOWN = 8  # layers of a deep network, evenly spaced: there are no more colours to tell apart
READINGS = {
    "goodness_error": "by its goodness",
    "head_error": "by its part of the softmax head",
    "rmse": "by the expected centre of its bins",
}
Figure = dict[str, Any]


@dataclass(frozen=True)
class Metrics:
    """A row of figures per epoch, as in metrics.jsonl, and the content of run.json."""

    rows: Sequence[Mapping[str, Any]]
    about: Mapping[str, Any]

    @property
    def unit(self) -> str:
        """Of errors: percent, or the root mean square in units of the target."""
        return unit_of(self.about)

    def error(self, value: object) -> str:
        """An error as text, without its unit."""
        return error_text(value, self.about)


def errors(run: Metrics) -> list[Figure]:
    """Error of each layer alone: on the test set, and on the validation set by epoch."""
    return test_errors(run) + errors_by_epoch(run)


def test_errors(run: Metrics) -> list[Figure]:
    """Error of each layer alone on the test set, if the run was evaluated on it."""
    test = run.about.get("test") or {}
    tested = {reading: by_layer(test, f"{reading}_by_layer", run.about) for reading in READINGS}
    series = [
        {"name": READINGS[reading], "x": list(found), "y": [list(found.values())]}
        for reading, found in tested.items()
        if found
    ]
    if not series:
        return []
    figure = curves(
        "Test error of each layer alone",
        "Lower is better. Horizontal line: the whole network,"
        f" {run.error(test.get('error'))} {run.unit}. If errors fall from layer to layer, the"
        " upper layers find what the lower ones miss; if they rise, a shallower network may be"
        " as good.",
        f"test error, {run.unit}",
        series,
        x_label="layer",
        levels=[test.get("error")],
    )
    return [figure]


def errors_by_epoch(run: Metrics) -> list[Figure]:
    """Error of each layer alone on the validation set by epoch, for each way to read a layer."""
    figures = []
    for reading, text in READINGS.items():
        series = _by_epoch(run, f"validation_{reading}_by_layer")
        if series:
            title = f"Validation error of each layer alone, {text}"
            caption = (
                "Lower is better. A layer whose error no longer falls has converged; one whose"
                " error rises while its separation still grows is overfitting."
            )
            figures.append(error_curves(title, caption, series, run.unit))
    return figures


def separation(run: Metrics) -> list[Figure]:
    """Percentage of correctly ordered pairs in each layer, by epoch."""
    return _in_training(
        run,
        "separation",
        "Separation in training",
        "How often a positive has a higher goodness than its negative, over the batches of an"
        " epoch. Higher is better, 50 % is chance: a layer that stays there learns nothing."
        " Hard negatives keep it low, since they are chosen to be confused.",
        "pairs in the right order, %",
    )


def silent_units(run: Metrics) -> list[Figure]:
    """Percentage of each layer's units at 0, by epoch."""
    return _in_training(
        run,
        "silent_units",
        "Silent units in training",
        "Units at 0 for every positive of a batch. Fewer is better. A unit that is silent in"
        " all batches has no gradient and is dead: if there are more and more of them, try a"
        " lower learning rate or threshold. Units of Tanh and similar activations are never at"
        " 0.",
        "silent units, %",
    )


def _in_training(run: Metrics, name: str, title: str, caption: str, y_label: str) -> list[Figure]:
    series = _by_epoch(run, name, 100)
    return [curves(title, caption, y_label, series)] if series else []


def losses(run: Metrics) -> list[Figure]:
    """Loss of each layer, by epoch."""
    series = _by_epoch(run, "loss")
    caption = "Each layer has its own loss, so compare a layer with itself, not with the others."
    return [curves("Loss of each layer", caption, "loss", series)] if series else []


def whole(run: Metrics) -> list[Figure]:
    """Validation error of the whole network, by epoch."""
    y = [row.get("validation_error") for row in run.rows]
    if not set(y) - {None}:
        return []
    x = [row["epoch"] for row in run.rows]
    series = [{"name": "the network", "x": x, "y": [y]}]
    return [error_curves("Validation error", "Lower is better.", series, run.unit)]


def goodness(run: Metrics) -> list[Figure]:
    """Goodness of positives and negatives by epoch, one figure per layer, with its threshold."""
    epochs = [row["epoch"] for row in run.rows]
    rows = {
        f"{kind}s": [by_layer(row, f"goodness_{kind}", run.about) for row in run.rows]
        for kind in ("positive", "negative")
    }
    thresholds = run.about.get("thresholds") or []
    figures = []
    for layer in spaced(layer for each in rows.values() for row in each for layer in row):
        level = finite(thresholds[layer - 1]) if layer <= len(thresholds) else finite(None)
        series = [
            {"name": name, "x": epochs, "y": [[row.get(layer) for row in each]]}
            for name, each in rows.items()
        ]
        caption = "" if level != level else f"Line: the threshold, {number(level)}."
        axes = {"levels": [level], "small": True}
        figures.append(curves(f"Layer {layer}", caption, "goodness", series, **axes))
    return figures


def spaced(layers: Iterable[int]) -> list[int]:
    """All layers; if there are many, the first, the last and some in between.

    >>> spaced([2, 1, 2]), spaced(range(1, 64))
    ([1, 2], [1, 10, 19, 28, 36, 45, 54, 63])
    """
    every = sorted(set(layers))
    if len(every) <= SHOWN:
        return every
    return [every[round(place * (len(every) - 1) / (SHOWN - 1))] for place in range(SHOWN)]


def _by_epoch(run: Metrics, name: str, factor: float = 1) -> list[Figure]:
    """A metric by epoch, one series per layer; gaps at epochs in which a layer was not trained."""
    rows = [by_layer(row, name, run.about) for row in run.rows]
    return [
        {
            "name": f"layer {layer}",
            "x": [row["epoch"] for row in run.rows],
            "y": [[factor * row[layer] if layer in row else None for row in rows]],
        }
        for layer in spaced(layer for row in rows for layer in row)
    ]


def curves(title: str, caption: str, y_label: str, series: Sequence[Figure], **more: Any) -> Figure:
    """A figure of curves, by epoch unless ``more`` of its keys say otherwise."""
    texts = {"title": title, "caption": caption, "x_label": "epoch", "y_label": y_label}
    return {"kind": "curves", **texts, "series": series, **more}


def error_curves(
    title: str, caption: str, series: Sequence[Figure], unit: str, **more: Any
) -> Figure:
    """Validation errors; a logarithmic axis would have gaps at errors of 0."""
    zero = any(0.0 in curve for each in series for curve in each["y"])
    return curves(title, caption, f"validation error, {unit}", series, y_log=not zero, **more)

"""A run's predictions of its test set -> figures of a page, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from forward_forward import predict
from forward_forward.display.numerals import number
from forward_forward.predict import Predictions
from forward_forward.report import evaluation as draw
from forward_forward.report.figures import (
    Content,
    Panel,
    Picture,
    content_html,
    figure_html,
    png_uri,
)
from forward_forward.report.read import RunRead, unavailable
from forward_forward.report.svg import drawing, themed

Measures = Mapping[str, Any]  # from `predict.quality`


def predicted(run: RunRead, prefix: str) -> list[Markup] | str:
    """Confusions, scores by class, calibration and the worst samples; of numbers, their errors.

    All ids in the figures start with ``prefix``, which must be unique on the page.
    """
    try:
        found = run.predictions
    except (ValueError, RuntimeError) as error:  # torch raises the latter if shapes do not match
        return unavailable(error)
    measured = predict.quality(found)
    figures = (
        _of_classes(measured, prefix) if found.classes else _of_numbers(found, measured, prefix)
    )
    return [*figures, _worst(found, measured, prefix)]


def _of_classes(measured: Measures, prefix: str) -> list[Markup]:
    with drawing():
        confusions = _drawn(
            "Confusions", draw.confusions(measured), f"{prefix}-confusions", CONFUSIONS
        )
        fitted = measured["calibration"]["temperature"] is not None
        how = "fitted to the validation data" if fitted else "of 1, for want of validation data"
        caption = (
            "Probabilities are the softmax of the scores at a temperature"
            f" {how}. Expected calibration error: the mean distance of the dots from the"
            f" diagonal.{RELIABILITY}"
        )
        reliability = draw.reliability(measured)
        curve = _drawn("Calibration", reliability, f"{prefix}-calibration", caption)
    rows = [
        [number(x, 3) if isinstance(x, float) else x for x in each.values()]
        for each in measured["by_class"]
    ]
    means = [number(mean, 3) for mean in measured["macro_average"].values()]
    table = {
        "kind": "table",
        "title": "Scores by class",
        "caption": SCORES,
        "columns": ["class", "precision", "recall", "F1", "samples"],
        "rows": [*rows, ["mean", *means, measured["samples"]]],
    }
    return [confusions, curve, figure_html(table, f"{prefix}-scores")]


def _of_numbers(found: Predictions, measured: Measures, prefix: str) -> list[Markup]:
    rmse = found.errors["rmse"]
    with drawing():
        caption = (
            f"R2 {number(measured['r2'])}, mean absolute error {number(measured['mae'])}, root mean"
            f" square {number(rmse)}, in units of the target. Line: predicted without error."
        )
        return [_drawn("Predicted and true", draw.agreement(found), f"{prefix}-numbers", caption)]


def _drawn(title: str, figure: Figure, prefix: str, caption: str) -> Markup:
    return content_html("curves", title, caption, Content([Panel(themed(figure, title, prefix))]))


def _worst(found: Predictions, measured: Measures, prefix: str) -> Markup:
    """The worst samples as pictures; as rows with their index if they are not pictures."""
    worst, title = measured["worst"], f"The {len(measured['worst'])} worst samples"
    caption = WORST if found.classes else RESIDUALS
    pictures = [
        Picture(png_uri(pixels), *draw.captions(about), pixels.shape[1], pixels.shape[0])
        for pixels, about in zip(draw.pixels(found), worst, strict=False)
    ]
    if pictures:
        return content_html("images", title, caption + IN_PICTURES, Content(pictures=pictures))
    columns = [name.replace("_", " ") for name in worst[0]]
    rows = [list(each.values()) for each in worst]
    table = {"kind": "table", "title": title, "caption": caption, "columns": columns, "rows": rows}
    return figure_html(table, f"{prefix}-worst")


CONFUSIONS = (
    "Test samples by true class (rows) and predicted class (columns). The diagonal holds those"
    " predicted correctly. Colours have a square-root scale, on which few errors show."
)
RELIABILITY = (
    "\n\nDots below the diagonal: the network is too certain. Dots above it: it is too cautious."
    " The larger its circle, the more samples a dot has; those of few samples are inaccurate."
)
SCORES = (
    "Precision: of the samples predicted as the class, the fraction that belong to it. Recall: of"
    " the samples of the class, the fraction predicted as it. F1: their harmonic mean."
)
WORST = (
    "The test samples whose true class has the lowest probability, with their index in the test"
    " set, from 0. Look for wrong labels, and for what these samples have in common."
)
IN_PICTURES = " Below each: its index, the truth (and the probability of a class), the prediction."
RESIDUALS = "The test samples with the largest residuals, predicted less true; indices are from 0."

"""A run, and samples of its data -> figures of its layers and units, or why there are none.

The caption of each figure says what it shows and how to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from markupsafe import Markup
from torch import Tensor

from forward_forward import diagnose
from forward_forward.display.numerals import number
from forward_forward.examples import OrdinalBins
from forward_forward.plot import layers, units
from forward_forward.plot.layers import Figure
from forward_forward.report.figures import figure_html
from forward_forward.report.read import RunRead, unavailable

FIELDS = 24  # pictures of units
Diagnostic = tuple[str, list[Markup], str]  # title, figures, and why there are none


def diagnostics(run: RunRead, prefix: str) -> list[Diagnostic]:
    """The state of a run's layers: errors, goodness, separation, silent units, first weights.

    All ids in the figures start with ``prefix``, which must be unique on the page.
    """
    nothing = "Not recorded for this run." if run.rows else "No epoch has finished."
    found: list[tuple[str, Sequence[Figure], str]] = [
        ("Errors by layer", layers.errors(run), nothing),
        ("Separation and silent units", layers.separation(run) + layers.silent_units(run), nothing),
        ("Goodness of positives and negatives", *_attempt(histograms, run)),
        ("Goodness by epoch", layers.goodness(run), nothing),
        ("Features of the first layer", *_attempt(fields, run)),
    ]
    return [
        (
            title,
            [figure_html(each, f"{prefix}-{place}-{i}") for i, each in enumerate(figures)],
            "" if figures else missing,
        )
        for place, (title, figures, missing) in enumerate(found)
    ]


def _attempt(make: Callable[[RunRead], Figure], run: RunRead) -> tuple[list[Figure], str]:
    """A figure that needs the network or the data, or why it is missing."""
    try:
        return [make(run)], ""
    except (ValueError, RuntimeError) as error:  # torch raises the latter if shapes do not match
        return [], unavailable(error)


def histograms(run: RunRead) -> Figure:
    """Goodness of positives and negatives among the samples, one panel per layer."""
    network, samples = run.network, run.samples
    if isinstance(network.examples, OrdinalBins):
        raise ValueError("the target is a number, which has no wrong labels to compare with")
    shown = units.by_layer(network, samples.x, samples.y)
    wrong = (
        "Negatives are the same samples with a wrong label, all wrong labels equally likely."
        if network.examples.labelled
        else "Negatives are generated as in training."
    )
    return units.goodness_figure(
        shown,
        title="Goodness of positives and negatives, sample by sample",
        caption=f"{samples.description[:1].upper()}{samples.description[1:]}, with the best"
        f" weights. {wrong} Dotted line: the threshold.\n\nIf the two hardly overlap, goodness"
        " alone distinguishes them, which is the aim of a loss with a threshold. A loss that"
        " compares pairs only requires that a sample's positive be above its own negative."
        " Separated is the percentage of samples for which that is so, 50 % by chance; silent units"
        " are at 0 for every one of these positives.",
    )


def fields_figure(units: Iterable[tuple[int, str, Any]], **texts: str) -> Figure:
    """Units, each with its caption and its weights [height, width], as pictures."""
    images = []
    for unit, caption, picture in units:
        height, width = picture.shape
        size = {"height": height, "width": width, "pixels": diagnose.signed_base64(picture)}
        images.append({"label": f"unit {unit}", "caption": caption, **size})
    return {"kind": "images", "images": images, **texts}


def fields(run: RunRead) -> Figure:
    """The units of the first layer with the largest weights, as pictures."""
    network = run.network
    try:
        x = run.samples.x
    except ValueError:
        x = None
    shape = _shape(run, x)
    pictures = diagnose.fields(network, shape, x)
    strongest = diagnose.strongest(pictures, FIELDS)
    units = [(n, f"norm {number(size)}", pictures[n]) for n, size in strongest.items()]
    whole = pictures.shape[1:] == shape[1:]
    notes = {
        "They are the kernels of a convolution.": not whole,
        "Colours are averaged.": shape[0] > 1,
        "Blank: pixels with the same value in all samples.": whole and x is not None,
    }
    return fields_figure(
        units,
        title="Receptive fields of the first layer",
        caption=f"The {len(units)} of {len(pictures)} units with the largest weight vectors (their"
        " L2 norm), the largest first. Red pixels excite the unit, blue ones inhibit it; each"
        f" picture has its own scale. {' '.join(note for note, holds in notes.items() if holds)}"
        "\n\nStrokes, edges and blobs are features that the unit has learned. Noise means that it"
        " has learned little, or memorised single samples.",
    )


def _shape(run: RunRead, x: Tensor | None) -> tuple[int, int, int]:
    shape = tuple((run.about.get("frame") or {}).get("shape") or ())
    if not shape and x is not None:
        shape = tuple(x.shape[1:])
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise ValueError("the samples are not pictures")
    return shape

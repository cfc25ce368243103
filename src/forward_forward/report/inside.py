"""A run's trained network and samples -> figures of goodness and of the first layer's units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from forward_forward import diagnose, seeds
from forward_forward.forward import Network
from forward_forward.report.layers import Figure, spaced
from forward_forward.report.numerals import number
from forward_forward.report.read import RunRead, SampleFinder, Samples, network_of

FIELDS = 24  # pictures of units


@dataclass(frozen=True)
class Inside:
    """A run, with its trained network and samples of its data, both read when first used.

    Args:
        run: The run.
        finder: Finds samples of its data.

    Raises:
        ValueError: The network or the samples are not available; the message says why.
    """

    run: RunRead
    finder: SampleFinder

    @cached_property
    def network(self) -> Network:
        """The network with its best weights."""
        return network_of(self.run)

    @cached_property
    def samples(self) -> Samples:
        """Samples of its data."""
        return self.finder.of(self.run.about)


def goodness_figure(layers: Mapping[int, Mapping[str, Any]], **texts: Any) -> Figure:
    """Histograms of the goodness of positives and negatives, one panel per layer.

    Args:
        layers: By number, what `diagnose.histograms` returns for it and its ``name``.
        texts: Title and caption.
    """
    panels = [
        {
            "name": f"Layer {layer}: {found['name']}",
            "level": found["threshold"],
            "series": [
                {"name": f"{kind}s", "edges": found["edges"], "counts": found[kind]}
                for kind in ("positive", "negative")
            ],
        }
        for layer, found in layers.items()
    ]
    figure = {"kind": "histograms", "x_label": "goodness", "own_axes": True, "panels": panels}
    return {**figure, **texts}


def histograms(inside: Inside) -> Figure:
    """Goodness of positives and negatives among the samples, one panel per layer."""
    network, samples = inside.network, inside.samples
    rng = seeds.generator(0, "report", "negatives")
    counted = diagnose.histograms(network, samples.x, samples.y, rng)
    silent = diagnose.silent_units(network, samples.x, samples.y)
    layers = {}
    for layer in spaced(range(1, len(counted) + 1)):
        found = counted[layer - 1]
        separated, zero = number(found["separation"], 1), number(silent[layer - 1], 1)
        layers[layer] = {**found, "name": f"{separated} % separated, {zero} % silent"}
    wrong = (
        "Negatives are the same samples with a wrong label, all wrong labels equally likely."
        if network.examples.labelled
        else "Negatives are generated as in training."
    )
    return goodness_figure(
        layers,
        title="Goodness of positives and negatives, sample by sample",
        caption=f"{samples.description[:1].upper()}{samples.description[1:]}, with the best"
        f" weights. {wrong} Dotted line: the threshold.\n\nIf the two hardly overlap, goodness"
        " alone distinguishes them, which a loss with a threshold aims at. A loss that compares"
        " pairs only requires that a sample's positive be above its own negative. Separated is the"
        " percentage of samples for which that is so, 50 % by chance; silent units are at 0 for"
        " every one of these positives.",
    )


def fields_figure(units: Sequence[Mapping[str, Any]], pictures: Any, **texts: str) -> Figure:
    """The weights of units as pictures.

    Args:
        units: The ``unit`` of each picture and its ``caption``.
        pictures: Weights by unit, each [height, width].
        texts: Title and caption.
    """
    images = []
    for each in units:
        picture = pictures[each["unit"]]
        height, width = picture.shape
        size = {"height": height, "width": width, "pixels": diagnose.signed_base64(picture)}
        images.append({"label": f"unit {each['unit']}", "caption": each["caption"], **size})
    return {"kind": "images", "images": images, **texts}


def fields(inside: Inside) -> Figure:
    """The units of the first layer with the largest weights, as pictures."""
    try:
        x = inside.samples.x
    except ValueError:
        x = None
    shape = _shape(inside.run, x)
    pictures = diagnose.fields(inside.network, shape, x)
    strongest = diagnose.strongest(pictures, FIELDS)
    units = [{"unit": n, "caption": f"norm {number(size)}"} for n, size in strongest.items()]
    whole = pictures.shape[1:] == shape[1:]
    notes = {
        "They are the kernels of a convolution.": not whole,
        "Colours are averaged.": shape[0] > 1,
        "Blank: pixels with the same value in all samples.": whole and x is not None,
    }
    return fields_figure(
        units,
        pictures,
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

"""A run's trained network and samples -> figures of their goodness, and of what units look for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forward_forward import diagnose, seeds
from forward_forward.forward import Network
from forward_forward.report.layers import Figure, spaced
from forward_forward.report.numerals import number
from forward_forward.report.read import RunRead, SampleFinder, Samples, network_of

FIELDS = 24  # pictures of units


@dataclass(frozen=True)
class Inside:
    """A run with its trained network and samples, or the reasons why it has none."""

    run: RunRead
    network: Network | None
    samples: Samples | None
    reasons: Sequence[str]


def inside_of(run: RunRead, finder: SampleFinder) -> Inside:
    """A run with its network and samples of its data, as far as they are to be had.

    Args:
        run: The run.
        finder: Finds samples of its data.
    """
    reasons = []
    network, samples = None, None
    try:
        network = network_of(run)
    except ValueError as error:
        reasons.append(str(error))
    try:
        samples = finder.of(run.about)
    except ValueError as error:
        reasons.append(str(error))
    return Inside(run, network, samples, reasons)


def histograms(inside: Inside) -> Figure:
    """Goodness of positives and of negatives among samples, a panel a layer."""
    network, samples = _whole(inside)
    rng = seeds.generator(0, "report", "negatives")
    counted = diagnose.histograms(network, samples.x, samples.y, rng)
    silent = diagnose.silent_units(network, samples.x, samples.y)
    panels = []
    for layer in spaced(range(1, len(counted) + 1)):
        found = counted[layer - 1]
        apart, dead = number(found["separation"], 1), number(silent[layer - 1], 1)
        panels.append(
            {
                "name": f"Layer {layer}: {apart} % apart, {dead} % silent",
                "level": found["threshold"],
                "series": [
                    {"name": f"{kind}s", "edges": found["edges"], "counts": found[kind]}
                    for kind in ("positive", "negative")
                ],
            }
        )
    wrong = (
        "Negatives are the same samples with a wrong label, each wrong label equally likely."
        if network.examples.labelled
        else "Negatives are made as in training."
    )
    return {
        "kind": "histograms",
        "title": "Goodness of positives and negatives, sample by sample",
        "caption": f"{samples.words[:1].upper()}{samples.words[1:]}, with the best weights. {wrong}"
        " Dotted line: the threshold.\n\nWhere the two hardly overlap, goodness alone tells one"
        " from the other, as a loss with a threshold asks of it. A loss that compares pairs asks"
        " only that a sample's positive be above its own negative. Apart is the share of samples"
        " where that is so, 50 % by chance; silent are the units at 0 for every one of these"
        " positives.",
        "x_label": "goodness",
        "own_axes": True,
        "panels": panels,
    }


def _whole(inside: Inside) -> tuple[Network, Samples]:
    if inside.network is None or inside.samples is None:
        raise ValueError("; ".join(inside.reasons))
    return inside.network, inside.samples


def fields(inside: Inside) -> Figure:
    """The strongest units of the first layer, as pictures."""
    if inside.network is None:
        raise ValueError(inside.reasons[0])
    shape = _shape(inside)
    x = None if inside.samples is None else inside.samples.x
    pictures = diagnose.fields(inside.network, shape, x)
    units = diagnose.strongest(pictures, FIELDS)
    images = [
        {
            "label": f"unit {unit}",
            "caption": f"norm {number(length)}",
            "height": pictures.shape[1],
            "width": pictures.shape[2],
            "pixels": diagnose.signed_base64(pictures[unit]),
        }
        for unit, length in units.items()
    ]
    whole = pictures.shape[1:] == shape[1:]
    notes = [
        "" if whole else "They are a convolution's kernels.",
        "Colours are averaged." if shape[0] > 1 else "",
        "Blank: pixels that are the same in all samples looked at."
        if whole and x is not None
        else "",
    ]
    return {
        "kind": "images",
        "title": "Receptive fields of the first layer",
        "caption": f"Of {len(pictures)} units the {len(images)} with the longest vectors of weights"
        f" (their L2 norm), the longest first. Red pixels excite the unit, blue ones inhibit it;"
        f" each picture has a scale of its own. {' '.join(filter(None, notes))}\n\nStrokes,"
        " edges and blobs are features that the unit has learned. Noise says that it has learned"
        " little, or single samples.",
        "images": images,
    }


def _shape(inside: Inside) -> tuple[int, int, int]:
    frame: Mapping[str, Any] = inside.run.about.get("frame") or {}
    shape = tuple(frame.get("shape") or ())
    if not shape and inside.samples is not None:
        shape = tuple(inside.samples.x.shape[1:])
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise ValueError("the samples are no pictures")
    return shape

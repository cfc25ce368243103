"""A trained network and samples -> a figure of the goodness that its layers give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from forward_forward import diagnose, seeds
from forward_forward.display.numerals import number
from forward_forward.forward import Network
from forward_forward.plot.layers import spaced

Figure = dict[str, Any]


def by_layer(network: Network, x: Tensor, y: Tensor | None) -> dict[int, dict[str, Any]]:
    """Histograms of goodness by the layer's number, with a ``name``: how well it does.

    Of many layers, some that are evenly spaced.
    """
    counted = diagnose.histograms(network, x, y, seeds.generator(0, "report", "negatives"))
    silent = diagnose.silent_units(network, x, y)
    shown = {}
    for layer in spaced(range(1, len(counted) + 1)):
        found = counted[layer - 1]
        separated, zero = number(found["separation"], 1), number(silent[layer - 1], 1)
        shown[layer] = {**found, "name": f"{separated} % separated, {zero} % silent"}
    return shown


def goodness_figure(by_layer: Mapping[int, Mapping[str, Any]], **texts: Any) -> Figure:
    """Histograms of the goodness of positives and negatives, one panel per layer.

    ``by_layer`` has, by number, what `diagnose.histograms` returns for it and its ``name``;
    ``texts`` are title and caption.
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
        for layer, found in by_layer.items()
    ]
    figure = {"kind": "histograms", "x_label": "goodness", "own_axes": True, "panels": panels}
    return {**figure, **texts}

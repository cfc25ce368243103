"""A run, or a network and samples -> matplotlib figures of layers and units, as in reports.

``figures`` has the functions; ``layers`` and ``units`` turn metrics and goodness into the numbers
that they draw, and that ``report`` draws on its pages. Figures are drawn in matplotlib's current
style. A notebook shows what a cell ends with; elsewhere, save them: ``figure.savefig("a.png")``.
"""

from forward_forward.plot.figures import (
    errors,
    fields,
    goodness,
    histograms,
    losses,
    separation,
    silent_units,
    training,
)

__all__ = [
    "errors",
    "fields",
    "goodness",
    "histograms",
    "losses",
    "separation",
    "silent_units",
    "training",
]

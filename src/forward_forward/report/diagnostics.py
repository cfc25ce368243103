"""A run, and samples of its data -> figures of its layers and units, or why there are none.

The caption of each figure says what it shows and how to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from forward_forward.report import inside, layers
from forward_forward.report.figures import figure_html
from forward_forward.report.inside import Inside
from forward_forward.report.layers import Figure
from forward_forward.report.read import RunRead, SampleFinder


@dataclass(frozen=True)
class Diagnostic:
    """Some figures of a run with a title, or why they are missing."""

    title: str
    figures: Sequence[Markup]
    missing: str


def diagnostics(run: RunRead, finder: SampleFinder, prefix: str) -> list[Diagnostic]:
    """The state of a run's layers: errors, goodness, separation, silent units, first weights.

    Args:
        run: The run.
        finder: Finds samples of its data.
        prefix: Prefix of all ids in the figures, unique on the page.

    Returns:
        The diagnostics, in the order shown.
    """
    trained = Inside(run, finder)
    nothing = "Not recorded for this run." if run.rows else "No epoch has finished."
    found: list[tuple[str, Sequence[Figure], str]] = [
        ("Errors by layer", layers.errors(run), nothing),
        ("Separation and silent units", layers.separation_and_silence(run), nothing),
        ("Goodness of positives and negatives", *_attempt(inside.histograms, trained)),
        ("Goodness by epoch", layers.goodness(run), nothing),
        ("Features of the first layer", *_attempt(inside.fields, trained)),
    ]
    return [
        Diagnostic(
            title,
            [figure_html(each, f"{prefix}-{place}-{i}") for i, each in enumerate(figures)],
            "" if figures else missing,
        )
        for place, (title, figures, missing) in enumerate(found)
    ]


def _attempt(make: Callable[[Inside], Figure], trained: Inside) -> tuple[list[Figure], str]:
    """A figure that needs the network or the data, or why it is missing."""
    try:
        return [make(trained)], ""
    except (ValueError, RuntimeError) as error:  # torch raises the latter if shapes do not match
        return [], f"Not available: {str(error).splitlines()[0].rstrip('.')}."

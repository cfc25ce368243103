"""A run, and samples of its data -> figures of its layers and units, or why there are none.

Each figure says what it is and how to read it.
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
class Part:
    """Some figures of a run under a title, or why they are not there."""

    title: str
    figures: Sequence[Markup]
    missing: str


def diagnostics(run: RunRead, finder: SampleFinder, prefix: str) -> list[Part]:
    """What became of a run's layers: errors, goodness, separation, silent units, first weights.

    Args:
        run: The run.
        finder: Finds samples of its data.
        prefix: Begins each id in the figures; no other run of the page has it.

    Returns:
        Parts, in the order to show them.
    """
    seen = inside.inside_of(run, finder)
    nothing = "Not known of this run." if run.rows else "No epoch is over."
    found: list[tuple[str, Sequence[Figure], str]] = [
        ("Errors by layer", layers.errors(run), nothing),
        ("Separation and silent units", layers.separation_and_silence(run), nothing),
        ("Goodness of positives and negatives", *_tried(inside.histograms, seen)),
        ("Goodness by epoch", layers.goodness(run), nothing),
        ("What the first layer looks for", *_tried(inside.fields, seen)),
    ]
    return [
        Part(
            title,
            [figure_html(each, f"{prefix}-{part}-{i}") for i, each in enumerate(figures)],
            "" if figures else missing,
        )
        for part, (title, figures, missing) in enumerate(found)
    ]


def _tried(made: Callable[[Inside], Figure], seen: Inside) -> tuple[list[Figure], str]:
    """A figure that needs the network or the data, or why it is not there."""
    try:
        return [made(seen)], ""
    except (ValueError, RuntimeError) as error:  # torch raises the latter where shapes do not fit
        return [], f"Cannot be shown: {str(error).splitlines()[0].rstrip('.')}."

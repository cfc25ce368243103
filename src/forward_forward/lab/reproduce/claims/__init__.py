"""The poster's nineteen statements, each with its test, in the poster's order."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from forward_forward.lab.reproduce.claims import (
    analog,
    backprop,
    exchanged_parts,
    features,
    local,
    method,
    motivations,
    negatives,
    optimizers,
    recurrent,
)
from forward_forward.lab.reproduce.claims.claim import Claim, Finding

__all__ = ["CLAIMS", "Claim", "Finding", "named"]

POSTER = "poster"

CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for claim in (
        local.LOCAL,
        method.GOODNESS,
        method.LOSS,
        method.INFERENCE,
        motivations.ASYNCHRONOUS,
        local.PLAUSIBLE,
        analog.ANALOG,
        motivations.UNSUPERVISED,
        backprop.SCOPE,
        backprop.SLOWER,
        recurrent.FEEDBACK,
        backprop.FIGURE_3,
        negatives.FIGURE_4,
        features.FIGURE_5,
        optimizers.FIGURE_6,
        exchanged_parts.FIGURE_8_LEFT,
        exchanged_parts.FIGURE_8_RIGHT,
        exchanged_parts.FIGURE_9,
        recurrent.FIGURE_10,
    )
}


def named(names: Sequence[str]) -> list[Claim]:
    """Claims by names such as "poster" (all), "poster.fig6" or "fig6", each once.

    Raises:
        ValueError: No such claim; the message suggests the nearest one.

    >>> [claim.name for claim in named(["poster.fig8.left"])]
    ['fig8.left']
    """
    chosen: dict[str, Claim] = {}
    for asked in names:
        if asked == POSTER:
            chosen |= CLAIMS
            continue
        name = asked.removeprefix(f"{POSTER}.")
        if name not in CLAIMS:
            near = difflib.get_close_matches(name, CLAIMS, 1)
            hint = f": did you mean {POSTER}.{near[0]}?" if near else f": {', '.join(CLAIMS)}"
            raise ValueError(f"expected a claim such as poster or poster.fig6, got {asked!r}{hint}")
        chosen[name] = CLAIMS[name]
    return list(chosen.values())

"""Figure 9: higher powers of the norm beside the L2 norm."""

from __future__ import annotations

import math
from typing import Any

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import norm
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale

HIGHER = (3.0, 4.0, 6.0, 8.0)
EXPLORED: tuple[float | str, ...] = (1.0, 1.5, math.inf, "squared L2")


def arms(scale: Scale) -> list[Arm]:
    """The powers that decide, and those that are explored."""
    return [
        *(norm(p, "deciding") for p in (2.0, *HIGHER)),
        *(norm(p, "others") for p in EXPLORED),
    ]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    plain = norm(2.0, "deciding").name
    comparisons = [rules.similar(found[plain], found[norm(p, "deciding").name]) for p in HIGHER]
    explored = [rules.similar(found[plain], found[norm(p, "others").name]) for p in EXPLORED]
    statistic, verdict = rules.alike(comparisons)
    inside = [row["name"] for row in comparisons if row["verdict"] == rules.REPRODUCED]
    note = (
        figures.errors_in_words(found)
        + " Each norm has sigma((g - c g0) / tau) with tau = s g0 over the L2 norm's, g0 the mean"
        " goodness of the untrained layer; c, s and the rate are tuned alike, and for the L2 norm s"
        f" = 1 is the poster's form. Of the higher powers {len(inside)} of {len(HIGHER)} are within"
        f" {rules.SIMILAR:.2f} points with the whole of their 90 % interval." + _apart(comparisons)
    )
    return Finding(
        statistic,
        verdict,
        note,
        [*comparisons, *explored],
        outcomes=list(found.values()),
        figures=[figures.points("Test error by goodness", found.values())],
    )


def _apart(comparisons: list[dict[str, Any]]) -> str:
    """Which powers differ from the L2 norm by more than counts, with the whole interval."""
    better = [_power(row) for row in comparisons if row["high"] < -rules.SIMILAR]
    worse = [_power(row) for row in comparisons if row["low"] > rules.SIMILAR]
    words = f" For certain better than the L2 norm: {', '.join(better)}." if better else ""
    words += f" For certain worse: {', '.join(worse)}." if worse else ""
    return words


def _power(row: dict[str, Any]) -> str:
    return str(row["name"]).partition(" - ")[0]


FIGURE_9 = Claim(
    "fig9",
    "Higher powers of the norm",
    "The arbitrarily chosen goodness function (L2 norm) performs similarly to higher power"
    " L-norms.",
    "poster, Figure 9",
    f"{rules.SAME} Here: p = 3, 4, 6 and 8 against p = 2; all must be similar. p = 1, 1.5, infinity"
    " and the squared L2 norm are explored beside them.",
    _measure,
    arms,
)

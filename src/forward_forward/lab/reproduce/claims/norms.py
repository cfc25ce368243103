"""Figure 9: higher powers of the norm compared with the L2 norm."""

from __future__ import annotations

import math

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, similar
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
    plain, *others = found.values()
    rows = [rules.similar(plain, each) for each in others]
    deciding = rows[: len(HIGHER)]
    inside = [row["name"] for row in deciding if row["verdict"] == rules.REPRODUCED]
    note = (
        figures.mean_errors(found)
        + " Each norm has the loss sigma((g - c g0) / tau), where tau is s times the ratio of g0 to"
        " the L2 norm's g0, and g0 is the mean goodness of the untrained layer; c, s and the"
        " learning rate are tuned for every norm, and for the L2 norm s = 1 is the poster's form."
        f" For {len(inside)} of the {len(HIGHER)} higher powers the whole 90 % interval lies within"
        f" {rules.SIMILAR:.2f} points." + _apart(deciding)
    )
    figure = figures.points("Test error by goodness", found.values())
    return similar(deciding, note, found.values(), rows, [figure])


def _apart(rows: list[rules.Comparison]) -> str:
    """The powers whose whole interval lies beyond the margin."""
    better = [_power(row) for row in rows if row["high"] < -rules.SIMILAR]
    worse = [_power(row) for row in rows if row["low"] > rules.SIMILAR]
    text = f" Better than the L2 norm by more than that: {', '.join(better)}." if better else ""
    return text + (f" Worse by more than that: {', '.join(worse)}." if worse else "")


def _power(row: rules.Comparison) -> str:
    return str(row["name"]).partition(" - ")[0]


FIGURE_9 = Claim(
    name="fig9",
    title="Higher powers of the norm",
    statement="The arbitrarily chosen goodness function (L2 norm) performs similarly to higher"
    " power L-norms.",
    source="poster, Figure 9",
    rule=f"{rules.SAME} Here: p = 3, 4, 6 and 8 against p = 2; all must be similar. p = 1, 1.5,"
    " infinity and the squared L2 norm are explored as well.",
    measure=_measure,
    arms=arms,
)

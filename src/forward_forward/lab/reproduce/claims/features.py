"""Figure 5: first-layer features as images, which of them make sense, and those that match 3s."""

from __future__ import annotations

import statistics
from typing import Any

from scipy import stats

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import poster
from forward_forward.lab.reproduce.runner import Runner

SHARE = 0.10
AREA = 0.90


def _measure(runner: Runner) -> Finding:
    arm = poster()
    outcome = runner.arms(arm)[arm.name]
    probes = [record["features"] for record in outcome.each("probes")]
    shares = [100 * statistics.fmean(probe["sensible"]) for probe in probes]
    areas = [max(probe["auc_of_3"]) for probe in probes]
    matching = [sum(area >= AREA for area in probe["auc_of_3"]) for probe in probes]
    mean = statistics.fmean(shares)
    half = float(stats.t.ppf(0.975, len(shares) - 1) * stats.sem(shares))
    checks = [
        rules.check(
            "units that pass, %", round(mean, 2), f"at least {100 * SHARE:g}", mean >= 100 * SHARE
        ),
        rules.check(
            "units that fail, %",
            round(100 - mean, 2),
            f"at least {100 * SHARE:g}",
            100 - mean >= 100 * SHARE,
        ),
        rules.check(
            "best area under the curve for 3s, in the worst seed",
            round(min(areas), 3),
            f"at least {AREA:g}",
            min(areas) >= AREA,
        ),
    ]
    statistic = {
        "kind": "share",
        "estimate": mean,
        "low": mean - half,
        "high": mean + half,
        "p": None,
        "unit": "% of units",
    }
    passed = all(row["passed"] for row in checks)
    least = min(len(probe["sensible"]) for probe in probes)
    note = (
        f"Of the {least} units of the first layer, {mean:.1f} % have weights that are more alike"
        " between neighbouring pixels than after shuffling, at a false discovery rate of 5 %;"
        f" {100 - mean:.1f} % have not. {statistics.fmean(matching):.1f} units a network (mean over"
        f" {len(probes)} seeds) tell 3s from the other digits with an area under the curve of at"
        f" least {AREA:g}; the best area is {max(areas):.3f}. Only pixels that are in use are"
        " looked at: weights of the others are never trained." + _near(mean, half)
    )
    return Finding(
        statistic,
        rules.REPRODUCED if passed else rules.NOT_REPRODUCED,
        note,
        checks=checks,
        outcomes=[outcome],
        figures=[*_pictures(probes[0]), _classes(probes)],
    )


def _near(mean: float, half: float) -> str:
    """A sentence where the share lies so near a limit that other seeds might cross it."""
    limits = (100 * SHARE, 100 * (1 - SHARE))
    if not any(abs(mean - limit) <= half for limit in limits):
        return ""
    return (
        f" The share that passes has a 95 % interval from {mean - half:.1f} to {mean + half:.1f} %,"
        " with a limit of the rule inside: other seeds might decide otherwise."
    )


def _pictures(probe: dict[str, Any]) -> list[dict[str, Any]]:
    titles = {
        "sensible": "Most sensible: the highest autocorrelation",
        "not sensible": "Least sensible: the lowest autocorrelation",
        "matches 3s": "Those that match 3s",
    }
    return [
        {
            "kind": "images",
            "title": title,
            "caption": "Weights of single units, seed 0: red raises the activity, blue lowers it."
            " Below each its autocorrelation, the class it answers to, and the area under the"
            " curve.",
            "images": [each for each in probe["images"] if each["kind"] == kind],
        }
        for kind, title in titles.items()
    ]


def _classes(probes: list[dict[str, Any]]) -> dict[str, Any]:
    classes = sorted({label for probe in probes for label in probe["class"]})
    rows = []
    for label in classes:
        pairs = [
            (area, label == best)
            for probe in probes
            for area, best in zip(probe["auc"], probe["class"], strict=True)
        ]
        mine = [area for area, here in pairs if here]
        rows.append(
            [
                str(label),
                f"{len(mine) / len(probes):.1f}",
                f"{statistics.median(mine):.3f}",
                f"{max(mine):.3f}",
            ]
        )
    return figures.table(
        "The class that each unit answers to",
        ["class", "units a network", "median area", "best area"],
        rows,
        "The class whose images a unit's activity tells best from all others.",
    )


FIGURE_5 = Claim(
    "fig5",
    "First-layer features",
    "Some neurons learn sensible features, others do not. (One is annotated: Matches 3s.)",
    "poster, Figure 5",
    "A unit's feature is called sensible if the spatial autocorrelation of its weights (Moran's I)"
    " is above that of the same weights on shuffled pixels, at a false discovery rate of 5 %."
    f" Reproduced if on average at least {100 * SHARE:g} % of the units pass and at least"
    f" {100 * SHARE:g} % fail, and every network has a unit whose activity tells 3s with an area"
    f" under the curve of at least {AREA:g}; else not reproduced.",
    _measure,
    lambda scale: [poster()],
)

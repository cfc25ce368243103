"""Figure 5: first-layer features as images, which of them are sensible, and those that match 3s."""

from __future__ import annotations

import statistics
from typing import Any

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import poster
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.statistics import Interval, t_interval

LEAST = 10.0  # percent of units that must pass, and that must fail
AREA = 0.90


def _measure(runner: Runner) -> Finding:
    result = runner.arms(poster())[poster().name]
    probes = [record["features"] for record in result.each("probes")]
    passing = t_interval([100 * statistics.fmean(probe["sensible"]) for probe in probes])
    areas = [max(probe["auc_of_3"]) for probe in probes]
    best = "best area under the curve for 3s, in the worst seed"
    checks = [
        _at_least("units that pass, %", round(passing.mean, 2), LEAST),
        _at_least("units that fail, %", round(100 - passing.mean, 2), LEAST),
        _at_least(best, round(min(areas), 3), AREA),
    ]
    mean, low, high = passing
    statistic = {"kind": "share", "estimate": mean, "low": low, "high": high, "p": None}
    passed = all(row["passed"] for row in checks)
    matching = statistics.fmean(sum(area >= AREA for area in probe["auc_of_3"]) for probe in probes)
    note = (
        f"Of the {min(len(probe['sensible']) for probe in probes)} units of the first layer,"
        f" {passing.mean:.1f} % have weights that are more similar between neighbouring pixels than"
        f" after shuffling, at a false discovery rate of 5 %; {100 - passing.mean:.1f} % do not. In"
        f" each network {matching:.1f} units (mean over {len(probes)} seeds) distinguish 3s from"
        f" the other digits with an area under the curve of at least {AREA:g}; the best area is"
        f" {max(areas):.3f}. Only pixels that vary are used: the weights of all others are never"
        " trained." + _near(passing)
    )
    return Finding(
        {**statistic, "unit": "% of units"},
        rules.REPRODUCED if passed else rules.NOT_REPRODUCED,
        note,
        checks=checks,
        arms=[result],
        figures=[*_pictures(probes[0]), _classes(probes)],
    )


def _at_least(name: str, value: float, limit: float) -> dict[str, Any]:
    return rules.check(name, value, f"at least {limit:g}", value >= limit)


def _near(passing: Interval) -> str:
    """A sentence if the fraction is so near a limit that other seeds might cross it."""
    if not any(abs(passing.mean - limit) <= passing.half for limit in (LEAST, 100 - LEAST)):
        return ""
    return (
        f" The 95 % interval of the units that pass, {passing.low:.1f} to {passing.high:.1f} %,"
        " includes a limit of the rule: other seeds might give another verdict."
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
            " Below each: its autocorrelation, the class it responds to, and the area under the"
            " curve.",
            "images": [each for each in probe["images"] if each["kind"] == kind],
        }
        for kind, title in titles.items()
    ]


def _classes(probes: list[dict[str, Any]]) -> dict[str, Any]:
    classes = sorted({label for probe in probes for label in probe["class"]})
    rows = []
    for label in classes:
        mine = [
            area
            for probe in probes
            for area, best in zip(probe["auc"], probe["class"], strict=True)
            if best == label
        ]
        areas = f"{statistics.median(mine):.3f}", f"{max(mine):.3f}"
        rows.append([str(label), f"{len(mine) / len(probes):.1f}", *areas])
    return figures.table(
        "The class that each unit responds to",
        ["class", "units a network", "median area", "best area"],
        rows,
        "The class that a unit's activity distinguishes best from all others.",
    )


FIGURE_5 = Claim(
    name="fig5",
    title="First-layer features",
    statement="Some neurons learn sensible features, others do not. (One is annotated: Matches"
    " 3s.)",
    source="poster, Figure 5",
    rule="A unit's feature is called sensible if the spatial autocorrelation of its weights"
    " (Moran's I) is above that of the same weights on shuffled pixels, at a false discovery rate"
    f" of 5 %. Reproduced if on average at least {LEAST:g} % of the units pass and at least"
    f" {LEAST:g} % fail, and every network has a unit whose activity distinguishes 3s from the"
    f" other digits with an area under the curve of at least {AREA:g}; otherwise not reproduced.",
    measure=_measure,
    arms=lambda scale: [poster()],
)

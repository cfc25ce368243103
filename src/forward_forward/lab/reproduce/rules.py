"""Outcomes of arms -> comparisons and verdicts, by rules that were fixed before the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forward_forward.lab import statistics
from forward_forward.lab.reproduce.arms import ArmResult

ALPHA = statistics.ALPHA
LEAST = 0.10  # points of error that count as a difference
SIMILAR = 0.30  # points of error that do not

REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE = "reproduced", "not reproduced", "inconclusive"
BY_CONSTRUCTION, FAILS = "holds by construction", "fails by construction"

BETTER = (
    "Better-than: errors on the test images are paired by seed. Reproduced if the one-sided paired"
    f" t test, after Holm's correction over all directional claims, gives p < {ALPHA} and the mean"
    f" difference is at least {LEAST:.2f} points; not reproduced if the opposite holds at the same"
    " level; else inconclusive. The exact sign-flip p and a two-way bootstrap over seeds and test"
    " images stand beside it."
)
SAME = (
    "Similar-to: errors on the test images are paired by seed. Reproduced if two one-sided t tests"
    f" place the difference within {SIMILAR:.2f} points of 0 (the 90 % interval lies within); not"
    f" reproduced if the 90 % interval lies outside; else inconclusive."
)
EXACT = "Exactness: every check must pass. There is no p value."

Comparison = dict[str, Any]


def compared(name: str, values: Sequence[float], unit: str = "points") -> Comparison:
    """Paired differences by seed, positive where what is claimed to be better is better."""
    # Errors have four places: what lies beyond comes of subtracting, and would shift a border.
    found = statistics.paired([round(value, 6) for value in values])
    return {
        "name": name,
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "p": found.p_above,
        "p_opposite": found.p_below,
        "sign_flip_p": found.sign_flip,
        "bootstrap_low": None,
        "bootstrap_high": None,
        "seeds": len(values),
        "unit": unit,
    }


def better(first: ArmResult, second: ArmResult) -> Comparison:
    """How much lower the first arm's test errors are than the second's, over common seeds."""
    seeds = common_seeds(first, second)
    values = [test_error(second, seed) - test_error(first, seed) for seed in seeds]
    low, high = _bootstrap(first, second, seeds)
    row = compared(f"{second.arm.name} - {first.arm.name}", values)
    return row | {"bootstrap_low": low, "bootstrap_high": high}


def similar(first: ArmResult, second: ArmResult) -> Comparison:
    """Whether two arms have about the same error."""
    seeds = common_seeds(first, second)
    values = [test_error(second, seed) - test_error(first, seed) for seed in seeds]
    found = statistics.equivalence([round(value, 6) for value in values], SIMILAR)
    low, high = _bootstrap(first, second, seeds)
    outside = found.low > SIMILAR or found.high < -SIMILAR
    return {
        "name": f"{second.arm.name} - {first.arm.name}",
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "sign_flip_p": None,
        "bootstrap_low": low,
        "bootstrap_high": high,
        "seeds": len(seeds),
        "unit": "points",
        "verdict": REPRODUCED if found.p < ALPHA else NOT_REPRODUCED if outside else INCONCLUSIVE,
    }


def common_seeds(first: ArmResult, second: ArmResult) -> list[int]:
    """The seeds that both arms were run with.

    Raises:
        ValueError: There are none.
    """
    seeds = sorted(set(first.records) & set(second.records))
    if not seeds:
        names = f"{first.arm.name!r} and {second.arm.name!r}"
        raise ValueError(
            f"a comparison expects seeds that both arms were run with, got none: {names}"
        )
    return seeds


def test_error(outcome: ArmResult, seed: int) -> float:
    return float(outcome.records[seed]["test_error"])


def _bootstrap(first: ArmResult, second: ArmResult, seeds: Sequence[int]) -> tuple[float, float]:
    images = first.records[seeds[0]]["test_images"]
    mine, theirs = (
        [each.records[seed]["test_wrong"] for seed in seeds] for each in (first, second)
    )
    return statistics.two_way_bootstrap(mine, theirs, images)


def directional(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The statistic of a claim that holds only if each of its comparisons does.

    The comparison with the largest p is the estimate and decides for it, together with the smallest
    of all differences; the opposite holds if it does for any of them, after Bonferroni's correction
    for their number.
    """
    weakest = max(comparisons, key=lambda row: (row["p"], -row["estimate"]))
    large = [row for row in comparisons if -row["estimate"] >= LEAST]
    against = min(large or comparisons, key=lambda row: row["p_opposite"])
    return {
        "kind": "paired t",
        "estimate": weakest["estimate"],
        "low": weakest["low"],
        "high": weakest["high"],
        "p": weakest["p"],
        "unit": weakest["unit"],
        "smallest": min(row["estimate"] for row in comparisons),
        "p_opposite": min(1.0, len(comparisons) * against["p_opposite"]),
        "opposite": -against["estimate"],
        "of": weakest["name"],
    }


def directional_verdict(statistic: dict[str, Any]) -> str:
    """The verdict on a directional claim, from its statistic with ``p_holm`` of both directions."""
    if statistic["p_holm"] < ALPHA and statistic["smallest"] >= LEAST:
        return REPRODUCED
    if statistic["p_opposite_holm"] < ALPHA and statistic["opposite"] >= LEAST:
        return NOT_REPRODUCED
    return INCONCLUSIVE


def alike(comparisons: Sequence[Comparison]) -> tuple[dict[str, Any], str]:
    """The statistic and verdict of a claim that all comparisons are of similar errors."""
    weakest = max(comparisons, key=lambda row: (row["p"], abs(row["estimate"])))
    statistic = {
        "kind": "equivalence",
        **{name: weakest[name] for name in ("estimate", "low", "high", "p", "unit")},
        "of": weakest["name"],
    }
    verdicts = {row["verdict"] for row in comparisons}
    if verdicts == {REPRODUCED}:
        return statistic, REPRODUCED
    return statistic, NOT_REPRODUCED if NOT_REPRODUCED in verdicts else INCONCLUSIVE


def exact(checks: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """The statistic and verdict of a claim that follows from how the thing is built."""
    worst = [row for row in checks if not row["passed"]]
    statistic = {"kind": "exactness", "estimate": None, "low": None, "high": None, "p": None}
    return {**statistic, "unit": f"{len(checks)} checks"}, FAILS if worst else BY_CONSTRUCTION


def check(name: str, value: float | str, limit: float | str, passed: bool) -> dict[str, Any]:
    """A row of an exactness test."""
    return {"name": name, "value": value, "limit": limit, "passed": bool(passed)}


def both(first: str, second: str) -> str:
    """The verdict on a statement of two parts.

    >>> both("reproduced", "not reproduced")
    'not reproduced'
    """
    if NOT_REPRODUCED in (first, second):
        return NOT_REPRODUCED
    return REPRODUCED if first == second == REPRODUCED else INCONCLUSIVE

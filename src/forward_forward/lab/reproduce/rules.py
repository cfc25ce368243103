"""Results of arms -> comparisons and verdicts, by rules that were fixed before the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forward_forward.lab import statistics
from forward_forward.lab.reproduce.arms import ArmResult

ALPHA = statistics.ALPHA
LEAST = 0.10  # points of error that count as a difference
SIMILAR = 0.30  # points of error that count as none

REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE = "reproduced", "not reproduced", "inconclusive"
BY_CONSTRUCTION, FAILS = "holds by construction", "fails by construction"

BETTER = (
    "Better-than: errors on the test images are paired by seed. Reproduced if the one-sided paired"
    f" t test, after Holm's correction over all directional claims, gives p < {ALPHA} and the mean"
    f" difference is at least {LEAST:.2f} points; not reproduced if the opposite holds at the same"
    " level; otherwise inconclusive. The exact sign-flip p and a two-way bootstrap over seeds and"
    " test images are reported as well."
)
SAME = (
    "Similar-to: errors on the test images are paired by seed. Reproduced if two one-sided t tests"
    f" place the difference within {SIMILAR:.2f} points of 0 (the 90 % interval lies within); not"
    f" reproduced if the 90 % interval lies outside; otherwise inconclusive."
)
EXACT = "Exactness: every check must pass. There is no p value."

Comparison = dict[str, Any]
# Entries of the weakest comparison that a claim's statistic repeats.
OF_THE_WEAKEST = ("estimate", "low", "high", "p", "unit")


def compared(name: str, values: Sequence[float], unit: str = "points") -> Comparison:
    """Test paired differences by seed, positive if what is claimed to be better is better."""
    # Errors have four decimals: further ones come from the subtraction and could cross a limit.
    found = statistics.paired([round(value, 6) for value in values])
    return {
        "name": name,
        **found._asdict(),
        "bootstrap_low": None,
        "bootstrap_high": None,
        "seeds": len(values),
        "unit": unit,
    }


def better(first: ArmResult, second: ArmResult) -> Comparison:
    """How much lower the first arm's test errors are than the second's, over common seeds."""
    row = compared(_name(first, second), _differences(first, second))
    return {**row, **_bootstrap(first, second)}


def similar(first: ArmResult, second: ArmResult) -> Comparison:
    """Whether two arms have similar test errors, over common seeds."""
    values = [round(value, 6) for value in _differences(first, second)]
    found = statistics.equivalence(values, SIMILAR)
    outside = found.low > SIMILAR or found.high < -SIMILAR
    return {
        "name": _name(first, second),
        **found._asdict(),
        "sign_flip_p": None,
        **_bootstrap(first, second),
        "seeds": len(values),
        "unit": "points",
        "verdict": REPRODUCED if found.p < ALPHA else NOT_REPRODUCED if outside else INCONCLUSIVE,
    }


def _name(first: ArmResult, second: ArmResult) -> str:
    return f"{second.name} - {first.name}"


def _differences(first: ArmResult, second: ArmResult) -> list[float]:
    seeds = common_seeds(first, second)
    return [test_error(second, seed) - test_error(first, seed) for seed in seeds]


def _bootstrap(first: ArmResult, second: ArmResult) -> dict[str, float]:
    """The bootstrap interval of the difference."""
    seeds = common_seeds(first, second)
    images = first.records[seeds[0]]["test_images"]
    one, other = ([arm.records[seed]["test_wrong"] for seed in seeds] for arm in (first, second))
    low, high = statistics.two_way_bootstrap(one, other, images)
    return {"bootstrap_low": low, "bootstrap_high": high}


def common_seeds(*arms: ArmResult) -> list[int]:
    """The seeds that all arms were run with.

    Raises:
        ValueError: There are none.
    """
    seeds = sorted(set.intersection(*(set(arm.records) for arm in arms)))
    if not seeds:
        names = ", ".join(repr(arm.name) for arm in arms)
        raise ValueError(
            f"a comparison requires seeds that all its arms were run with, got none for {names}:"
            " run them with the same seeds"
        )
    return seeds


def test_error(arm: ArmResult, seed: int) -> float:
    """The test error of a run in percent."""
    return float(arm.records[seed]["test_error"])


def directional(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The statistic of a claim that holds only if each of its comparisons does.

    The comparison with the largest p is the estimate and decides, together with the smallest of all
    differences; the opposite holds if it does for any of them, after Bonferroni's correction for
    their number.
    """
    weakest = max(comparisons, key=lambda row: (row["p"], -row["estimate"]))
    large = [row for row in comparisons if -row["estimate"] >= LEAST]
    against = min(large or comparisons, key=lambda row: row["p_opposite"])
    return {
        "kind": "paired t",
        **{name: weakest[name] for name in OF_THE_WEAKEST},
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


def all_similar(comparisons: Sequence[Comparison]) -> tuple[dict[str, Any], str]:
    """The statistic and verdict of a claim that the errors of all comparisons are similar."""
    weakest = max(comparisons, key=lambda row: (row["p"], abs(row["estimate"])))
    statistic = {
        "kind": "equivalence",
        **{name: weakest[name] for name in OF_THE_WEAKEST},
        "of": weakest["name"],
    }
    verdicts = {row["verdict"] for row in comparisons}
    if verdicts == {REPRODUCED}:
        return statistic, REPRODUCED
    return statistic, NOT_REPRODUCED if NOT_REPRODUCED in verdicts else INCONCLUSIVE


def exact(checks: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """The statistic and verdict of a claim that holds or fails by construction."""
    passed = all(row["passed"] for row in checks)
    statistic = {"kind": "exactness", "estimate": None, "low": None, "high": None, "p": None}
    return {**statistic, "unit": f"{len(checks)} checks"}, BY_CONSTRUCTION if passed else FAILS


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

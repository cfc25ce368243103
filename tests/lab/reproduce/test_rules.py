"""Hand-made outcomes and statistics get the comparisons and verdicts that the rules say."""

from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from forward_forward.lab import statistics
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult, Tuning
from forward_forward.lab.reproduce.results import read, settle, write
from forward_forward.lab.reproduce.rules import INCONCLUSIVE, NOT_REPRODUCED, REPRODUCED

IMAGES = 1_000


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap is tested elsewhere: here a tenth of its draws will do."""
    monkeypatch.setattr(statistics, "RESAMPLES", statistics.RESAMPLES // 10)


def outcome(name: str, errors: dict[int, float]) -> ArmResult:
    """An arm that read the first images wrongly, with these errors in percent by seed."""
    records = {
        seed: {
            "test_error": error,
            "test_wrong": list(range(round(error * IMAGES / 100))),
            "test_images": IMAGES,
        }
        for seed, error in errors.items()
    }
    return ArmResult(Arm(name, "never", {}), Tuning(), {}, records)


GOOD = outcome("good", {0: 5.0, 1: 5.2, 2: 4.9, 3: 5.1})
BAD = outcome("bad", {3: 6.0, 2: 6.1, 1: 6.0, 0: 6.2, 7: 99.0})
DIFFERENCES = [1.2, 0.8, 1.2, 0.9]  # of seeds 0 to 3: bad has a fifth that good has not


def test_better_pairs_errors_by_seed():
    row = rules.better(GOOD, BAD)
    test = stats.ttest_1samp(DIFFERENCES, 0, alternative="greater")
    assert row["name"] == "bad - good"
    assert row["estimate"] == pytest.approx(sum(DIFFERENCES) / 4)
    assert row["p"] == pytest.approx(test.pvalue)
    assert row["p_opposite"] == pytest.approx(1 - test.pvalue)
    assert row["sign_flip_p"] == 1 / 2**4
    assert row["seeds"] == 4
    assert row["bootstrap_low"] < row["estimate"] < row["bootstrap_high"]
    assert 0 < row["low"] < row["estimate"] < row["high"]


def test_better_turns_round_with_the_arms():
    row, turned = rules.better(GOOD, BAD), rules.better(BAD, GOOD)
    assert turned["estimate"] == pytest.approx(-row["estimate"])
    assert turned["p"] == pytest.approx(row["p_opposite"])
    assert turned["bootstrap_low"] == pytest.approx(-row["bootstrap_high"])


def test_the_bootstrap_is_that_of_common_seeds():
    wrong = [[each.records[seed]["test_wrong"] for seed in (0, 1, 2, 3)] for each in (GOOD, BAD)]
    expected = statistics.two_way_bootstrap(*wrong, IMAGES)
    for row in (rules.better(GOOD, BAD), rules.similar(GOOD, BAD)):
        assert (row["bootstrap_low"], row["bootstrap_high"]) == expected


def test_compared_values_have_no_bootstrap():
    row = rules.compared("goodness", [0.5, 0.25, 0.75], "shares")
    assert (row["bootstrap_low"], row["bootstrap_high"]) == (None, None)
    assert (row["unit"], row["seeds"], row["estimate"]) == ("shares", 3, 0.5)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0.1, 0.0, -0.1, 0.1), REPRODUCED),
        ((0.8, 0.9, 0.7, 0.8), NOT_REPRODUCED),
        ((-0.8, -0.9, -0.7, -0.8), NOT_REPRODUCED),
        ((0.3, 0.2, 0.4, 0.3), INCONCLUSIVE),
        ((3.0, -3.0, 2.0, -2.0), INCONCLUSIVE),
    ],
)
def test_similar_arms_lie_within_the_margin(differences, verdict):
    second = outcome("other", {seed: 10 + each for seed, each in enumerate(differences)})
    row = rules.similar(outcome("plain", dict.fromkeys(range(4), 10.0)), second)
    found = statistics.equivalence(differences, rules.SIMILAR)
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx(found[:3])
    assert row["p"] == pytest.approx(found.p)
    assert row["verdict"] == verdict
    assert row["name"] == "other - plain"


def row(estimate: float, p: float, p_opposite: float | None = None, **more: Any) -> dict[str, Any]:
    """A comparison as far as `directional` and `alike` look at it."""
    about = {"name": f"{estimate:g}", "low": estimate - 1, "high": estimate + 1, "unit": "points"}
    opposite = 1 - p if p_opposite is None else p_opposite
    return {**about, "estimate": estimate, "p": p, "p_opposite": opposite, **more}


def test_the_weakest_comparison_speaks_for_all():
    found = rules.directional([row(0.5, 0.01), row(0.9, 0.04), row(0.2, 0.002)])
    assert (found["kind"], found["p"], found["of"]) == ("paired t", 0.04, "0.9")
    assert (found["estimate"], found["low"], found["high"]) == (0.9, pytest.approx(-0.1), 1.9)
    assert found["smallest"] == 0.2


def test_of_equal_p_the_smaller_difference_is_the_weaker():
    assert rules.directional([row(0.5, 0.0), row(0.2, 0.0), row(0.9, 0.0)])["of"] == "0.2"


def test_the_opposite_is_corrected_for_the_number_of_comparisons():
    found = rules.directional([row(-0.5, 0.98, 0.02), row(0.4, 0.1, 0.9), row(0.3, 0.2, 0.8)])
    assert found["p_opposite"] == pytest.approx(3 * 0.02)
    assert found["opposite"] == 0.5
    assert rules.directional([row(0.4, 0.1, 0.9), row(0.3, 0.2, 0.8)])["p_opposite"] == 1.0


@pytest.mark.parametrize(
    ("p_holm", "smallest", "p_opposite", "opposite", "verdict"),
    [
        (0.01, 0.5, 0.99, -0.5, REPRODUCED),
        (0.049, 0.10, 0.99, -0.10, REPRODUCED),
        (0.05, 0.5, 0.95, -0.5, INCONCLUSIVE),
        (0.01, 0.0999, 0.99, -0.0999, INCONCLUSIVE),
        (1.0, -0.5, 0.01, 0.5, NOT_REPRODUCED),
        (1.0, -0.10, 0.049, 0.10, NOT_REPRODUCED),
        (1.0, -0.5, 0.05, 0.5, INCONCLUSIVE),
        (1.0, -0.0999, 0.001, 0.0999, INCONCLUSIVE),
        (0.5, 0.2, 0.5, -0.2, INCONCLUSIVE),
    ],
)
def test_a_directional_verdict_needs_p_and_size(p_holm, smallest, p_opposite, opposite, verdict):
    told = {"p_holm": p_holm, "smallest": smallest, "opposite": opposite}
    told["p_opposite_holm"] = p_opposite
    assert rules.directional_verdict(told) == verdict


def test_alike_arms_are_alike_in_every_comparison():
    same, other = row(0.1, 0.01, verdict=REPRODUCED), row(0.2, 0.03, verdict=REPRODUCED)
    open_one, far = row(0.25, 0.3, verdict=INCONCLUSIVE), row(0.9, 0.99, verdict=NOT_REPRODUCED)
    statistic, verdict = rules.all_similar([same, other])
    assert (statistic["kind"], statistic["p"], statistic["of"]) == ("equivalence", 0.03, "0.2")
    assert verdict == REPRODUCED
    assert rules.all_similar([same, open_one])[1] == INCONCLUSIVE
    statistic, verdict = rules.all_similar([same, open_one, far])
    assert (statistic["p"], statistic["estimate"], verdict) == (0.99, 0.9, NOT_REPRODUCED)


def test_exactness_needs_every_check():
    passed, failed = rules.check("a", 0.0, 1e-9, True), rules.check("b", 0.1, 1e-9, False)
    statistic, verdict = rules.exact([passed, passed])
    assert (statistic["p"], statistic["unit"]) == (None, "2 checks")
    assert verdict == rules.BY_CONSTRUCTION
    assert rules.exact([passed, failed])[1] == rules.FAILS


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([REPRODUCED], REPRODUCED),
        ([REPRODUCED, INCONCLUSIVE], INCONCLUSIVE),
        ([INCONCLUSIVE], INCONCLUSIVE),
        ([REPRODUCED, NOT_REPRODUCED], NOT_REPRODUCED),
        ([INCONCLUSIVE, NOT_REPRODUCED], NOT_REPRODUCED),
    ],
    ids=str,
)
def test_both_parts_must_hold(parts, verdict):
    ordered = sorted(parts)
    assert rules.both(ordered[0], ordered[-1]) == verdict
    assert rules.both(ordered[-1], ordered[0]) == verdict


def test_an_opposite_of_some_size_counts_where_a_surer_one_is_tiny():
    found = rules.directional([row(-0.05, 1.0, 1e-9), row(-1.0, 0.999, 0.001)])
    assert (found["opposite"], found["p_opposite"]) == (1.0, 0.002)
    told = found | {"p_holm": 1.0, "p_opposite_holm": found["p_opposite"]}
    assert rules.directional_verdict(told) == "not reproduced"


def test_a_difference_at_the_border_is_not_lost_to_rounding():
    assert rules.compared("border", [5.1 - 5.0] * 8)["estimate"] == 0.1


def directional(name: str, p: float, estimate: float = 0.5, beside: str | None = None) -> dict:
    """A claim's result whose verdict is open."""
    statistic = rules.directional([row(estimate, p)])
    return {"name": name, "statistic": statistic, "verdict": None, "beside": beside}


def fixed(name: str, p: float | None, kind: str, verdict: str) -> dict:
    """A claim's result that Holm's correction has no say in."""
    return {"name": name, "statistic": {"kind": kind, "p": p}, "verdict": verdict, "beside": None}


SAME = fixed("fig8.right", 0.0001, "equivalence", REPRODUCED)
EXACT = fixed("method.local", None, "exactness", rules.BY_CONSTRUCTION)


def test_holm_goes_over_directional_claims_alone():
    told = [directional("fig4", 0.02), SAME, directional("fig6", 0.03), EXACT]
    fig4, same, fig6, exact = settle(told)
    assert (fig4["statistic"]["p_holm"], fig6["statistic"]["p_holm"]) == (0.04, 0.04)
    assert (fig4["statistic"]["family"], fig6["statistic"]["family"]) == (2, 2)
    assert fig4["verdict"] == fig6["verdict"] == REPRODUCED
    assert (same, exact) == (SAME, EXACT)


def test_what_is_settled_does_not_change_what_was_given():
    told = directional("fig4", 0.02)
    settle([told])
    assert told["verdict"] is None
    assert "p_holm" not in told["statistic"]


def test_settling_again_changes_nothing():
    told = [
        directional("fig4", 0.02, beside=REPRODUCED),
        SAME,
        directional("fig3", 0.99, estimate=-0.5),
    ]
    once = settle(told)
    assert settle(once) == once
    assert [each["verdict"] for each in once] == [REPRODUCED, REPRODUCED, NOT_REPRODUCED]


@pytest.mark.parametrize(
    ("p", "beside", "verdict"),
    [
        (0.001, REPRODUCED, REPRODUCED),
        (0.001, NOT_REPRODUCED, NOT_REPRODUCED),
        (0.001, INCONCLUSIVE, INCONCLUSIVE),
        (0.5, REPRODUCED, INCONCLUSIVE),
        (0.001, None, REPRODUCED),
    ],
)
def test_a_part_without_direction_stands_beside(p, beside, verdict):
    assert settle([directional("fig6", p, beside=beside)])[0]["verdict"] == verdict


KEPT = Path(__file__).parents[3] / "results" / "poster"


def whole(result: dict) -> dict:
    """A result with all entries of a committed one."""
    kept = read(KEPT)["fig6"]
    interval = {"low": 0.0, "high": 1.0, "p": None, "estimate": None, "unit": "points"}
    return {**kept, **result, "statistic": {**interval, **result["statistic"]}}


def test_a_claim_that_joins_may_change_a_verdict(tmp_path):
    write(tmp_path, {"fig4": whole(directional("fig4", 0.03))})
    alone = read(tmp_path)
    assert alone["fig4"]["verdict"] == REPRODUCED
    exact = whole(EXACT)
    joining = {"fig6": whole(directional("fig6", 0.04)), "method.local": exact}
    write(tmp_path, {**alone, **joining})
    joined = read(tmp_path)
    assert list(joined) == ["method.local", "fig4", "fig6"]  # in the poster's order
    assert joined["fig4"]["statistic"]["p_holm"] == 0.06
    assert joined["fig4"]["verdict"] == INCONCLUSIVE
    assert joined["method.local"] == exact


@pytest.mark.parametrize(("p", "verdict"), [(0.99, NOT_REPRODUCED), (0.96, INCONCLUSIVE)])
def test_the_opposite_of_a_claim_is_held_to_the_same_level(p, verdict):
    against = directional("fig3", p, estimate=-0.5)
    settled = settle([against, *(directional(f"fig{each}", 0.5) for each in (4, 5, 6))])
    assert settled[0]["statistic"]["p_opposite_holm"] == pytest.approx(4 * (1 - p))
    assert [each["verdict"] for each in settled] == [verdict, *[INCONCLUSIVE] * 3]

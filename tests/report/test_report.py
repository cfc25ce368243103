"""Results become one page that loads nothing and says every number, or a clear error."""

import copy
import json
import math
import re
import subprocess
import sys

import matplotlib
import pytest
from tests.report.reader import Page
from tests.report.samples import VERDICTS, arm, every_figure, points, result, sample

from forward_forward import report
from forward_forward.display.numerals import estimate, mean_interval, number
from forward_forward.report.figures import figure_html


def bare(name: str = "fig6", **changed: object) -> dict:
    """A result whose figures and arms are left out: those take time to draw."""
    return result(name, **{"figures": [], "arms": [], **changed})


def shown(*results: dict, **about: str) -> str:
    return report.page(list(results), **{"title": "Results", **about})


def test_nothing_is_loaded_from_elsewhere(full):
    page = Page(full)
    assert len(page.links) > 10
    assert [each for each in page.links if not each.startswith(("#", "data:"))] == []
    assert "http:" not in full
    assert "https:" not in full
    assert "@import" not in full
    assert not re.search(r"url\((?!#)", full)


def test_ids_are_unique_and_every_reference_has_its_target(full):
    ids = Page(full).ids
    assert len(ids) == len(set(ids)) > 40
    wanted = set(re.findall(r'(?:url\(|href=")#([^)"]+)', full))
    assert len(wanted) > 40
    assert wanted - set(ids) == set()


def test_every_result_has_its_section_and_its_link_in_order(full):
    names = [each["name"] for each in sample()]
    page = Page(full)
    assert [each["id"] for each in page.all("section")] == names
    assert [each["href"][1:] for each in page.all("a")] == names


def test_every_drawing_says_what_it_is_and_takes_the_colours_of_the_page(full):
    drawings = Page(full).all("svg")
    assert len(drawings) > 20
    for each in drawings:
        assert each["role"] == "img"
        assert each["aria-label"]
        assert "width" not in each
    inside = "".join(re.findall(r"<svg.*?</svg>", full, re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}\b", inside)) == set()
    assert "var(--series-1)" in inside
    assert "font-family" not in inside


def test_a_page_is_the_same_each_time():
    assert shown(result(figures=every_figure())) == shown(result(figures=every_figure()))


def test_matplotlib_is_left_as_it_was():
    before = dict(matplotlib.rcParams)
    figure_html(points(), "a")
    assert dict(matplotlib.rcParams) == before


def test_the_report_needs_no_torch_and_no_pyplot():
    code = (
        "import sys; from forward_forward import report;"
        "print([name for name in ('torch', 'matplotlib.pyplot') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


HOSTILE = "<script>alert(1)</script>\"'&$x_{\\frac --> ]]> {{ 7*7 }} \x00\x1b\ud800 图 #00000a"


def hostile(value):
    """The same result with every text hostile, but for those whose words are fixed."""
    if isinstance(value, dict):
        fixed = {"kind", "verdict", "pixels", "good", "scale", "name"}
        return {k: v if k in fixed and isinstance(v, str) else hostile(v) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def test_hostile_text_stays_text():
    given = hostile(result(figures=every_figure()))
    given["name"] = f"fig6 {HOSTILE}"
    given["scale"] = HOSTILE
    text = report.page([given], title=HOSTILE, introduction=HOSTILE)
    tame = Page(report.page([result(figures=every_figure())], title="T"))
    page = Page(text)
    assert len(page.all("script")) == len(tame.all("script")) == 1
    assert "<script>alert" not in text
    assert "{{ 7*7 }}" in page.text
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    assert len(page.ids) == len(set(page.ids))
    text.encode("utf-8", "surrogatepass")
    inside = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "alert(1)&lt;/script&gt;" in inside
    assert "\x00" not in inside


def without(key: str) -> dict:
    return {name: value for name, value in bare().items() if name != key}


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([without("rule")], "result 'fig6' expects the keys .* but lacks rule"),
        ([without("name")], r"\(without a name\)"),
        ([bare(verdict="proved")], "verdict of reproduced, .*, got 'proved'"),
        ([bare(), bare()], "unique names, got fig6"),
        ([bare("a b"), bare("a-b")], "unique names, got a-b"),
        ([bare(arms=[{"settings": {}}])], "'fig6' expects the key 'name'"),
    ],
)
def test_a_result_that_cannot_be_shown_is_a_clear_error(results, message):
    with pytest.raises(ValueError, match=message):
        shown(*results)


def test_no_results_are_a_page_too():
    assert "No results." in Page(report.page([], title="T", introduction="")).text


def test_bare_results_are_shown_without_empty_parts():
    nothing = bare(comparisons=[], checks=[], note="", statistic={})
    text = Page(shown(nothing)).text
    for heading in ("Comparisons", "Checks", "Arms", "What was measured", "Tuning"):
        assert heading not in text


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_verdict_reads_without_its_colour(verdict):
    text = Page(shown(bare(verdict=verdict))).text
    signs = {"reproduced": "✓", "not reproduced": "✗", "inconclusive": "?"}
    assert f"{signs.get(verdict, '≡' if 'holds' in verdict else '≢')} {verdict}" in text


def test_every_number_of_a_result_is_on_the_page():
    text = Page(shown(bare(arms=[arm("Adam"), arm("SGD", 1)]))).text
    for said in (
        "0.42 points (0.24 to 0.60)",
        "p = 0.0031 after Holm",
        "paired t",
        "0.0078",
        "0.27 to 0.57",
        "2 × 10⁻¹²",
        "✗ failed",
        "11.2, 10.9",
        "0.25, 2.1 × 10⁻⁶",
        "optimizer SGD; lr 0.002",
        "threshold factor 0.5",
        "torch 2.13.0",
    ):
        assert said in text, said


def test_a_p_value_that_holm_did_not_correct_says_so():
    statistic = {**result()["statistic"], "p": 0.04}
    del statistic["p_holm"]
    assert "0.04 (not adjusted)" in Page(shown(bare(statistic=statistic))).text


def test_another_scale_wears_a_badge():
    assert "badge" not in "".join(re.findall(r"<strong[^>]*>", shown(bare())))
    assert "smoke scale: a test run that says nothing" in Page(shown(bare(scale="smoke"))).text
    assert "full scale: not the scale" in Page(shown(bare(scale="full"))).text


def test_an_exactness_test_gives_its_checks_and_its_conditions():
    statistic = {"kind": "exactness", "estimate": None, "low": None, "high": None, "p": None}
    given = bare(
        statistic={**statistic, "unit": "3 checks", "of": "the loss"},
        arms=[arm("Adam", tuned=False)],
        conditions={"data": "mnist", "hidden": [500, 500]},
    )
    text = Page(shown(given)).text
    assert "3 checks exactness: the loss" in text
    assert "hidden 500, 500" in text


def test_tuned_settings_of_any_name_make_their_series():
    tuned = {**arm("SymBa"), "epochs": 240, "settings_from": "Adam", "tuning_interior": False}
    errors = {"validation_errors": [2.0, 3.0]}
    tuned["tuning"] = [{"alpha": a, "lr": r, **errors} for a in (2.0, 4.0) for r in (0.1, 0.01)]
    text = Page(shown(bare(arms=[tuned, arm("Adam", tuned=False)]))).text
    assert "alpha 2 alpha 4" in text
    assert "epochs 240; settings as tuned for Adam" in text
    assert "Not all neighbours of the chosen settings were tried." in text


def test_seeds_that_failed_are_counted_not_hidden():
    failed = {**arm("SGD"), "errors": [None, 90.0, float("inf"), 90.0]}
    assert "90.00 ± 0.00 (2 of 4 missing)" in Page(shown(bare(arms=[failed]))).text


def test_trials_with_unequal_seeds_are_drawn_by_their_means():
    tuned = arm("Adam")
    tuned["tuning"][0]["validation_errors"] = [4.0]
    tuned["tuning"][1]["validation_errors"] = []
    assert "threshold factor 1" in Page(shown(bare(arms=[tuned]))).text


def test_the_raw_numbers_are_the_given_ones():
    given = result(figures=every_figure())
    given["arms"][0]["errors"][0] = math.nan
    page = Page(shown(given))
    raw = json.loads(next(words for words in page.words if words.startswith("{\n")))
    expected = copy.deepcopy(given)
    expected["arms"][0]["errors"][0] = None
    for figure in expected["figures"]:
        for each in [*figure.get("images", []), *figure.get("samples", [])]:
            del each["pixels"]
    assert raw == expected


def test_results_are_not_changed():
    given, before = sample()[:1], sample()[:1]
    report.page(given, title="T")
    assert given == before


def test_an_interval_is_students():
    from scipy import stats

    values = [1.0, 2.5, 2.0, 4.0]
    mean, half = mean_interval(values)
    low, high = stats.t.interval(0.95, 3, 2.375, stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high))
    assert math.isnan(mean_interval([1.0])[1])
    assert math.isnan(mean_interval([None])[0])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (12, "12"),
        (98304, "98,304"),
        (0.5, "0.5"),
        (999.7, "1,000"),
        (1234.5, "1,234"),
        (-3.14159, "−3.14"),
        (5e7, "5 × 10⁷"),
        (True, "–"),
        ("x", "–"),
        (float("inf"), "–"),
    ],
)
def test_a_number_reads_well(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((1.5, None, None, "percent"), "1.5 %"),
        ((1.5, 1.25, 1.75, ""), "1.50 (1.25 to 1.75)"),
        ((120, 80, 160, "epochs"), "120 epochs (80 to 160)"),
        ((1e-12, 0.0, 2e-12, ""), "10⁻¹² (0 to 2 × 10⁻¹²)"),
        ((1.0, 1.0, 1.0, None), "1.00 (1.00 to 1.00)"),
        ((1.0, None, 2.0, None), "1.00 (– to 2.00)"),
        ((None, 1, 2, "points"), "–"),
    ],
)
def test_an_estimate_has_the_decimals_of_its_interval(given, text):
    assert estimate(*given) == text

"""Results of a reproduction, one dictionary a statement -> one self-contained HTML page."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from forward_forward.report.arms import (
    ArmsTable,
    Rows,
    arms_table,
    check_rows,
    comparison_rows,
    tuning_html,
)
from forward_forward.report.environment import environment
from forward_forward.report.figures import figure_html
from forward_forward.report.numerals import MISSING, estimate, finite, p_value, setting

# A verdict's sign and the CSS class of its colour: it reads without colour too.
VERDICTS = {
    "reproduced": ("✓", "good"),
    "not reproduced": ("✗", "bad"),
    "inconclusive": ("?", "open"),
    "holds by construction": ("≡", "good"),
    "fails by construction": ("≢", "bad"),
}
REQUIRED = (
    "name",
    "title",
    "statement",
    "source",
    "scale",
    "verdict",
    "rule",
    "note",
    "statistic",
    "comparisons",
    "checks",
    "arms",
    "figures",
    "versions",
    "device",
    "date",
)


@dataclass(frozen=True)
class Claim:
    """A result as its section shows it."""

    anchor: str
    result: Mapping[str, Any]
    estimate: str
    p: str
    figures: Sequence[Markup]
    conditions: Sequence[tuple[str, str]]
    comparisons: Rows | None
    checks: Rows | None
    arms: ArmsTable
    tuning: Sequence[Markup]
    raw: str


def page(
    results: Sequence[Mapping[str, Any]], *, title: str, introduction: str = "", rules: str = ""
) -> str:
    """One HTML page of results, which loads nothing from elsewhere.

    Args:
        results: What a reproduction left, one dictionary a statement, in the order to show them.
        title: The page's heading.
        introduction: Its first words; blank lines part paragraphs.
        rules: What stands after the summary: how results were judged; likewise.

    Returns:
        The page, the same for the same results.

    Raises:
        ValueError: A result lacks a key or has an unknown verdict, two have one name, or a figure
            cannot be drawn.

    >>> page([], title="Results").splitlines()[0]
    '<!doctype html>'
    """
    for result in results:
        _check(result)
    anchors = _anchors([str(result["name"]) for result in results])
    claims = [_claim(result, anchor) for result, anchor in zip(results, anchors, strict=True)]
    verdicts = Counter(str(result["verdict"]) for result in results)
    return (
        environment()
        .get_template("page.html")
        .render(
            title=title,
            introduction=introduction,
            rules=rules,
            claims=claims,
            facts=_facts(results),
            counts=[(verdict, verdicts[verdict]) for verdict in VERDICTS if verdicts[verdict]],
            verdicts=VERDICTS,
        )
    )


def _check(result: Mapping[str, Any]) -> None:
    lacking = [key for key in REQUIRED if key not in result]
    if lacking:
        raise ValueError(
            f"result {result.get('name', '(without a name)')!r} expects the keys"
            f" {', '.join(REQUIRED)}, got none of {', '.join(lacking)}: run it anew"
        )
    if result["verdict"] not in VERDICTS:
        raise ValueError(
            f"result {result['name']!r} expects a verdict of {', '.join(VERDICTS)}, got"
            f" {result['verdict']!r}"
        )


def _anchors(names: Sequence[str]) -> list[str]:
    """A section's id for each name, which is the name where that can be an id."""
    anchors = [re.sub(r"[^\w.-]+", "-", name) for name in names]
    twice = sorted(name for name, times in Counter(anchors).items() if times > 1)
    if twice:
        raise ValueError(f"results expect names that differ, got {', '.join(twice)} twice or more")
    return anchors


def _claim(result: Mapping[str, Any], anchor: str) -> Claim:
    try:
        return _shown(result, anchor)
    except KeyError as missing:
        raise ValueError(
            f"result {result['name']!r} expects the key {missing} in its comparisons, checks, arms"
            " and their trials: run it anew"
        ) from None
    except ValueError as error:
        raise ValueError(f"result {result['name']!r}: {error}") from error


def _shown(result: Mapping[str, Any], anchor: str) -> Claim:
    statistic = result["statistic"] or {}
    return Claim(
        anchor,
        result,
        _estimate(statistic),
        _p(statistic),
        [
            figure_html(figure, f"{anchor}--{place}")
            for place, figure in enumerate(result["figures"])
        ],
        [(str(n), setting(v)) for n, v in (result.get("conditions") or {}).items()],
        comparison_rows(result["comparisons"]),
        check_rows(result["checks"]),
        arms_table(result["arms"]),
        tuning_html(result["arms"], f"{anchor}--tuning"),
        raw_text(result),
    )


def _estimate(statistic: Mapping[str, Any]) -> str:
    """The estimate with its interval; exactness has none, but a number of checks as its unit."""
    if statistic.get("kind") == "exactness" and statistic.get("estimate") is None:
        return str(statistic.get("unit") or MISSING)
    said = estimate(*(statistic.get(key) for key in ("estimate", "low", "high", "unit")))
    # Two one-sided tests at 5 % go with an interval of 90 %, all others with one of 95 %.
    return said.replace(")", "; 90 %)") if statistic.get("kind") == "equivalence" else said


def _p(statistic: Mapping[str, Any]) -> str:
    """The p value after Holm's correction, or the plain one, named as such."""
    if "p_holm" in statistic:
        return p_value(statistic["p_holm"])
    alone = p_value(statistic.get("p"))
    return alone if alone == MISSING else f"{alone} (not adjusted)"


def _facts(results: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Where the results come from: what differs between them is listed, not left out."""
    versions = [
        ", ".join(f"{name} {version}" for name, version in (result["versions"] or {}).items())
        for result in results
    ]
    facts = {
        "Scale": [str(result["scale"]) for result in results],
        "Date": [str(result["date"]) for result in results],
        "Device": [str(result["device"]) for result in results],
        "Versions": versions,
    }
    return [(name, "; ".join(sorted({*said} - {""}))) for name, said in facts.items() if any(said)]


def raw_text(result: Mapping[str, Any]) -> str:
    """A result as JSON, an arm or a figure a line; pixels are left out.

    Args:
        result: The result.

    >>> print(raw_text({"name": "fig6", "pixels": "AAAA", "p": float("nan")}))
    {
     "name": "fig6",
     "p": null
    }
    """
    lines = []
    for key, value in _numbers(result).items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            rows = ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in value)
            text = f"[\n  {rows}\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}"


def _numbers(value: Any) -> Any:
    """A value without pixels, and with null where a number is none: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {str(key): _numbers(each) for key, each in value.items() if key != "pixels"}
    if isinstance(value, list | tuple):
        return [_numbers(each) for each in value]
    if isinstance(value, float):
        return value if finite(value) == value else None
    return value

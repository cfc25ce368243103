"""Results of a reproduction, one dictionary per statement -> one self-contained HTML page."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from forward_forward.display.numerals import MISSING, estimate, finite, p_value, setting
from forward_forward.report.arms import arms_table, check_rows, comparison_rows, tuning_html
from forward_forward.report.environment import render
from forward_forward.report.figures import figure_html

# The sign of each verdict, so that it reads without colour, and the CSS class of its colour.
VERDICTS = {
    "reproduced": ("✓", "good"),
    "not reproduced": ("✗", "bad"),
    "inconclusive": ("?", "open"),
    "holds by construction": ("≡", "good"),
    "fails by construction": ("≢", "bad"),
}
REQUIRED = (
    *("name", "title", "statement", "source", "scale", "verdict", "rule", "note", "statistic"),
    *("comparisons", "checks", "arms", "figures", "versions", "device", "date"),
)


def page(
    results: Sequence[Mapping[str, Any]], *, title: str, introduction: str = "", rules: str = ""
) -> str:
    """A self-contained HTML page of results.

    Args:
        results: The results of a reproduction, one dictionary per statement, in the order shown.
        title: The page's heading.
        introduction: The text below it; blank lines separate paragraphs.
        rules: How results were judged, shown after the summary; blank lines separate paragraphs.

    Returns:
        The page, identical for identical results.

    Raises:
        ValueError: A result lacks a key or has an unknown verdict, two have the same name, or a
            figure cannot be drawn.

    >>> page([], title="Results").splitlines()[0]
    '<!doctype html>'
    """
    for result in results:
        _check(result)
    anchors = _anchors([str(result["name"]) for result in results])
    sections = [_section(result, anchor) for result, anchor in zip(results, anchors, strict=True)]
    verdicts = Counter(str(result["verdict"]) for result in results)
    return render(
        "page.html",
        title=title,
        introduction=introduction,
        rules=rules,
        sections=sections,
        facts=_facts(results),
        counts=[(verdict, verdicts[verdict]) for verdict in VERDICTS if verdicts[verdict]],
        verdicts=VERDICTS,
    )


def _check(result: Mapping[str, Any]) -> None:
    missing = [key for key in REQUIRED if key not in result]
    if missing:
        raise ValueError(
            f"result {result.get('name', '(without a name)')!r} expects the keys"
            f" {', '.join(REQUIRED)}, but lacks {', '.join(missing)}: run the reproduction again"
        )
    if result["verdict"] not in VERDICTS:
        raise ValueError(
            f"result {result['name']!r} expects a verdict of {', '.join(VERDICTS)}, got"
            f" {result['verdict']!r}"
        )


def _anchors(names: Sequence[str]) -> list[str]:
    """The id of each section: the name, with characters replaced that an id cannot have."""
    anchors = [re.sub(r"[^\w.-]+", "-", name) for name in names]
    twice = sorted(name for name, times in Counter(anchors).items() if times > 1)
    if twice:
        raise ValueError(f"results expect unique names, got {', '.join(twice)} more than once")
    return anchors


def _section(result: Mapping[str, Any], anchor: str) -> dict[str, Any]:
    """The texts, tables and figures of a result's section."""
    statistic, arms = result["statistic"] or {}, result["arms"]
    try:
        return {
            "anchor": anchor,
            "result": result,
            "estimate": _estimate(statistic),
            "p": _p(statistic),
            "figures": [
                figure_html(each, f"{anchor}--{i}") for i, each in enumerate(result["figures"])
            ],
            "conditions": [
                (str(n), setting(v)) for n, v in (result.get("conditions") or {}).items()
            ],
            "comparisons": comparison_rows(result["comparisons"]),
            "checks": check_rows(result["checks"]),
            "arms": arms_table(arms),
            "tuning": tuning_html(arms, f"{anchor}--tuning"),
            "raw": raw_text(result),
        }
    except KeyError as missing:
        raise ValueError(
            f"result {result['name']!r} expects the key {missing} in its comparisons, checks, arms"
            " and their trials: run the reproduction again"
        ) from None
    except ValueError as error:
        raise ValueError(f"result {result['name']!r}: {error}") from error


def _estimate(statistic: Mapping[str, Any]) -> str:
    """The estimate with its interval; for exactness, which has none, the number of checks."""
    if statistic.get("kind") == "exactness" and statistic.get("estimate") is None:
        return str(statistic.get("unit") or MISSING)
    text = estimate(*(statistic.get(key) for key in ("estimate", "low", "high", "unit")))
    # Two one-sided tests at 5 % correspond to a 90 % interval, all other tests to a 95 % one.
    return text.replace(")", "; 90 %)") if statistic.get("kind") == "equivalence" else text


def _p(statistic: Mapping[str, Any]) -> str:
    """The p value after Holm's correction, or else the uncorrected one, marked as such."""
    if "p_holm" in statistic:
        return p_value(statistic["p_holm"])
    uncorrected = p_value(statistic.get("p"))
    return uncorrected if uncorrected == MISSING else f"{uncorrected} (not adjusted)"


def _facts(results: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Where the results come from; values that differ between results are all listed."""
    found = {
        "Scale": {str(result["scale"]) for result in results},
        "Date": {str(result["date"]) for result in results},
        "Device": {str(result["device"]) for result in results},
        "Versions": {
            ", ".join(f"{name} {version}" for name, version in (result["versions"] or {}).items())
            for result in results
        },
    }
    return [(name, "; ".join(sorted(each - {""}))) for name, each in found.items() if each - {""}]


def raw_text(result: Mapping[str, Any]) -> str:
    """A result as JSON, with each arm and figure on a line of its own, without pixels.

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
    """A value without pixels, and with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): _numbers(each) for key, each in value.items() if key != "pixels"}
    if isinstance(value, list | tuple):
        return [_numbers(each) for each in value]
    if isinstance(value, float):
        return value if finite(value) == value else None
    return value

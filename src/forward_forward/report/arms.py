"""Arms, comparisons and checks of a result -> rows of text, settings, and tuning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from forward_forward.report.figures import figure_html
from forward_forward.report.numerals import estimate, number, p_value, plain, setting, spread

Rows = tuple[Sequence[str], Sequence[Sequence[str]]]  # columns, and rows of cells


@dataclass(frozen=True)
class ArmsTable:
    """Rows of text below columns; settings that all arms share are said once."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    shared: Sequence[tuple[str, str]]


def arms_table(arms: Sequence[Mapping[str, Any]]) -> ArmsTable:
    """Errors, seconds, the state at the start and the settings of arms; empty columns are left out.

    Args:
        arms: The arms of a result; errors in percent, times in seconds.

    >>> arm = {"name": "A", "settings": {"lr": 0.1}, "seeds": [0, 1], "errors": [1.0, 2.0]}
    >>> arms_table([arm]).rows
    [['A', '2', '1.50 ± 6.35']]
    """
    settings = [_settings(arm) for arm in arms]
    shared = _shared(settings)
    table = {
        "arm": [str(arm["name"]) for arm in arms],
        "seeds": [str(len(arm.get("seeds") or ())) for arm in arms],
        "test error, %": [spread(arm.get("errors") or ()) for arm in arms],
        "validation error, %": [spread(arm.get("validation_errors") or ()) for arm in arms],
        "seconds": [spread(arm.get("seconds") or (), 1) for arm in arms],
        "threshold": [_start(arm, "threshold") for arm in arms],
        "goodness at start": [_start(arm, "goodness") for arm in arms],
        "slope at start": [_start(arm, "slope") for arm in arms],
        "settings of its own": [_own(each, shared) for each in settings],
    }
    columns, rows = _filled(table)
    return ArmsTable(columns, rows, [(name, setting(value)) for name, value in shared.items()])


def _settings(arm: Mapping[str, Any]) -> dict[str, Any]:
    """An arm's settings, with what is said beside them of its length and of who chose them."""
    beside = {"epochs": "epochs", "images": "images", "settings_from": "settings as tuned for"}
    said = {words: arm[name] for name, words in beside.items() if name in arm}
    return {**(arm.get("settings") or {}), **said}


def _shared(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Settings that are the same in all of several arms; a single arm shares all of its own."""
    if not settings:
        return {}
    first, *others = settings
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def _own(settings: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    return "; ".join(f"{n} {setting(v)}" for n, v in settings.items() if n not in shared)


def _start(arm: Mapping[str, Any], name: str) -> str:
    """A figure of the untrained layers, one a layer."""
    return plain((arm.get("start") or {}).get(name) or None)


def tuning_html(arms: Sequence[Mapping[str, Any]], prefix: str) -> Sequence[Markup]:
    """Validation error against the rate, one series a threshold factor, a figure each tuned arm.

    Args:
        arms: The arms of a result.
        prefix: Begins each id in the figures.
    """
    tuned = [(place, arm) for place, arm in enumerate(arms) if arm.get("tuning")]
    return [figure_html(_tuning_figure(arm), f"{prefix}-{place}") for place, arm in tuned]


def _tuning_figure(arm: Mapping[str, Any]) -> dict[str, Any]:
    series: dict[str, list[Mapping[str, Any]]] = {}
    for trial in arm["tuning"]:
        series.setdefault(_beside_rate(trial), []).append(trial)
    at_end = arm.get("tuning_interior") is False
    return {
        "kind": "curves",
        "small": True,
        "title": arm["name"],
        "caption": "Not all that lies one step beside the settings chosen was tried."
        if at_end
        else "",
        "x_label": "learning rate",
        "y_label": "validation error, %",
        "x_log": True,
        "y_log": False,
        "series": [_tuning_series(name, trials) for name, trials in series.items()],
    }


def _beside_rate(trial: Mapping[str, Any]) -> str:
    """A trial's settings but for its rate, in words: they name its series."""
    others = {name: each for name, each in trial.items() if name not in ("lr", "validation_errors")}
    words = (f"{name.replace('_', ' ')} {setting(each)}" for name, each in sorted(others.items()))
    return ", ".join(words) or "all trials"


def _tuning_series(name: str, trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    trials = sorted(trials, key=lambda trial: float(trial["lr"]))
    errors = [trial["validation_errors"] for trial in trials]
    if len({len(each) for each in errors}) > 1:
        # Trials that were given up early have fewer seeds: seeds make no lines, means do.
        y = [[_mean(each) for each in errors]]
    else:
        y = [list(seed) for seed in zip(*errors, strict=True)]
    return {"name": name, "x": [trial["lr"] for trial in trials], "y": y}


def _mean(errors: Sequence[float | None]) -> float | None:
    known = [each for each in errors if each is not None]
    return sum(known) / len(known) if known and len(known) == len(errors) else None


def comparison_rows(comparisons: Sequence[Mapping[str, Any]]) -> Rows | None:
    """Columns and rows of comparisons between arms; None where there are none.

    >>> comparison_rows([{"name": "A - B", "estimate": 1.0, "low": 0.5, "high": 1.5, "p": 0.01}])[1]
    [['A - B', '1.00 (0.50 to 1.50)', '0.01']]
    """
    table = {
        "comparison": [str(each["name"]) for each in comparisons],
        "estimate (interval)": [_between(each, "low", "high") for each in comparisons],
        "p": [p_value(each.get("p")) for each in comparisons],
        "p by sign flips": [p_value(each.get("sign_flip_p")) for each in comparisons],
        "bootstrap interval": [_bootstrap(each) for each in comparisons],
        "seeds": [number(each.get("seeds")) for each in comparisons],
        "verdict": [plain(each.get("verdict")) for each in comparisons],
    }
    return _filled(table) if comparisons else None


def _between(values: Mapping[str, Any], low: str, high: str) -> str:
    return estimate(values.get("estimate"), values.get(low), values.get(high), values.get("unit"))


def _bootstrap(values: Mapping[str, Any]) -> str:
    """The bootstrap's interval alone: its estimate is that of the t interval."""
    text = _between({**values, "unit": ""}, "bootstrap_low", "bootstrap_high")
    return text.partition("(")[2].rstrip(")") or plain(None)


def check_rows(checks: Sequence[Mapping[str, Any]]) -> Rows | None:
    """Columns and rows of exactness checks; None where there are none.

    >>> check_rows([{"name": "gap", "value": 2e-12, "limit": 1e-9, "passed": True}])[1]
    [['gap', '2 × 10⁻¹²', '10⁻⁹', '✓ passed']]
    """
    table = {
        "check": [str(each["name"]) for each in checks],
        "value": [plain(each.get("value")) for each in checks],
        "limit": [plain(each.get("limit")) for each in checks],
        "outcome": ["✓ passed" if each.get("passed") else "✗ failed" for each in checks],
    }
    return _filled(table) if checks else None


def _filled(table: Mapping[str, Sequence[str]]) -> Rows:
    """Columns that say something, and their rows."""
    said = {name: cells for name, cells in table.items() if set(cells) - {plain(None), ""}}
    return list(said), [list(row) for row in zip(*said.values(), strict=True)]

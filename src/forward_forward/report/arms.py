"""Arms, comparisons and checks of a result -> rows of text, settings, and tuning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from forward_forward.display.numerals import estimate, number, p_value, plain, setting, spread
from forward_forward.report.figures import figure_html

Rows = tuple[Sequence[str], Sequence[Sequence[str]]]  # columns, and rows of cells


class ArmsTable(NamedTuple):
    """Columns and rows of text, and the settings that all arms share."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    shared: Sequence[tuple[str, str]]


def arms_table(arms: Sequence[Mapping[str, Any]]) -> ArmsTable:
    """Errors in percent, seconds, initial state and settings of arms, without empty columns.

    >>> arm = {"name": "A", "settings": {"lr": 0.1}, "seeds": [0, 1], "errors": [1.0, 2.0]}
    >>> arms_table([arm]).rows
    [['A', '2', '1.50 ± 6.35']]
    """
    settings = [_settings(arm) for arm in arms]
    shared = _shared(settings)
    rows = [
        {
            "arm": str(arm["name"]),
            "seeds": str(len(arm.get("seeds") or ())),
            "test error, %": spread(arm.get("errors") or ()),
            "validation error, %": spread(arm.get("validation_errors") or ()),
            "seconds": spread(arm.get("seconds") or (), 1),
            "threshold": _initial(arm, "threshold"),
            "initial goodness": _initial(arm, "goodness"),
            "initial slope": _initial(arm, "slope"),
            "other settings": "; ".join(
                f"{name} {setting(value)}" for name, value in own.items() if name not in shared
            ),
        }
        for arm, own in zip(arms, settings, strict=True)
    ]
    return ArmsTable(*_filled(rows), [(name, setting(value)) for name, value in shared.items()])


def _settings(arm: Mapping[str, Any]) -> dict[str, Any]:
    """An arm's settings, with the length of its training and the arm it was tuned for."""
    more = {"epochs": "epochs", "images": "images", "settings_from": "settings as tuned for"}
    added = {text: arm[name] for name, text in more.items() if name in arm}
    return {**(arm.get("settings") or {}), **added}


def _shared(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Settings that are the same in all arms."""
    first = settings[0] if settings else {}
    return {
        name: value
        for name, value in first.items()
        if all(name in each and each[name] == value for each in settings)
    }


def _initial(arm: Mapping[str, Any], name: str) -> str:
    """A value of each untrained layer."""
    return plain((arm.get("start") or {}).get(name) or None)


def tuning_html(arms: Sequence[Mapping[str, Any]], prefix: str) -> Sequence[Markup]:
    """A figure for each tuned arm, its ids with a prefix: validation error by learning rate."""
    tuned = [(place, arm) for place, arm in enumerate(arms) if arm.get("tuning")]
    return [figure_html(_tuning_figure(arm), f"{prefix}-{place}") for place, arm in tuned]


def _tuning_figure(arm: Mapping[str, Any]) -> dict[str, Any]:
    series: dict[str, list[Mapping[str, Any]]] = {}
    for trial in arm["tuning"]:
        series.setdefault(_other_settings(trial), []).append(trial)
    at_edge = arm.get("tuning_interior") is False
    return {
        "kind": "curves",
        "small": True,
        "title": arm["name"],
        "caption": "Not all neighbours of the chosen settings were tried." if at_edge else "",
        "x_label": "learning rate",
        "y_label": "validation error, %",
        "x_log": True,
        "series": [_tuning_series(name, trials) for name, trials in series.items()],
    }


def _other_settings(trial: Mapping[str, Any]) -> str:
    """A trial's settings except for its learning rate: they name its series."""
    others = {name: each for name, each in trial.items() if name not in ("lr", "validation_errors")}
    texts = (f"{name.replace('_', ' ')} {setting(each)}" for name, each in sorted(others.items()))
    return ", ".join(texts) or "all trials"


def _tuning_series(name: str, trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    trials = sorted(trials, key=lambda trial: float(trial["lr"]))
    errors = [trial["validation_errors"] for trial in trials]
    if len({len(each) for each in errors}) > 1:
        # Trials that were stopped early have fewer seeds: only means can be joined by a line.
        y = [[_mean(each) for each in errors]]
    else:
        y = [list(seed) for seed in zip(*errors, strict=True)]
    return {"name": name, "x": [trial["lr"] for trial in trials], "y": y}


def _mean(errors: Sequence[float | None]) -> float | None:
    present = [each for each in errors if each is not None]
    return sum(present) / len(present) if present and len(present) == len(errors) else None


def comparison_rows(comparisons: Sequence[Mapping[str, Any]]) -> Rows | None:
    """Columns and rows of comparisons between arms; None without comparisons.

    >>> comparison_rows([{"name": "A - B", "estimate": 1.0, "low": 0.5, "high": 1.5, "p": 0.01}])[1]
    [['A - B', '1.00 (0.50 to 1.50)', '0.01']]
    """
    rows = [
        {
            "comparison": str(each["name"]),
            "estimate (interval)": _interval(each, "low", "high", each.get("unit")),
            "p": p_value(each.get("p")),
            "p by sign flips": p_value(each.get("sign_flip_p")),
            "bootstrap interval": _bootstrap(each),
            "seeds": number(each.get("seeds")),
            "verdict": plain(each.get("verdict")),
        }
        for each in comparisons
    ]
    return _filled(rows) if rows else None


def _interval(values: Mapping[str, Any], low: str, high: str, unit: Any = "") -> str:
    return estimate(values.get("estimate"), values.get(low), values.get(high), unit)


def _bootstrap(values: Mapping[str, Any]) -> str:
    """Only the bootstrap's interval: its estimate is that of the t interval."""
    text = _interval(values, "bootstrap_low", "bootstrap_high")
    return text.partition("(")[2].rstrip(")") or plain(None)


def check_rows(checks: Sequence[Mapping[str, Any]]) -> Rows | None:
    """Columns and rows of exactness checks; None without checks.

    >>> check_rows([{"name": "gap", "value": 2e-12, "limit": 1e-9, "passed": True}])[1]
    [['gap', '2 × 10⁻¹²', '10⁻⁹', '✓ passed']]
    """
    rows = [
        {
            "check": str(each["name"]),
            "value": plain(each.get("value")),
            "limit": plain(each.get("limit")),
            "outcome": "✓ passed" if each.get("passed") else "✗ failed",
        }
        for each in checks
    ]
    return _filled(rows) if rows else None


def _filled(rows: Sequence[Mapping[str, str]]) -> Rows:
    """The columns that are not empty, and their rows."""
    empty = {plain(None), ""}
    columns = [name for name in (rows[0] if rows else ()) if {row[name] for row in rows} - empty]
    return columns, [[row[name] for name in columns] for row in rows]

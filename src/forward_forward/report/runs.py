"""Folders of ``ff train``, each with run.json and metrics.jsonl -> one HTML page of them all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from forward_forward.report.environment import environment
from forward_forward.report.figures import figure_html
from forward_forward.report.numerals import MISSING, finite, number, setting

MADE_BY = "forward-forward"
# What run.json says about the outcome; all else in it is a setting or the machine's.
OUTCOMES = (
    "made_by",
    "status",
    "best_epoch",
    "validation_error",
    "seconds",
    "validation_seconds",
    "test",
    "test_error",
    "frame",
    "thresholds",
)


@dataclass(frozen=True)
class RunRead:
    """What a run's folder says: its name on the page, run.json, and one row of figures an epoch."""

    name: str
    about: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]


def runs_page(runs: Sequence[Path | str]) -> str:
    """One HTML page that compares runs of ``ff train``; it loads nothing from elsewhere.

    Args:
        runs: Their folders, at least one.

    Returns:
        The page.

    Raises:
        ValueError: No folder was given, or one holds no run.
    """
    if not runs:
        raise ValueError("runs_page expects at least one run's folder, got none")
    folders = [Path(run) for run in runs]
    named = Counter(folder.resolve().name for folder in folders)
    read = [
        _read(folder, folder.resolve().name if named[folder.resolve().name] == 1 else str(folder))
        for folder in folders
    ]
    names = [run.name for run in read]
    flat = [dict(_flat(_settings(run.about))) for run in read]
    differ, same = _compared(flat)
    return (
        environment()
        .get_template("runs.html")
        .render(
            title=" and ".join(names) if len(names) < 3 else f"{len(names)} runs",
            outcomes=_outcomes(read),
            names=names,
            differ=differ,
            same=same,
            errors=_error_figures(read),
            goodness=[(run.name, _goodness_figures(run, place)) for place, run in enumerate(read)],
        )
    )


def _read(folder: Path, name: str) -> RunRead:
    try:
        about = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        about = None
    if not isinstance(about, dict) or about.get("made_by") != MADE_BY:
        raise ValueError(
            f"expected a run's folder with a run.json of {MADE_BY} in it, got {str(folder)!r}: name"
            " the folder that `ff train --out` printed"
        )
    return RunRead(name, about, _rows(folder / "metrics.jsonl"))


def _rows(path: Path) -> list[dict[str, Any]]:
    """One row an epoch; a line that a crash cut short is left out, a run not begun has none."""
    rows: list[dict[str, Any]] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break
        if not isinstance(row, dict) or "epoch" not in row:
            raise ValueError(
                f"{str(path)!r} expects one JSON object with an 'epoch' a line, got {line[:60]!r}:"
                " is it a file of `ff train`?"
            )
        rows.append(row)
    return rows


def _settings(about: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings by section; what was typed is left out, since all it set is elsewhere."""
    said = {name: value for name, value in about.items() if name not in OUTCOMES}
    for section, name in (("command", "settings"), ("machine", "date")):
        if isinstance(said.get(section), Mapping):
            said[section] = {key: each for key, each in said[section].items() if key != name}
    return said


def _flat(value: Any, name: str = "") -> Sequence[tuple[str, str]]:
    """Nested settings as pairs of a dotted name and text; layers count from 1."""
    if isinstance(value, Mapping):
        inner = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        inner = [(str(place), each) for place, each in enumerate(value, 1)]
    else:
        return [(name, setting(value).strip("'"))]  # parts are written as Python writes them
    return [pair for key, each in inner for pair in _flat(each, f"{name}.{key}".lstrip("."))]


def _compared(
    flat: Sequence[Mapping[str, str]],
) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """Rows of the settings that differ, and those that are the same in all runs."""
    names = list(dict.fromkeys(name for each in flat for name in each))
    sections = list(dict.fromkeys(name.split(".")[0] for name in names))
    names.sort(key=lambda name: sections.index(name.split(".")[0]))
    rows = [[name, *(each.get(name, MISSING) for each in flat)] for name in names]
    differ = [row for row in rows if len(set(row[1:])) > 1 and not _of_missing_layer(row, rows)]
    return differ, [(row[0], row[1]) for row in rows if len(set(row[1:])) == 1]


def _of_missing_layer(row: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a row only repeats that a run lacks a layer, which the row of its block says."""
    layer, _, part = row[0].rpartition(".")
    if not layer.startswith("network.layers.") or part == "block" or MISSING not in row[1:]:
        return False
    return any(other[0] == f"{layer}.block" and MISSING in other[1:] for other in rows)


def _outcomes(runs: Sequence[RunRead]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: errors in percent, times in seconds."""
    columns = [
        "run",
        "status",
        "epochs",
        "best epoch",
        "validation error, %",
        "test error, %",
        "test error by layer, %",
        "seconds",
    ]
    return columns, [
        [
            run.name,
            str(run.about.get("status", MISSING)),
            number(len(run.rows)),
            number(run.about.get("best_epoch")),
            number(run.about.get("validation_error"), 2),
            number(run.about.get("test_error"), 2),
            _by_layer(run.about.get("test") or {}),
            number(run.about.get("seconds"), 1),
        ]
        for run in runs
    ]


def _by_layer(test: Mapping[str, Any]) -> str:
    """Errors of each layer read alone, by goodness or else by the head."""
    errors = test.get("goodness_error_by_layer") or test.get("head_error_by_layer") or [None]
    return ", ".join(number(error, 2) for error in errors)


def _error_figures(runs: Sequence[RunRead]) -> list[Markup]:
    """Validation error of each run, by epoch and by seconds of training."""
    known = [run for run in runs if any("validation_error" in row for row in run.rows)]
    if not known:
        return []
    figures = []
    for x, x_label in (("epoch", "epoch"), ("seconds", "seconds of training")):
        series = [
            {
                "name": run.name,
                "x": [row.get(x) for row in run.rows],
                "y": [[row.get("validation_error") for row in run.rows]],
            }
            for run in known
        ]
        figure = {"kind": "curves", "title": f"Validation error by {x}", "caption": ""}
        labels = {"x_label": x_label, "y_label": "validation error, %", "y_log": True}
        figures.append(figure_html({**figure, **labels, "series": series}, f"error-{x}"))
    return figures


def _goodness_figures(run: RunRead, place: int) -> list[Markup]:
    """Goodness of positives and negatives by epoch, a figure a layer; a line at its threshold."""
    rows = [row for row in run.rows if "goodness_positive" in row and "goodness_negative" in row]
    layers = min((len(row["goodness_positive"]) for row in rows), default=0)
    thresholds = run.about.get("thresholds") or []
    figures = []
    for layer in range(layers):
        level = finite(thresholds[layer]) if layer < len(thresholds) else finite(None)
        figure = {
            "kind": "curves",
            "small": True,
            "title": f"Layer {layer + 1}",
            "caption": "" if level != level else f"Line: the threshold, {number(level)}.",
            "x_label": "epoch",
            "y_label": "goodness",
            "levels": [level],
            "series": [
                {
                    "name": f"{kind}s",
                    "x": [row["epoch"] for row in rows],
                    "y": [[row[f"goodness_{kind}"][layer] for row in rows]],
                }
                for kind in ("positive", "negative")
            ],
        }
        figures.append(figure_html(figure, f"goodness-{place}-{layer}"))
    return figures

"""Folders of ``ff train``, each with run.json and metrics.jsonl -> one HTML page of them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from forward_forward.report.diagnostics import diagnostics
from forward_forward.report.environment import environment
from forward_forward.report.figures import figure_html
from forward_forward.report.numerals import MISSING, number, setting
from forward_forward.report.read import RunRead, SampleFinder, read_run
from forward_forward.track.numbers import settings_of


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
        read_run(
            folder, folder.resolve().name if named[folder.resolve().name] == 1 else str(folder)
        )
        for folder in folders
    ]
    names = [run.name for run in read]
    samples = SampleFinder()
    differ, same = _compared([_settings(run.about) for run in read])
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
            runs=[
                (run.name, diagnostics(run, samples, f"run-{place}"))
                for place, run in enumerate(read, 1)
            ],
        )
    )


def _settings(about: Mapping[str, Any]) -> dict[str, str]:
    return {name: setting(value) for name, value in settings_of(about).items()}


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
        # A logarithmic axis would have gaps where there is no error left.
        errors = [row.get("validation_error") for run in known for row in run.rows]
        labels = {"x_label": x_label, "y_label": "validation error, %", "y_log": 0.0 not in errors}
        figures.append(figure_html({**figure, **labels, "series": series}, f"error-{x}"))
    return figures

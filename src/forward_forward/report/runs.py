"""Folders of ``ff train``, each with run.json and metrics.jsonl -> one HTML page of them all."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from forward_forward.display.numerals import MISSING, number, setting
from forward_forward.forward.graph_block import GraphBlock
from forward_forward.plot.layers import error_curves
from forward_forward.predict import better_layer, read_from
from forward_forward.report.diagnostics import diagnostics
from forward_forward.report.environment import render
from forward_forward.report.figures import figure_html
from forward_forward.report.predicted import predicted
from forward_forward.report.read import RunRead, SampleFinder, read_run
from forward_forward.track.numbers import by_layer, settings_of


def runs_page(runs: Sequence[Path | str]) -> str:
    """A self-contained HTML page that compares runs of ``ff train``, given their folders.

    Raises:
        ValueError: There is no folder, or one holds no run.
    """
    if not runs:
        raise ValueError("runs_page expects at least one run's folder, got none")
    folders = [Path(run) for run in runs]
    names = [folder.resolve().name for folder in folders]
    names = [
        name if names.count(name) == 1 else str(folder)
        for name, folder in zip(names, folders, strict=True)
    ]
    finder = SampleFinder()
    read = [read_run(folder, name, finder) for folder, name in zip(folders, names, strict=True)]
    differ, same = _compared([_settings(run.about) for run in read])
    return render(
        "runs.html",
        title=" and ".join(names) if len(names) < 3 else f"{len(names)} runs",
        outcomes=_outcomes(read),
        names=names,
        differ=differ,
        same=same,
        errors=_error_figures(read),
        runs=[
            (run.name, predicted(run, f"test-{place}"), diagnostics(run, f"run-{place}"))
            for place, run in enumerate(read, 1)
        ],
    )


def _settings(about: Mapping[str, Any]) -> dict[str, str]:
    return {name: setting(value) for name, value in settings_of(about).items()}


def _compared(
    settings: Sequence[Mapping[str, str]],
) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """Rows of the settings that differ, and those that are the same in all runs."""
    names = list(dict.fromkeys(name for each in settings for name in each))
    sections = list(dict.fromkeys(name.split(".")[0] for name in names))
    # What nobody chooses stands last.
    sections.sort(key=lambda section: section in ("checksums", "machine"))
    names.sort(key=lambda name: sections.index(name.split(".")[0]))
    rows = [[name, *(each.get(name, MISSING) for each in settings)] for name in names]
    differ = [row for row in rows if len(set(row[1:])) > 1 and not _of_missing_layer(row, rows)]
    same = [(row[0], _short(row[1])) for row in rows if len(set(row[1:])) == 1]
    shortened = [[row[0], *map(_short, row[1:])] for row in differ]
    # Blocks that differ inside alone are shown in full.
    told = zip(differ, shortened, strict=True)
    return [short if len({*short[1:]}) == len({*row[1:]}) else row for row, short in told], same


def _short(text: str) -> str:
    """A setting without what a block that was traced from a model's code consists of.

    >>> _short("Sequential(GraphBlock(parts=Sequential(), steps=()), ReLU())")
    'Sequential(GraphBlock, ReLU())'
    """
    if GraphBlock.__name__ not in text:
        return text
    try:
        return ast.unparse(_Shorter().visit(ast.parse(text, mode="eval")))
    except SyntaxError:  # the name is in a path or the like
        return text


class _Shorter(ast.NodeTransformer):
    """Replaces the call that makes a `GraphBlock` by the class's name."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == GraphBlock.__name__:
            return node.func
        return self.generic_visit(node)


def _of_missing_layer(row: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a row only repeats that a run lacks a layer, which its row of the block shows."""
    layer, _, name = row[0].rpartition(".")
    if not layer.startswith("network.layers.") or name == "block" or MISSING not in row[1:]:
        return False
    return any(other[0] == f"{layer}.block" and MISSING in other[1:] for other in rows)


def _outcomes(runs: Sequence[RunRead]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: errors in percent or of numbers, times in seconds."""
    unit = " or ".join(dict.fromkeys(run.unit for run in runs))
    rows = [
        {
            "run": run.name,
            "status": str(run.about.get("status", MISSING)),
            "epochs": number(len(run.rows)),
            "best epoch": number(run.about.get("best_epoch")),
            f"validation error, {unit}": run.error(run.about.get("validation_error")),
            f"test error, {unit}": run.error(run.about.get("test_error")),
            f"test error by layer, {unit}": _by_layer(run),
            "labels read from": _read_from(run),
            "seconds": number(run.about.get("seconds"), 1),
        }
        for run in runs
    ]
    return list(rows[0]), [list(row.values()) for row in rows]


def _read_from(run: RunRead) -> str:
    """The layers whose goodness is read, and the layer that alone is better, if there is one."""
    if "goodness_error" not in (run.about.get("test") or {}):
        return MISSING
    better = better_layer(run.about, run.rows)
    more = "" if better is None else f"; layer {better[0]} alone is better on validation data"
    return read_from(run.about) + more


def _by_layer(run: RunRead) -> str:
    """Error of each layer alone, by its goodness or else by the head."""
    test = run.about.get("test") or {}
    names = (f"{reading}_by_layer" for reading in ("rmse", "goodness_error", "head_error"))
    found = (by_layer(test, name, run.about) for name in names)
    errors = next((each for each in found if each), {1: None})
    return ", ".join(map(run.error, errors.values()))


def _error_figures(runs: Sequence[RunRead]) -> list[Markup]:
    """Validation error of each run, by epoch and by seconds of training."""
    errors = {run.name: [row.get("validation_error") for row in run.rows] for run in runs}
    present = [run for run in runs if set(errors[run.name]) - {None}]
    figures = []
    for x, x_label in (("epoch", "epoch"), ("seconds", "seconds of training")) if present else ():
        series = [
            {"name": run.name, "x": [row.get(x) for row in run.rows], "y": [errors[run.name]]}
            for run in present
        ]
        unit = " or ".join(dict.fromkeys(run.unit for run in present))
        figure = error_curves(f"Validation error by {x}", "", series, unit, x_label=x_label)
        figures.append(figure_html(figure, f"error-{x}"))
    return figures

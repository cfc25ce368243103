"""Outcomes -> figures in plain values, as reports draw them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from forward_forward.lab.reproduce.arms import ArmResult

Figure = dict[str, Any]


def points(title: str, outcomes: Iterable[ArmResult], names: Iterable[str] | None = None) -> Figure:
    """Test errors of all runs, a row an arm.

    Args:
        title: Of the figure.
        outcomes: The arms.
        names: What the rows are called; None for the arms' own names.
    """
    outcomes = list(outcomes)
    values = [error for outcome in outcomes for error in outcome.errors]
    rows = zip(names or [outcome.arm.name for outcome in outcomes], outcomes, strict=True)
    return {
        "kind": "points",
        "title": title,
        "caption": "",
        "x_label": "test error, %",
        # Arms that fail would press the others into a corner.
        "log": min(values) > 0 and max(values) > 8 * min(values),
        "groups": [{"name": name, "values": outcome.errors} for name, outcome in rows],
    }


def curves(
    title: str,
    outcomes: Iterable[ArmResult],
    seconds: Callable[[ArmResult], float] | None = None,
    **more: Any,
) -> Figure:
    """Validation error during training, of all runs.

    Args:
        title: Of the figure.
        outcomes: The arms.
        seconds: Those of an epoch of an arm, to draw against seconds; None draws against epochs.
        more: What else the figure says.
    """
    return {
        "kind": "curves",
        "title": title,
        "caption": "",
        "x_label": "epochs" if seconds is None else "seconds of training",
        "y_label": "validation error, %",
        "x_log": True,
        "y_log": True,
        "series": [
            _series(outcome, 1.0 if seconds is None else seconds(outcome)) for outcome in outcomes
        ],
        **more,
    }


def _series(outcome: ArmResult, epoch: float) -> dict[str, Any]:
    records = [outcome.records[seed] for seed in outcome.seeds]
    # A run that diverged has fewer points; its error at the end stands at the end all the same.
    longest = max((record["curve"]["epochs"] for record in records), key=len)
    ends = [*longest, records[0]["job"]["epochs"]]
    rows = [
        [
            *record["curve"]["errors"],
            *[None] * (len(longest) - len(record["curve"]["errors"])),
            record["validation_error"],
        ]
        for record in records
    ]
    return {
        "name": outcome.arm.name,
        "x": [round(epoch * end, 4) for end in ends],
        "y": rows,
    }


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str
) -> Figure:
    """A table."""
    return {
        "kind": "table",
        "title": title,
        "caption": caption,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
    }


def errors_in_words(outcomes: Mapping[str, ArmResult]) -> str:
    """The arms' mean test errors in a sentence, lowest first."""
    ordered = sorted(outcomes.values(), key=lambda outcome: statistics.fmean(outcome.errors))
    words = ", ".join(f"{each.arm.name} {statistics.fmean(each.errors):.2f} %" for each in ordered)
    return f"Mean test errors: {words}."

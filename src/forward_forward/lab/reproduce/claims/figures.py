"""Results of arms -> figures in plain values, as reports draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from forward_forward.lab.reproduce.arms import ArmResult

Figure = dict[str, Any]


def points(title: str, arms: Iterable[ArmResult], names: Iterable[str] | None = None) -> Figure:
    """Test errors of all runs, one row for each arm; ``names`` replace the arms' own."""
    arms = list(arms)
    values = [error for arm in arms for error in arm.errors]
    rows = zip(names or [arm.name for arm in arms], arms, strict=True)
    return {
        "kind": "points",
        "title": title,
        "caption": "",
        "x_label": "test error, %",
        # On a linear axis an arm that fails would leave no space for the others.
        "log": min(values) > 0 and max(values) > 8 * min(values),
        "groups": [{"name": name, "values": arm.errors} for name, arm in rows],
    }


def curves(
    title: str,
    arms: Iterable[ArmResult],
    seconds: Callable[[ArmResult], float] | None = None,
    **more: Any,
) -> Figure:
    """Validation error of all runs during training, by epochs or, given an epoch's, seconds.

    ``more`` are further entries of the figure.
    """
    return {
        "kind": "curves",
        "title": title,
        "caption": "",
        "x_label": "epochs" if seconds is None else "seconds of training",
        "y_label": "validation error, %",
        "x_log": True,
        "y_log": True,
        "series": [_series(arm, 1.0 if seconds is None else seconds(arm)) for arm in arms],
        **more,
    }


def _series(arm: ArmResult, epoch: float) -> dict[str, Any]:
    records = [arm.records[seed] for seed in arm.seeds]
    # A run that diverged has fewer points; its final error is still drawn at the end.
    longest = max((record["curve"]["epochs"] for record in records), key=len)
    ends = [*longest, records[0]["job"]["epochs"]]
    rows = []
    for record in records:
        errors = record["curve"]["errors"]
        missing = [None] * (len(longest) - len(errors))
        rows.append([*errors, *missing, record["validation_error"]])
    return {"name": arm.name, "x": [round(epoch * end, 4) for end in ends], "y": rows}


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


def mean_errors(arms: Mapping[str, ArmResult]) -> str:
    """The arms' mean test errors in a sentence, lowest first."""
    ordered = sorted(arms.values(), key=lambda arm: arm.mean_error)
    errors = ", ".join(f"{arm.name} {arm.mean_error:.2f} %" for arm in ordered)
    return f"Mean test errors: {errors}."

"""Predictions of samples -> a CSV file of them, with the probability of every class."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forward_forward.files import write as write_file

Answered = tuple[Mapping[str, Any], Mapping[str, Any]]  # origin, and what is predicted


def write(
    out: str,
    answers: Sequence[Answered],
    files: Sequence[str],
    table: Mapping[str, Any] | None,
) -> None:
    """Write a line for each sample: where it comes from, its label or number, probabilities.

    Args:
        out: The file, which is replaced.
        answers: The samples' origins and predictions.
        files: The tables or pictures that the samples come from.
        table: The layout in run.json, to begin each line with the columns of the tables.

    Raises:
        ValueError: A table has a column that is called like one of predictions.
    """
    import pandas

    origins = pandas.DataFrame([origin for origin, _ in answers])
    first = origins if table is None else _inputs(table, files)
    found = _predictions([answer for _, answer in answers])
    if twice := [name for name in found if name in first]:
        fix = "rename it, or omit --with-inputs"
        raise ValueError(f"expected no column {twice[0]!r} among the inputs, got one: {fix}")
    text = pandas.concat([first, found], axis=1).to_csv(index=False)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    write_file(Path(out), text.encode())
    print(f"written: {out}", file=sys.stderr)


def _inputs(table: Mapping[str, Any], files: Sequence[str]) -> Any:
    """All columns of the tables, one below the other, as their files write them."""
    import pandas

    from forward_forward.data.tables.layout import TableLayout

    layout = TableLayout.from_json(table)
    opened = [layout.open(path) for path in files]
    return pandas.concat([each.cells(each.names) for each in opened], ignore_index=True)


def _predictions(answers: Sequence[Mapping[str, Any]]) -> Any:
    import pandas

    if "predicted" in answers[0]:
        return pandas.DataFrame({"predicted": [each["predicted"] for each in answers]})
    chances = pandas.DataFrame([each["probabilities"] for each in answers])
    found = chances.add_prefix("probability_")
    found.insert(0, "predicted", [each["label"] for each in answers])
    return found

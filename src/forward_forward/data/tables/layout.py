"""A table -> inputs float32 [n, features], labels [n], and how columns become inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from forward_forward.data.tables.cells import OpenTable, open_table
from forward_forward.data.tables.column import COUNTS, Array, Column, fitted, numbers, text

Task = Literal["classes", "regression"]

FEW = 20  # different whole numbers of a target that are always classes


@dataclass(frozen=True)
class TableLayout:
    """How the rows of a table become inputs: fitted to the training table, kept with its run."""

    columns: tuple[Column, ...]  # those that are read, in the order of the inputs
    target: str  # the column of labels
    left_out: Mapping[str, str] = field(default_factory=dict)  # the reason why each is no input
    header: bool = True  # whether the file names its columns; else they are numbered from 1
    decimal: str = "."  # the decimal sign if a file of new rows leaves it open
    real: bool = False  # whether the target is a number to predict, rather than a class

    def inputs(self) -> list[dict[str, Any]]:
        """What each input is, for programs: the column, and which text or number of it.

        >>> TableLayout((Column("age"), Column("sex", ("f", "m"))), "ill").inputs()[1:]
        [{'column': 'sex', 'is': 'f'}, {'column': 'sex', 'is': 'm'}]
        """
        return [each for column in self.columns for each in column.inputs()]

    def describe(self) -> list[str]:
        """What becomes of each column, one sentence each; plain numbers share one.

        >>> TableLayout((Column("age"), Column("sex", ("f", "m"))), "ill").describe()[1]
        "the column 'sex': text, one input for each of its 2 values: f, m"
        """
        plain = [repr(each.name) for each in self.columns if not each.describe()]
        told = [f"numbers, one input each: {', '.join(plain)}"] if plain else []
        kinds = {each.name: each.describe() for each in self.columns}
        told += [f"the column {name!r}: {kind}" for name, kind in kinds.items() if kind]
        left_out = self.left_out.items()
        return told + [f"the column {name!r} is left out: {reason}" for name, reason in left_out]

    def encode(self, table: Any) -> Array:
        """The rows of a file or frame, which may have other columns too, as [n, features] float32.

        Raises:
            ValueError: A column is missing, or a cell is not a number, date or known category.
        """
        return self._encode(*self.read(table))

    def read(self, what: Any, *verbatim: str) -> tuple[OpenTable, Any]:
        """Open a table that should have these columns; and its cells, those of text verbatim."""
        table = open_table(what, [each.name for each in self.columns], self.decimal)
        count = 1 + len(self.columns) + len(self.left_out)
        if not self.header and not table.header and len(table.names) == count - 1:
            # Columns are numbered, and there is one less: new rows without the labels.
            numbered = [str(place) for place in range(1, count + 1) if str(place) != self.target]
            table = replace(table, names=tuple(numbered))
        for name in (*(each.name for each in self.columns), *verbatim):
            if name not in table.names:
                expected = f"expected the columns of the training data in {table.path!r}"
                found = f"got none called {name!r} among {', '.join(table.names)}"
                raise ValueError(f"{expected}, {found}")
        texts = {each.name for each in self.columns if each.categories or each.date}
        return table, table.cells(texts | {*verbatim})

    def _encode(self, table: OpenTable, cells: Any) -> Array:
        return np.concatenate([each.encode(table, cells[each.name]) for each in self.columns], 1)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TableLayout:
        """A layout from `as_json`, or from a run of version 0.1, which gave no reasons."""
        left_out = values["left_out"]
        if not isinstance(left_out, Mapping):
            left_out = dict.fromkeys(left_out, COUNTS)
        columns = tuple(Column.from_json(each) for each in values["columns"])
        return cls(**{**values, "columns": columns, "left_out": left_out})


class Rows(NamedTuple):
    """A table of labelled rows: inputs float32 [n, features], labels [n] as numbers or text.

    Labels are real-valued targets if the layout says so.
    """

    inputs: Array
    labels: list[Any]
    layout: TableLayout
    notes: list[str]


def read_table(
    what: Any,
    target: str | int | None = None,
    layout: TableLayout | None = None,
    task: Task | None = None,
) -> Rows:
    """Read a table of labelled rows.

    Args:
        what: A file that ends in one of `ENDINGS`, a folder of parquet files, or a frame.
        target: The column of labels; None takes the one named like one of `TARGETS`,
            or else the last.
        layout: How the columns become inputs; None finds it from the whole table.
        task: Whether the target is of "classes" or a number to predict ("regression"); None decides
            by `is_real`.

    Returns:
        Inputs, labels, the layout, and what was recognised, in words.

    Raises:
        ValueError: There is no such column, a label is missing, or a cell does not fit its column;
            the message names the line and the column.
    """
    if layout is None:
        table = open_table(what)
        target = table.target(target)
        cells = table.cells({target})
        real = task == "regression"
        if task is None:
            real = is_real(numbers(cells[target], table.decimal))
        layout = replace(_fitted(table, target, cells), real=real)
    else:
        target = layout.target if target is None else str(target)
        table, cells = layout.read(what, target)
    labels = _labels(table, target, cells[target], layout.real)
    notes = [] if table.dialect is None else table.dialect.describe()
    if layout.real:
        how = "numbers to predict (for classes: --task classes)"
        notes.append(f"the target {target!r} holds {how}")
    return Rows(layout._encode(table, cells), labels, layout, [*notes, *layout.describe()])


def _fitted(table: OpenTable, target: str, cells: Any) -> TableLayout:
    found = {name: fitted(table, name, cells[name]) for name in table.names if name != target}
    columns = tuple(each for each in found.values() if isinstance(each, Column))
    left_out = {name: each for name, each in found.items() if isinstance(each, str)}
    if not columns:
        reasons = "; ".join(f"{name!r} is left out: {reason}" for name, reason in left_out.items())
        raise ValueError(f"expected a column of inputs in {table.path!r}, got none: {reasons}")
    return TableLayout(columns, target, left_out, table.header, table.decimal)


def is_real(values: Array) -> bool:
    """Whether the numbers of a target are to be predicted as such, rather than as classes.

    They are if any has a fraction, or if they are more than `FEW` different whole numbers which
    occur less than `FEW` times each on average.

    Args:
        values: The target [n]; NaN where it is text or missing.

    >>> is_real(np.array([0.5, 1.0])), is_real(np.arange(100)), is_real(np.arange(100) % 3)
    (True, True, False)
    """
    if not np.isfinite(values).all():
        return False
    different = len(np.unique(values))
    fractions = bool((values != np.round(values)).any())
    return fractions or (different > FEW and len(values) < FEW * different)


def _labels(table: OpenTable, target: str, column: Any, real: bool) -> list[Any]:
    texts = text(column)
    where = f"in column {target!r} of {table.path!r}"
    if (missing := texts.isin(("", "nan"))).any():
        place = table.place(int(np.flatnonzero(missing)[0]))
        fix = "label the row, or leave it out"
        raise ValueError(f"{place}: expected a label {where}, got a blank cell: {fix}")
    values = numbers(column, table.decimal)
    finite = np.isfinite(values)
    if real and not finite.all():
        place = table.place(int(np.flatnonzero(~finite)[0]))
        found = f"got {texts.iloc[int(np.flatnonzero(~finite)[0])]!r}"
        raise ValueError(f"{place}: expected a number {where}, {found}: leave the row out")
    if real:
        return values.tolist()  # type: ignore[no-any-return]
    if not finite.all():
        return list(texts)
    if not (values == np.round(values)).all():
        found = f"got real numbers such as {values[values != np.round(values)][0]}"
        fix = "name the column of labels (target), or predict numbers with --task regression"
        raise ValueError(f"expected classes {where}, {found}: {fix}")
    return values.astype(np.int64).tolist()  # type: ignore[no-any-return]

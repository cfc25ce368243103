"""A table -> inputs float32 [n, features], labels [n], and how columns become inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from forward_forward.data.tables.cells import OpenTable, nearest, open_table
from forward_forward.data.tables.column import Array, Column, fitted, numbers
from forward_forward.data.tables.labels import is_real, labels_of, unlabelled
from forward_forward.data.tables.missing import Missing, refuse_missing, without_missing
from forward_forward.data.tables.row_numbers import COUNTS

Task = Literal["classes", "regression"]

DROPPED = "as you asked (drop)"


@dataclass(frozen=True)
class TableLayout:
    """How the rows of a table become inputs: fitted to the training table, kept with its run."""

    columns: tuple[Column, ...]  # those that are read, in the order of the inputs
    target: str  # the column of labels
    left_out: Mapping[str, str] = field(default_factory=dict)  # the reason why each is no input
    header: bool = True  # whether the file names its columns; else they are numbered from 1
    decimal: str = "."  # the decimal sign if a file of new rows leaves it open
    real: bool = False  # whether the target is a number to predict, rather than a class
    missing: Missing = "impute"  # "drop" leaves out rows that are labelled and have missing cells

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

    def open(self, what: Any, *more: str) -> OpenTable:
        """Open a table that should have these columns, and some more.

        Raises:
            ValueError: A column is missing.
        """
        names = [each.name for each in self.columns]
        header = None if self.header else False
        table = self._numbered(open_table(what, names, self.decimal, header))
        for name in (*names, *more):
            if name not in table.names:
                expected = f"expected the columns of the training data in {table.path!r}"
                found = f"got none called {name!r} among {', '.join(table.names)}"
                near = nearest(name, set(table.names).difference(names))
                fix = "" if near is None else f": is it {near!r}? Rename it"
                raise ValueError(f"{expected}, {found}{fix}")
        return table

    def read(self, what: Any, *verbatim: str) -> tuple[OpenTable, Any]:
        """Open a table that should have these columns; and its cells, those of text verbatim."""
        table = self.open(what, *verbatim)
        texts = {each.name for each in self.columns if each.categories or each.date}
        return table, table.cells(texts | {*verbatim})

    def _numbered(self, table: OpenTable) -> OpenTable:
        """A table without a header, its columns numbered as in training though some are absent."""
        if self.header or table.header:
            return table
        numbers = range(1, 2 + len(self.columns) + len(self.left_out))
        for absent in ((), (self.target,), (self.target, *self.left_out), tuple(self.left_out)):
            names = tuple(str(place) for place in numbers if str(place) not in absent)
            if len(names) == len(table.names):
                return replace(table, names=names)
        return table

    def _encode(self, table: OpenTable, cells: Any) -> Array:
        if self.missing == "error":
            refuse_missing(table, cells, [each.name for each in self.columns])
        return np.concatenate([each.encode(table, cells[each.name]) for each in self.columns], 1)

    def _complete(
        self, table: OpenTable, cells: Any, target: str
    ) -> tuple[OpenTable, Any, list[str]]:
        """The rows that are left of labelled ones, and a note if some are not."""
        if self.missing != "drop":
            return table, cells, []
        names = [each.name for each in self.columns]
        return without_missing(table, cells, names, unlabelled(cells[target]))

    def _refitted(self, table: OpenTable, cells: Any) -> TableLayout:
        """The layout with its columns fitted to fewer rows; those left out stay so."""
        found = {each.name: fitted(table, each.name, cells[each.name]) for each in self.columns}
        columns = tuple(each for each in found.values() if isinstance(each, Column))
        more = {name: each for name, each in found.items() if isinstance(each, str)}
        return replace(self, columns=columns, left_out={**self.left_out, **more})

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
    *,
    drop: Sequence[str | int] = (),
    missing: Missing = "impute",
) -> Rows:
    """Read a table of labelled rows.

    Args:
        what: A file that ends in one of `ENDINGS`, a folder of parquet files, or a frame.
        target: The column of labels; None takes the one named like one of `TARGETS`,
            or else the last.
        layout: How the columns become inputs; None finds it from the whole table.
        task: Whether the target is of "classes" or a number to predict ("regression"); None decides
            by `is_real`.
        drop: Columns that are no inputs. Like the next, it is for a table without a layout.
        missing: What to do with missing cells of the inputs: "impute" them as `Column` says, "drop"
            the rows that have one or no label, or take them for an "error".

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
        layout = replace(_fitted(table, target, cells, drop), missing=missing)
        table, cells, dropped = layout._complete(table, cells, target)
        if dropped:
            layout = layout._refitted(table, cells)
        real = task == "regression"
        if task is None:
            real = is_real(numbers(cells[target], table.decimal))
        layout = replace(layout, real=real)
    else:
        target = layout.target if target is None else str(target)
        table, cells, dropped = layout._complete(*layout.read(what, target), target)
    labels = labels_of(table, target, cells[target], layout.real)
    notes = [*([] if table.dialect is None else table.dialect.describe()), *dropped]
    if layout.real:
        how = "numbers to predict (for classes: --task classes)"
        notes.append(f"the target {target!r} holds {how}")
    return Rows(layout._encode(table, cells), labels, layout, [*notes, *layout.describe()])


def _fitted(table: OpenTable, target: str, cells: Any, drop: Sequence[str | int]) -> TableLayout:
    dropped = {table.column(each, "columns to leave out (drop)") for each in drop}
    if target in dropped:
        fix = "leave another column out, or name the column of labels (target)"
        raise ValueError(f"expected inputs to leave out (drop), got the labels {target!r}: {fix}")
    found = {
        name: DROPPED if name in dropped else fitted(table, name, cells[name])
        for name in table.names
        if name != target
    }
    columns = tuple(each for each in found.values() if isinstance(each, Column))
    left_out = {name: each for name, each in found.items() if isinstance(each, str)}
    if not columns:
        reasons = "; ".join(f"{name!r} is left out: {reason}" for name, reason in left_out.items())
        raise ValueError(f"expected a column of inputs in {table.path!r}, got none: {reasons}")
    return TableLayout(columns, target, left_out, table.header, table.decimal)

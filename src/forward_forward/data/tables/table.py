"""A CSV or parquet file, or a frame, in; inputs [n, features], labels [n] and their layout out.

A table is read twice: to see what its columns are, and to encode them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forward_forward.data.tables.cells import TARGETS, Cells, Chunk, cells_of, numbers

ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".pq")

# What pandas calls the column of the numbers of a frame's rows, which would tell the label wherever
# the rows are in order.
INDEX = re.compile(r"|Unnamed: \d+|__index_level_\d+__")

CATEGORIES = 50  # more different texts than this are no categories, but names or notes

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Column:
    """One column of inputs: numbers, or text with these categories, one input each.

    ``offset`` is subtracted from numbers before they become float32, which could not tell apart
    large ones that lie close together, such as times.
    """

    name: str
    categories: tuple[str, ...] | None = None
    offset: float = 0.0


@dataclass(frozen=True)
class Layout:
    """How the rows of a table become inputs.

    Args:
        columns: Those that are read, in the order of the inputs.
        target: The column of labels.
        left_out: Columns that number the rows of a frame, which are no inputs.
        header: Whether the file names its columns; else they are called by their places, from 1.
    """

    columns: tuple[Column, ...]
    target: str
    left_out: tuple[str, ...] = ()
    header: bool = True

    @property
    def features(self) -> int:
        """Inputs in a row."""
        return sum(1 if each.categories is None else len(each.categories) for each in self.columns)

    def inputs(self) -> list[dict[str, Any]]:
        """What each input is, in words that a program reads: the column, and which text of it.

        >>> Layout((Column("age"), Column("sex", ("f", "m"))), "ill").inputs()[1:]
        [{'column': 'sex', 'is': 'f'}, {'column': 'sex', 'is': 'm'}]
        """
        return [
            each
            for column in self.columns
            for each in (
                [{"column": column.name, "minus": column.offset}]
                if column.categories is None
                else [{"column": column.name, "is": text} for text in column.categories]
            )
        ]

    def encode(self, table: Any) -> Array:
        """The rows of a table, which may have other columns too, such as that of the labels.

        Args:
            table: The file, or a frame.

        Returns:
            Inputs float32 [n, features].

        Raises:
            ValueError: A column is missing, or a cell is no number or no known category.
        """
        cells = cells_of(table)
        missing = [each.name for each in self.columns if each.name not in cells.names]
        if missing:
            found = ", ".join(cells.names)
            raise ValueError(
                f"expected the columns of the training data in {cells.path!r}, got none called"
                f" {missing[0]!r} among {found}"
            )
        places = [cells.names.index(each.name) for each in self.columns]
        parts = []
        for chunk in cells.chunks():
            pairs = zip(self.columns, places, strict=True)
            encoded = [_encoded(cells, chunk, each, place) for each, place in pairs]
            parts.append(np.concatenate(encoded, 1))
        if not parts:
            raise ValueError(f"expected a table with rows, got none in {cells.path!r}")
        return np.concatenate(parts)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Layout:
        columns = (
            Column(
                each["name"],
                None if each["categories"] is None else tuple(each["categories"]),
                each["offset"],
            )
            for each in values["columns"]
        )
        return cls(tuple(columns), values["target"], tuple(values["left_out"]), values["header"])


def read_table(what: Any, target: str | None = None) -> tuple[Array, list[Any], Layout]:
    """Read a table of labelled rows.

    A column is one of numbers where at least half of its cells are; then all must be. Any other is
    text, and each of its categories becomes an input that is 0 or 1.

    Args:
        what: A file that ends in one of `ENDINGS`, or a frame.
        target: The column of labels; None takes the one that is called as one of `TARGETS`, and
            where none is, the last.

    Returns:
        Inputs float32 [n, features], labels [n] as numbers or text, and the layout.

    Raises:
        ValueError: No such column, a missing value, or text that is too varied; the message names
            the line and the column.
    """
    cells = cells_of(what)
    target = _target(cells, target)
    surveys = {name: _Survey() for name in cells.names}
    labels: list[Array] = []
    for chunk in cells.chunks():
        for name, column, survey in zip(cells.names, chunk.columns, surveys.values(), strict=True):
            survey.add(chunk.places, column)
            if name == target:
                labels.append(column)
    if not labels:
        raise ValueError(f"expected a table with rows, got none in {cells.path!r}")
    numbering = tuple(name for name in cells.names if INDEX.fullmatch(name) and name != target)
    read = [name for name in cells.names if name not in (target, *numbering)]
    if not read:
        raise ValueError(f"expected a column of inputs in {cells.path!r}, got none but {numbering}")
    layout = Layout(
        tuple(_column(cells, name, surveys[name]) for name in read), target, numbering, cells.header
    )
    return layout.encode(what), _labels(cells, target, surveys[target], labels), layout


class _Survey:
    """What a column holds: how many numbers, which texts, and where the first odd cell stands."""

    def __init__(self) -> None:
        self.rows = self.numeric = 0
        self.texts: set[str] = set()
        self.odd: tuple[str, str] | None = None
        self.blank: str | None = None
        self.low, self.high = np.inf, -np.inf

    @property
    def offset(self) -> float:
        """The middle of the numbers, where they are far from 0 and close together; else 0."""
        middle = (self.low + self.high) / 2
        return middle if abs(middle) > 100 * (self.high - self.low) else 0.0

    def add(self, places: Sequence[str], column: Array) -> None:
        values, good = numbers(column)
        if good.any():
            self.low = min(self.low, float(values[good].min()))
            self.high = max(self.high, float(values[good].max()))
        self.rows += len(column)
        self.numeric += int(good.sum())
        for row in np.nonzero(~good)[0].tolist():
            text = str(column[row]).strip()
            if self.odd is None:
                self.odd = places[row], text
            if self.blank is None and text in ("", "nan"):
                self.blank = places[row]
        if column.dtype == object and len(self.texts) <= CATEGORIES:
            self.texts |= {str(cell).strip() for cell in column}

    @property
    def is_numeric(self) -> bool:
        return 2 * self.numeric >= self.rows


def _target(cells: Cells, target: str | None) -> str:
    if len(cells.names) < 2:
        raise ValueError(
            f"expected a column of labels and one or more of inputs in {cells.path!r}, got"
            f" {cells.names}: are the cells parted by one of comma, semicolon, tab or bar?"
        )
    if target is None:
        named = [name for name in cells.names if name.lower() in TARGETS]
        return named[0] if named else cells.names[-1]
    if target not in cells.names:
        raise ValueError(
            f"expected the column of labels among {', '.join(cells.names)}, got {target!r}"
        )
    return target


def _column(cells: Cells, name: str, survey: _Survey) -> Column:
    where = f"column {name!r} of {cells.path!r}"
    if survey.is_numeric:
        if survey.odd is not None:
            place, text = survey.odd
            count = survey.rows - survey.numeric
            raise ValueError(
                f"{place}: expected a number in {where}, got {text!r}, and so in {count:,} of"
                f" {survey.rows:,} rows: fill in what is missing, or leave such rows out"
            )
        return Column(name, offset=survey.offset)
    if survey.blank is not None:
        raise ValueError(
            f"{survey.blank}: expected text in {where}, got a blank cell: fill it in, or leave the"
            " row out"
        )
    if len(survey.texts) > CATEGORIES:
        raise ValueError(
            f"expected at most {CATEGORIES} different texts in {where}, got more: leave a column of"
            " names or notes out, or turn it into numbers"
        )
    return Column(name, tuple(sorted(survey.texts)))


def _labels(cells: Cells, target: str, survey: _Survey, parts: list[Array]) -> list[Any]:
    if survey.blank is not None:
        raise ValueError(
            f"{survey.blank}: expected a label in column {target!r} of {cells.path!r}, got a blank"
            " cell: label the row, or leave it out"
        )
    column = np.concatenate(parts)
    if survey.numeric < survey.rows:
        return [str(cell).strip() for cell in column]
    values = column.astype(np.float64)
    if not (values == np.round(values)).all():
        raise ValueError(
            f"expected classes in column {target!r} of {cells.path!r}, got real numbers such as"
            f" {values[values != np.round(values)][0]}: name the column of labels (target), or put"
            " the values into classes first"
        )
    return values.astype(np.int64).tolist()  # type: ignore[no-any-return]


def _encoded(cells: Cells, chunk: Chunk, column: Column, place: int) -> Array:
    """A column's part of the inputs, float32 [rows, 1 or categories]."""
    found = chunk.columns[place]
    where = f"column {column.name!r} of {cells.path!r}"
    if column.categories is None:
        values, good = numbers(found)
        if not good.all():
            row = int(np.nonzero(~good)[0][0])
            raise ValueError(
                f"{chunk.places[row]}: expected a number in {where}, got {str(found[row])!r}"
            )
        with np.errstate(over="ignore"):
            scaled = (values - column.offset).astype(np.float32)
        if not np.isfinite(scaled).all():
            row = int(np.nonzero(~np.isfinite(scaled))[0][0])
            raise ValueError(
                f"{chunk.places[row]}: expected a number that float32 can hold in {where}, got"
                f" {found[row]}: divide the column, or take its logarithm"
            )
        return scaled[:, None]
    numbered = {text: number for number, text in enumerate(column.categories)}
    encoded = np.zeros((len(found), len(numbered)), dtype=np.float32)
    for row, cell in enumerate(found):
        number = numbered.get(str(cell).strip())
        if number is None:
            raise ValueError(
                f"{chunk.places[row]}: expected one of {', '.join(column.categories)} in {where},"
                f" got {str(cell).strip()!r}"
            )
        encoded[row, number] = 1
    return encoded

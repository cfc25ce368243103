"""A CSV or parquet file, or a frame, in; its column names, and its cells in chunks of rows, out."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from forward_forward.data.tables.frames import FRAME, is_frame, rows_of

ROWS = 10_000  # rows at a time: the file itself may be larger than memory

DELIMITERS = ",;\t|"

# What the column of labels is often called.
TARGETS = ("target", "label", "labels", "class", "y")


class Chunk(NamedTuple):
    """Some rows of a table: a column is float64, or text (object); ``places`` name the rows."""

    places: Sequence[str]
    columns: list[np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Cells:
    """A table, read anew by each pass.

    Args:
        path: The file, or what messages call a frame.
        names: Of its columns.
        header: Whether the file itself names them, in its first row.
        frame: The frame, where there is no file.
    """

    path: str
    names: tuple[str, ...]
    header: bool = True
    frame: Any = None

    def chunks(self) -> Iterator[Chunk]:
        """All rows, some thousands at a time.

        Raises:
            ValueError: A row has more or fewer cells than the first; the message names its line.
        """
        if self.frame is not None:
            starts = range(0, len(self.frame), ROWS)
            return (Chunk(*rows_of(self.frame.iloc[at : at + ROWS], at)) for at in starts)
        return _parquet_chunks(self) if is_parquet(self.path) else self._csv_chunks()

    def _csv_chunks(self) -> Iterator[Chunk]:
        with _csv_rows(self.path) as rows:
            if self.header:
                next(rows)
            while batch := list(islice(rows, ROWS)):
                for line, row in batch:
                    if len(row) != len(self.names):
                        expected = f"expected {len(self.names)} cells like the first row"
                        fix = "is one of them a comma without quotes around it?"
                        raise ValueError(
                            f"{self.path}, line {line}: {expected}, got {len(row)}: {fix}"
                        )
                columns = zip(*(row for _, row in batch), strict=True)
                yield Chunk(
                    [f"line {line}" for line, _ in batch],
                    [np.array(column, dtype=object) for column in columns],
                )


def cells_of(table: Any) -> Cells:
    """Open a table.

    The first row of a CSV file is a header where none of its cells is a number, where one of them
    is what a column of labels is called, or where they count the columns, as those of a frame of
    bare numbers do; else columns are named by their place, from 1. The delimiter is the one of
    comma, semicolon, tab and bar that the first line has most of.

    Args:
        table: A file that ends in .parquet, .csv, .tsv or .txt; or a frame.

    Raises:
        ValueError: The file is empty, no text in UTF-8, or names two columns alike.
        ImportError: Parquet was given and pyarrow is not installed.
    """
    if is_frame(table):
        names = tuple(str(name) for name in table.columns)
        return Cells(FRAME, _distinct(FRAME, names), frame=table)
    path = os.fspath(table)
    if is_parquet(path):
        return Cells(path, _distinct(path, tuple(_parquet(path).schema_arrow.names)))
    with _csv_rows(path) as rows:
        _, first = next(rows, (0, None))
    if first is None:
        raise ValueError(f"expected a table with rows, got the empty file {path!r}")
    if not _is_header(first):
        return Cells(path, tuple(str(place + 1) for place in range(len(first))), header=False)
    return Cells(path, _distinct(path, tuple(cell.strip() for cell in first)))


def numbers(column: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A column as float64 [rows], and which cells are finite numbers [rows].

    >>> numbers(np.array(["1", "x", "nan"], dtype=object))[1].tolist()
    [True, False, False]
    """
    try:
        if column.dtype == object and any("_" in str(cell) for cell in column):
            raise ValueError("1_000 is Python's way to write a number, and no table's")
        values = column.astype(np.float64)
    except (ValueError, TypeError):
        values = np.array([float(cell) if _is_number(cell) else np.nan for cell in column])
    return values, np.isfinite(values)


def is_parquet(path: str) -> bool:
    return path.lower().endswith((".parquet", ".pq"))


def _distinct(path: str, names: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"expected columns of different names in {path!r}, got {twice!r} twice")
    return names


def _is_header(first: Sequence[str]) -> bool:
    numbered = [float(cell) for cell in first if _is_number(cell)]
    count = len(numbered)
    counting = count > 2 and numbered in (list(range(count)), list(range(1, count + 1)))
    # A lone y among numbers is rather a yes.
    named = any(cell.strip().lower() in TARGETS[:-1] for cell in first)
    return not numbered or named or counting


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return "_" not in str(cell)


class _csv_rows:
    """The rows of a CSV file that are not blank, each with its line number."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> Iterator[tuple[int, list[str]]]:
        self.file = open(self.path, newline="", encoding="utf-8-sig")
        return self._rows()

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        try:
            first = self.file.readline()
            self.file.seek(0)
            delimiter = max(DELIMITERS, key=first.count)
            reader = csv.reader(self.file, delimiter=delimiter, strict=True)
            for row in reader:
                if row:
                    yield reader.line_num, row
        except UnicodeDecodeError as error:
            fix = "save the table as UTF-8 text"
            raise ValueError(f"expected UTF-8 text in {self.path!r}, got {error}: {fix}") from error
        except csv.Error as error:
            found = f"got {error} in line {reader.line_num}"
            fix = "are all quotes closed?"
            raise ValueError(f"expected a CSV table in {self.path!r}, {found}: {fix}") from error


def _parquet(path: str) -> Any:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            'reading parquet files needs pyarrow: pip install "forward-forward[parquet]"'
        ) from error
    try:
        return parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"expected a parquet file, got {path!r}: {error}") from error


def _parquet_chunks(cells: Cells) -> Iterator[Chunk]:
    import pyarrow

    start = 1
    for batch in _parquet(cells.path).iter_batches(ROWS):
        places = [f"row {start + row}" for row in range(len(batch))]
        columns = []
        for name, column in zip(cells.names, batch.columns, strict=True):
            kind = column.type
            if pyarrow.types.is_dictionary(kind):
                column = column.dictionary_decode()
                kind = column.type
            number = pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)
            text = pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)
            if not (number or text or pyarrow.types.is_boolean(kind)):
                expected = f"expected numbers, truth values or text in column {name!r} of"
                fix = "turn it into such columns, or leave it out"
                raise ValueError(f"{expected} {cells.path!r}, got {kind}: {fix}")
            if number:
                columns.append(column.cast(pyarrow.float64()).to_numpy(zero_copy_only=False))
            else:
                cast = column.cast(pyarrow.string())
                columns.append(np.array(cast.fill_null("").to_pylist(), dtype=object))
        yield Chunk(places, columns)
        start += len(batch)

"""A file or a frame -> its cells as columns of a pandas frame, and the name of each row."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pandas

from forward_forward.data.paths import check_regular
from forward_forward.data.tables.compressed import text_of
from forward_forward.data.tables.dialect import (
    MISSING,
    SPACES,
    TARGETS,
    Dialect,
    dialect_of,
    line_of,
)
from forward_forward.data.tables.formats import FRAME, PARQUET, is_frame

# Numbers are read exactly as Python's float() does, which is the default from pandas 3.1 on.
_OLD = tuple(map(int, pandas.__version__.split(".")[:2])) < (3, 1)
EXACT = {"float_precision": "round_trip"} if _OLD else {}


@dataclass(frozen=True)
class OpenTable:
    """An open table: the names of its columns, and its cells, which are read on demand."""

    path: str  # the file or folder, or what messages call a frame
    names: tuple[str, ...]  # of its columns, all different
    dialect: Dialect | None = None  # how a text file writes its rows; None for parquet and frames
    frame: Any = None  # the cells of parquet and frames
    kept: Any = None  # the numbers of the rows that are left [k]; None for all

    def __post_init__(self) -> None:
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        if twice is not None:
            found = f"got {twice!r} twice: rename one of them"
            raise ValueError(f"expected columns of different names in {self.path!r}, {found}")

    @property
    def header(self) -> bool:
        """Whether the columns have names of their own, rather than numbers from 1."""
        return self.dialect is None or self.dialect.header

    @property
    def decimal(self) -> str:
        """The decimal sign of numbers that are written as text."""
        return "." if self.dialect is None else self.dialect.decimal

    def cells(self, verbatim: Collection[str] = ()) -> Any:
        """All rows, as a pandas frame; in a verbatim column, 007 stays 007, and NA is text."""
        frame = self.frame if self.dialect is None else self._parsed(self.dialect, verbatim)
        if not len(frame):
            raise ValueError(f"expected a table with rows, got none in {self.path!r}")
        return frame

    def _parsed(self, dialect: Dialect, verbatim: Collection[str]) -> Any:
        with text_of(self.path, dialect.encoding) as file:
            return pandas.read_csv(
                file,
                sep=r"\s+" if dialect.delimiter == SPACES else dialect.delimiter,
                skiprows=dialect.skip,
                header=0 if dialect.header else None,
                names=list(self.names),
                index_col=False,
                decimal=dialect.decimal,
                keep_default_na=False,
                na_values={name: [*MISSING] for name in self.names if name not in verbatim},
                dtype=dict.fromkeys(verbatim, str),
                **EXACT,
                low_memory=False,  # else a column may change its type from one chunk to the next
            )

    def place(self, row: int) -> str:
        """What messages call a row: the line of a text file that it ends on, or its number."""
        row = row if self.kept is None else int(self.kept[row])
        if self.dialect is None:
            return f"row {row + 1}"
        return f"line {line_of(self.path, self.dialect, row)}"

    def target(self, wanted: str | int | None) -> str:
        """The column of labels: the one wanted, or one with such a name, or else the last."""
        if len(self.names) < 2:
            expected = f"expected a column of labels and one or more of inputs in {self.path!r}"
            fix = "are cells separated by a comma, a semicolon, a tab, a bar or spaces?"
            raise ValueError(f"{expected}, got {list(self.names)}: {fix}")
        if wanted is None:
            named = [name for name in self.names if name.lower() in TARGETS]
            # The name of the last one is empty if all lines end in a delimiter.
            return (named or [name for name in self.names[::-1] if name] or self.names)[0]
        return self.column(wanted, "the column of labels")

    def column(self, wanted: str | int, purpose: str) -> str:
        """The name of a column that the user names, for a purpose that the message says."""
        if str(wanted) in self.names:
            return str(wanted)
        near = nearest(str(wanted), self.names)
        fix = "name one of them" if near is None else f"did you mean {near!r}?"
        expected = f"expected {purpose} among {', '.join(self.names)}"
        raise ValueError(f"{expected}, got {wanted!r}: {fix}")


def nearest(wanted: str, names: Iterable[str]) -> str | None:
    """The name that is most like the wanted one, whatever their case; None if none is like it."""
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(wanted.lower(), lower, 1)
    return lower[near[0]] if near else None


def open_table(
    what: Any,
    names: Iterable[str] = (),
    decimal: str | None = None,
    header: bool | None = None,
) -> OpenTable:
    """Open a file that ends in one of `ENDINGS`, a folder of parquet files, or a frame.

    The names of the columns that are expected tell a header from a row of numbers; ``header`` is
    False if rows without one are expected.

    Raises:
        ValueError: The file does not exist, is empty or broken, or has two columns of one name.
        ImportError: Parquet or an Arrow frame was given, and pyarrow is not installed.
    """
    path = FRAME if is_frame(what) else os.fspath(what)
    if not is_frame(what) and not os.path.exists(path):
        raise ValueError(f"expected a table, got {path!r}, which does not exist: check the path")
    if not is_frame(what):
        check_regular(path)
    if is_frame(what) or os.path.isdir(path) or path.lower().endswith(PARQUET):
        frame = as_pandas(what) if is_frame(what) else _parquet(path)
        return OpenTable(path, tuple(frame.columns), frame=frame)
    dialect = dialect_of(path, tuple(names), decimal, header)
    return OpenTable(path, dialect.names, dialect)


def labelled_frame(what: Any) -> tuple[Any, str | None]:
    """A frame, or (X, y) as one frame with the name of its column of labels."""
    if is_frame(what):
        return what, None
    x, y = as_pandas(what[0]), what[1]
    if len(x) != len(y):
        raise ValueError(f"expected a label for each of {len(x)} rows of {FRAME}, got {len(y)}")
    name = next(each for each in ("label", "target", "the label") if each not in x.columns)
    labels = y.to_numpy() if hasattr(y, "to_numpy") else list(y)
    return x.assign(**{name: labels}), name


def is_array(frame: Any) -> bool:
    """Whether a frame holds nothing but numbers, none of them missing."""
    frame = as_pandas(frame)
    return all(kind.kind in "iuf" for kind in frame.dtypes) and not frame.isna().any(axis=None)


def as_pandas(frame: Any) -> Any:
    """A frame of pandas, polars or Arrow as one of pandas whose columns are named by text."""
    if not isinstance(frame, pandas.DataFrame):
        frame = _pyarrow("polars and Arrow frames").table(frame).to_pandas(ignore_metadata=True)
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def _parquet(path: str) -> Any:
    _pyarrow("parquet files")
    from pyarrow import parquet

    try:
        table = parquet.read_table(path, page_checksum_verification=True)
        return table.to_pandas(ignore_metadata=True)
    except MemoryError as error:
        raise MemoryError(f"{error}, for the table {path!r}") from error
    except Exception as error:  # pyarrow raises whatever it meets in a broken file
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of the file system, which names the file itself
        raise ValueError(f"expected a parquet file, got {path!r}: {error}") from error


def _pyarrow(what: str) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        fix = 'pip install "forward-forward[parquet]"'
        raise ImportError(f"reading {what} needs pyarrow: {fix}") from error
    return pyarrow

"""A text file of rows -> its encoding, delimiter, decimal sign and column names."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import dropwhile, islice, pairwise
from typing import Any

from forward_forward.data.tables.compressed import text_of

# In order of preference. Spaces are tried last, and any run of them, or of tabs, is one delimiter.
DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
SPACES = " "

# What the column of labels is often called.
TARGETS = ("target", "label", "labels", "class", "y")

# How tables write that a value is missing.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "?")

CURRENCY = "$€£¥"

MINUS = "\u2212-"

# Lines at the start of a file that begin so are comments, unless they are as wide as the table.
COMMENT = ("#", "%", "//")

_YEAR = re.compile(r"(?:1[89]|2[01])\d\d")

CATEGORIES = 50  # a column with more distinct texts than this holds names or notes

HEAD = 1_000  # lines from which the delimiter, the header and the decimal sign are recognised


@dataclass(frozen=True)
class Dialect:
    """How a text file writes its rows."""

    encoding: str
    delimiter: str  # between cells; `SPACES` for runs of blanks
    skip: int  # lines before the first row: comments, or Excel's ``sep=;``
    names: tuple[str, ...]  # of the columns
    header: bool  # whether the first row holds those names; else columns are numbered from 1
    decimal: str  # "." or ","
    decimal_found: bool = True  # whether a number has it; else it is only assumed

    def describe(self) -> list[str]:
        """How it differs from a plain CSV file, in words."""
        found = []
        if self.encoding != "utf-8-sig":
            found.append(f"the text is read as {self.encoding}")
        if self.delimiter != ",":
            found.append(f"cells are separated by {DELIMITERS.get(self.delimiter, 'spaces')}")
        if self.decimal == "," and self.decimal_found:
            found.append("numbers are written with a decimal comma")
        return found


def dialect_of(
    path: str,
    names: Collection[str] = (),
    decimal: str | None = None,
    header: bool | None = None,
) -> Dialect:
    """Recognise how a text file is written, and check that all its rows have the same width.

    UTF-8, UTF-16 with a byte-order mark, and else Windows-1252 or Latin-1 are read.
    The first row is a header if it holds all expected names, what a column of labels is called, the
    numbers of the columns (as pandas writes them), years in order, or text found nowhere below it.
    If ``header`` is False, as of rows like those of a table without one, it needs the names. The
    given decimal sign decides if the cells leave it open, as ``1,234`` does.

    Raises:
        ValueError: The file is empty or no text, quotes are open, or a row is wider or narrower
            than the first; the message names its line.
    """
    for encoding in _encodings(path):
        try:
            with _cells_of_any_length():
                found = _recognised(path, encoding, names, decimal, header)
                _check_widths(path, found)
        except UnicodeDecodeError:
            continue  # Latin-1, the last one, accepts any bytes
        return found
    raise ValueError(f"expected UTF-16 text in {path!r}, as its first bytes say, got other bytes")


def line_of(path: str, dialect: Dialect, row: int) -> int:
    """The line on which a row ends, the first one below the header being 0."""
    with _cells_of_any_length():
        return next(islice(_numbered(path, dialect), row + dialect.header, None))[0]


def _check_widths(path: str, dialect: Dialect) -> None:
    for line, row in _numbered(path, dialect):
        if len(row) != len(dialect.names):
            expected = f"expected {len(dialect.names)} cells like the first row"
            fix = "is one of them a delimiter without quotes around it?"
            raise ValueError(f"{path}, line {line}: {expected}, got {len(row)}: {fix}")


def _numbered(path: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, the header first, each with the number of its last line."""
    with text_of(path, dialect.encoding) as file:
        lines = (_text(line, path) for line in islice(file, dialect.skip, None))
        reader = _reader(lines, dialect.delimiter, strict=True)
        try:
            yield from ((dialect.skip + reader.line_num, row) for row in reader if row)
        except csv.Error as error:
            found = f"got {error} in line {dialect.skip + reader.line_num}"
            fix = "are all quotes closed?"
            raise ValueError(f"expected a CSV table in {path!r}, {found}: {fix}") from error


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lift the csv module's limit of 128 KiB a cell, which is global, for a while."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def number_pattern(decimal: str) -> str:
    """A regular expression of numbers with this decimal sign, in groups of three or not.

    A currency sign may stand on either side, and a percent sign behind the number.

    >>> [bool(re.fullmatch(number_pattern(","), cell)) for cell in ("1.234,5 €", "1.5", "-2e3")]
    [True, False, True]
    """
    groups = f"[{'.' if decimal == ',' else ','}'’ \u00a0\u202f]"
    whole = rf"(?:[1-9]\d{{0,2}}(?:{groups}\d{{3}})+|\d+)"
    number = rf"(?:{whole}(?:[{decimal}]\d*)?|[{decimal}]\d+)(?:[eE][+-]?\d+)?"
    return rf"[+{MINUS}]?(?:[{CURRENCY}] ?)?[+{MINUS}]?{number}(?: ?[%{CURRENCY}])?"


def _encodings(path: str) -> tuple[str, ...]:
    with text_of(path, "latin-1") as file:
        start = file.read(4096).encode("latin-1")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    _text(start.decode("latin-1"), path)
    return ("utf-8-sig", "cp1252", "latin-1")


def _text(text: str, path: str) -> str:
    """The text, unless it has zeros, as binary data have and files with gaps in them."""
    if "\0" in text:
        fix = "export the table as CSV, or convert it to UTF-8"
        raise ValueError(f"expected a table of text in {path!r}, got binary data: {fix}")
    return text


def _recognised(
    path: str,
    encoding: str,
    names: Collection[str],
    decimal: str | None,
    header: bool | None,
) -> Dialect:
    with text_of(path, encoding) as file:
        lines = list(islice(file, HEAD))
    named = re.fullmatch(r"sep=(.)\s*", lines[0]) if lines else None
    lines = lines[bool(named) :]
    body = list(dropwhile(lambda line: line.startswith(COMMENT), lines)) or lines
    if not any(line.strip() for line in body):
        raise ValueError(f"expected a table with rows, got the empty file {path!r}")
    delimiter = named[1] if named else _delimiter(body)
    width = _width(body, delimiter)[0]
    # A comment as wide as the table is its header, as in "#id,age,label".
    skip = len(lines) - len(body)
    while skip and _width([lines[skip - 1]], delimiter)[0] == width > 1:
        skip -= 1
    first, *rest = _rows(lines[skip:], delimiter)
    first = [cell.strip() for cell in first]
    below = [{row[place].strip() for row in rest if place < len(row)} for place in range(width)]
    if header is False:
        header = bool(names) and set(names) <= set(first) and not all(map(_is_number, first))
    else:
        header = _is_header(first, below, len(rest), names)
    cells = [cell.strip() for row in (rest if header else [first, *rest]) for cell in row]
    sign = _decimal(cells) or decimal or ("," if delimiter == ";" else ".")
    columns = first if header else [str(place + 1) for place in range(len(first))]
    seen = any(sign in cell and _is_number(cell, sign) for cell in cells)
    skip += bool(named)
    return Dialect(encoding, delimiter, skip, tuple(columns), header, sign, seen)


def _reader(lines: Iterable[str], delimiter: str, strict: bool = False) -> Any:
    if spaces := delimiter == SPACES:
        lines = (line.replace("\t", " ").strip() for line in lines)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=spaces, strict=strict)


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    return filter(None, _reader(lines, delimiter))


def _width(lines: list[str], delimiter: str) -> tuple[int, float]:
    """How many cells most rows have, and the fraction of rows that have as many."""
    widths = Counter(len(row) for row in _rows(lines, delimiter))
    width, count = widths.most_common(1)[0]
    return width, count / widths.total()


def _delimiter(lines: list[str]) -> str:
    """The delimiter outside of quotes that gives the most rows the same width."""
    widths = {each: _width(lines, each) for each in DELIMITERS}
    agreeing = {each: agree for each, (width, agree) in widths.items() if width > 1}
    best = max(agreeing, key=agreeing.__getitem__, default=SPACES)
    width, agree = _width(lines, SPACES)
    if best == "," and width > 1 and agree >= agreeing[","]:
        # As in 1,5 2,25 x: the commas are those of decimals.
        cells = [cell for row in _rows(lines, SPACES) for cell in row]
        if 2 * sum(map(bool, map(re.compile(r"-?\d+,\d+").fullmatch, cells))) > len(cells):
            return SPACES
    return best


def _decimal(cells: list[str]) -> str | None:
    """The decimal sign of the cells that are numbers with only one; None if there are none."""
    readings = [(_is_number(cell, ","), _is_number(cell, ".")) for cell in cells]
    counts = {",": readings.count((True, False)), ".": readings.count((False, True))}
    return max(counts, key=counts.__getitem__) if any(counts.values()) else None


def _is_header(
    cells: Sequence[str], below: Sequence[set[str]], rows: int, names: Collection[str]
) -> bool:
    """Whether a first row names its columns, of which the different texts below it are given."""
    # A lone y among numbers is rather a yes.
    named = any(cell.lower() in TARGETS[:-1] for cell in cells)
    if named or (names and set(names) <= set(cells)):
        return True
    columns = list(zip(cells, below, strict=False))
    numbers = [(cell, texts) for cell, texts in columns if _is_number(cell)]
    if _counts_up([cell for cell, _ in numbers]) or _are_years(numbers):
        return True
    words = [(cell, texts) for cell, texts in columns if not (_is_number(cell) or cell in MISSING)]
    if not numbers:  # then it is one, unless each of its cells is also a value of its column
        return not (words and all(cell in texts for cell, texts in words))
    return not any(cell in texts for cell, texts in words) and any(
        texts and (len(texts) <= min(CATEGORIES, rows // 2) or all(map(_is_number, texts)))
        for _, texts in words
    )


def _counts_up(cells: Sequence[str]) -> bool:
    counts = [[str(place + start) for place in range(len(cells))] for start in (0, 1)]
    return len(cells) > 2 and list(cells) in counts


def _are_years(columns: Sequence[tuple[str, set[str]]]) -> bool:
    """Whether the numbers of a first row are years in order, and those below them are not years."""
    cells = [cell for cell, _ in columns]
    if len(cells) < 2 or not all(map(_YEAR.fullmatch, cells)):
        return False
    steps = {int(after) - int(cell) for cell, after in pairwise(cells)}
    return (
        len(steps) == 1
        and steps != {0}
        and not any(texts and all(map(_YEAR.fullmatch, texts)) for _, texts in columns)
    )


def _is_number(cell: str, decimals: str = ".,") -> bool:
    return any(re.fullmatch(number_pattern(sign), cell) for sign in decimals)

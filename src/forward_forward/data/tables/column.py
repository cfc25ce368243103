"""A column of cells -> how it becomes inputs, and those inputs float32 [n, features]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas

from forward_forward.data.tables.cells import OpenTable
from forward_forward.data.tables.dialect import CATEGORIES, MINUS, MISSING, number_pattern
from forward_forward.data.tables.row_numbers import row_number

Array = np.ndarray[Any, Any]

ISO = "ISO8601"

# Dates are read in the first of these formats that fits the most cells. A time may follow.
DATES = (ISO, "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y")

TIMES = ("", " %H:%M", " %H:%M:%S")

# How a truth value may be spelt besides true and false, in any case.
TRUTH = {"1": "true", "1.0": "true", "t": "true", "yes": "true", "y": "true"}
TRUTH |= {"0": "false", "0.0": "false", "f": "false", "no": "false", "n": "false"}

NAMES = 10  # texts, all different, above which they name the rows

LISTED = 6  # categories that a message names


@dataclass(frozen=True)
class Column:
    """How one column becomes inputs: numbers, dates, or text with one input for each category.

    Args:
        name: Name of the column.
        categories: Of text, sorted; "" is that of missing cells. None for numbers and dates.
        offset: Subtracted before numbers become float32, which could not tell apart large ones
            that are close together.
        date: The format of dates, which become days since 1970-01-01; None for other columns.
        median: Replaces missing numbers and dates; None if none may be missing.
        indicator: Whether an additional input is 1 where a number or date is missing, else 0.
    """

    name: str
    categories: tuple[str, ...] | None = None
    offset: float = 0.0
    date: str | None = None
    median: float | None = None
    indicator: bool = False

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Column:
        categories = values["categories"]
        return cls(**{**values, "categories": None if categories is None else tuple(categories)})

    def inputs(self) -> list[dict[str, Any]]:
        """What each input is, for programs: which column, and which text or number of it."""
        if self.categories is not None:
            return [{"column": self.name, "is": text} for text in self.categories]
        number: dict[str, Any] = {"column": self.name, "minus": self.offset}
        if self.date is not None:
            number["days_since_1970"] = self.date
        if self.median is not None:
            number["missing"] = self.median
        return [number, {"column": self.name, "is": ""}] if self.indicator else [number]

    def describe(self) -> str:
        """How the column becomes inputs, in words; "" for numbers of which none is missing."""
        if self.categories is not None:
            count = len(self.categories)
            each = "its one value" if count == 1 else f"each of its {count} values"
            return f"text, one input for {each}: {_listed(self.categories)}"
        told = []
        if self.date is not None:
            form = "" if self.date == ISO else f" in the format {self.date}"
            told.append(f"dates{form}, read as days since 1970-01-01")
        if self.indicator:
            median = f"the median, {self.median:.6g}"
            told.append(f"missing values become {median}, and an additional input marks them")
        return "; ".join(told if self.date is not None or not told else ["numbers", *told])

    def encode(self, table: OpenTable, cells: Any) -> Array:
        """Cells [n] as inputs float32 [n, len(self.inputs())]; the table is for messages.

        Raises:
            ValueError: A cell is no number, date or category of the column; the message names its
                row.
        """
        if self.categories is not None:
            return self._one_hot(table, cells)
        missing = blank(cells)
        if self.date is None:
            typed = cells.astype(np.float64) if cells.dtype.kind == "b" else cells
            expected, values = "a number", numbers(typed, table.decimal)
        else:
            expected, values = f"a date ({self.date})", days(cells, self.date)
        odd = ~np.isfinite(values) & ~missing if self.median is not None else ~np.isfinite(values)
        if odd.any():
            raise _odd_cell(table, self.name, cells, odd, expected)
        values = np.where(missing, self.median or 0.0, values) - self.offset
        with np.errstate(over="ignore"):
            scaled = values.astype(np.float32)
        if not np.isfinite(scaled).all():
            expected = "a number that float32 can hold"
            fix = ": divide the column, or take its logarithm"
            raise _odd_cell(table, self.name, cells, ~np.isfinite(scaled), expected, fix)
        return np.stack([scaled, missing.astype(np.float32)][: 1 + self.indicator], 1)

    def _one_hot(self, table: OpenTable, cells: Any) -> Array:
        categories, texts = list(self.categories or ()), text(cells)
        if is_truth(categories):
            categories, texts = [each.casefold() for each in categories], spelt_alike(texts)
        places = pandas.Index(categories).get_indexer(texts)
        missing = (places < 0) & blank(cells)
        if (odd := (places < 0) & ~missing).any():
            expected = f"one of {_listed(self.categories or ())}"
            fix = ": correct the cell or leave the row out, or train again on data that contain it"
            raise _odd_cell(table, self.name, cells, odd, expected, fix)
        if "" in categories:
            places[missing] = categories.index("")
        encoded = np.zeros((len(places), len(categories)), dtype=np.float32)
        known = np.flatnonzero(places >= 0)
        encoded[known, places[known]] = 1
        return encoded


def fitted(table: OpenTable, name: str, cells: Any) -> Column | str:
    """How a column becomes inputs, or why it is left out.

    It holds numbers, or dates, if at least half the cells [n] that are not missing are such, and
    otherwise text.
    """
    _check_kind(table, name, cells)
    missing = blank(cells)
    present = int((~missing).sum())
    if not present:
        return "it has no values"
    values, form = numbers(cells, table.decimal), None
    if (reason := row_number(name, values)) is not None:
        return reason
    if 2 * np.isfinite(values).sum() < present and (form := _date_format(cells)) is not None:
        values = days(cells, form)
    finite = values[np.isfinite(values)]
    if 2 * len(finite) >= present:
        low, high = float(finite.min()), float(finite.max())
        middle = low / 2 + high / 2
        offset = middle if abs(middle) > 100 * (high - low) else 0.0
        median, lacking = float(np.median(finite)), bool(missing.any())
        return Column(name, offset=offset, date=form, median=median, indicator=lacking)
    texts = set(text(cells[~missing]))
    if is_truth(texts):
        texts = {each.capitalize() for each in texts}
    if len(texts) > CATEGORIES:
        limit = f"more than the {CATEGORIES} allowed for text"
        return f"it has {len(texts):,} different texts in {present:,} rows, {limit}"
    if len(texts) == present > NAMES:
        return "each row has a text of its own in it"
    return Column(name, tuple(sorted(texts | ({""} if missing.any() else set()))))


def _listed(categories: Sequence[str]) -> str:
    """Categories as messages name them, on one line, which a line end in a cell would break."""
    texts = [
        "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in each) or "(missing)"
        for each in categories[:LISTED]
    ]
    return ", ".join([*texts, "..."] if len(categories) > LISTED else texts)


def text(cells: Any) -> Any:
    """Cells as text without blanks around it; "" where nothing is there."""
    return cells.astype(object).where(cells.notna(), "").map(lambda cell: str(cell).strip())


def blank(cells: Any) -> Array:
    """Which cells are missing [n]."""
    found: Array = cells.isna().to_numpy()
    return found if _is_numeric(cells) else found | text(cells).isin(MISSING).to_numpy()


def numbers(cells: Any, decimal: str = ".") -> Array:
    """Cells as float64 [n], NaN where they are no numbers.

    Text is parsed with the decimal sign that yields more numbers, or in a tie with the given one.

    >>> numbers(pandas.Series(["1.234,5", "7", "1_000", "x"]), ",").tolist()
    [1234.5, 7.0, nan, nan]
    """
    if _is_numeric(cells):
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)  # type: ignore[no-any-return]
    if cells.dtype.kind in "bmM":
        return np.full(len(cells), np.nan)
    texts = text(cells)
    first, other = (_read(texts, sign) for sign in (decimal, "." if decimal == "," else ","))
    return other if np.isfinite(other).sum() > np.isfinite(first).sum() else first


def days(cells: Any, form: str) -> Array:
    """Cells as days since 1970-01-01, float64 [n], NaN where they are no dates of the format.

    >>> days(pandas.Series(["02.01.1970", "?"]), "%d.%m.%Y").tolist()
    [1.0, nan]
    """
    if cells.dtype.kind == "M":
        moments = pandas.to_datetime(cells, utc=True)
    else:
        moments = pandas.to_datetime(text(cells), format=form, errors="coerce", utc=True)
    since = moments - pandas.Timestamp(0, tz="UTC")
    return (since / pandas.Timedelta(days=1)).to_numpy(np.float64)  # type: ignore[no-any-return]


def _read(texts: Any, decimal: str) -> Array:
    good = texts.str.fullmatch(number_pattern(decimal)).to_numpy(bool)
    values = np.full(len(texts), np.nan)
    plain = texts[good].str.replace(f"[{MINUS}]", "-", regex=True)
    plain = plain.str.replace(rf"[^\d{decimal}eE+-]", "", regex=True)
    values[good] = [float(each.replace(",", ".")) for each in plain]
    return values


def _date_format(cells: Any) -> str | None:
    """The format of at least half the cells that are not missing, if they are dates."""
    if cells.dtype.kind == "M":
        return ISO
    texts = text(cells)
    texts = texts[~texts.isin(MISSING)]
    if 2 * texts.str.match(r"\d{1,4}[-./]\d{1,2}").sum() < len(texts):
        return None
    forms = [ISO, *(day + time for day in DATES[1:] for time in TIMES)]
    fits = {form: int(np.isfinite(days(texts, form)).sum()) for form in forms}
    best = max(fits, key=fits.__getitem__)
    return best if 2 * fits[best] >= len(texts) else None


def _is_numeric(cells: Any) -> bool:
    return getattr(cells.dtype, "kind", "O") in "iuf"


def is_truth(texts: Any) -> bool:
    """Whether texts are truth values, at least one of them, in any case."""
    return {each.casefold() for each in texts} - {""} in ({"true"}, {"false"}, {"false", "true"})


def spelt_alike(texts: Any) -> Any:
    """A series of truth values as true and false, however they are spelt; other texts lower-case.

    >>> spelt_alike(pandas.Series(["TRUE", "1", "No", "perhaps"])).tolist()
    ['true', 'true', 'false', 'perhaps']
    """
    return texts.str.casefold().map(lambda text: TRUTH.get(text, text))


def _check_kind(table: OpenTable, name: str, cells: Any) -> None:
    odd = [] if cells.dtype.kind in "iufbMO" else [cells.dtype]
    if cells.dtype == object:
        allowed = (str, bool, np.bool_, int, float, np.number, Decimal, date)
        odd = [type(each).__name__ for each in cells.dropna() if not isinstance(each, allowed)]
    if odd:
        expected = f"expected numbers, truth values, dates or text in column {name!r} of"
        fix = "convert the column, or leave it out"
        raise ValueError(f"{expected} {table.path!r}, got {odd[0]}: {fix}")


def _odd_cell(
    table: OpenTable, name: str, cells: Any, odd: Array, expected: str, fix: str = ""
) -> ValueError:
    row, count = int(np.flatnonzero(odd)[0]), int(odd.sum())
    more = f" ({count:,} such cells in {len(odd):,} rows)" if count > 1 else ""
    found = f"got {text(cells[row : row + 1]).iloc[0]!r}{more}{fix}"
    where = f"in column {name!r} of {table.path!r}"
    return ValueError(f"{table.place(row)}: expected {expected} {where}, {found}")

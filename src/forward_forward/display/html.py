"""Rows of values -> a small HTML table for a notebook, in the notebook's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

LONGEST = 100  # letters of a cell


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table with a caption, and with a row of names unless ``columns`` is empty.

    Text is escaped; that of a long cell is cut. Columns of numbers are aligned to the right.

    >>> table("Units", (), [["a < b", 2]]).partition("<tr>")[2].partition(">")[2][:12]
    'a &lt; b</td'
    """
    texts = [[_text(value) for value in row] for row in rows]
    sides = [
        "right" if all(map(_is_number, column)) else "left" for column in zip(*texts, strict=True)
    ]
    sides = sides or ["left"] * len(columns)
    head = _cells("th", columns, sides) if columns else ""
    lines = [_cells("td", row, sides) for row in texts]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    thead = f"<thead><tr>{head}</tr></thead>" if head else ""
    # A notebook and the documentation have styles for tables of this class, which pandas uses.
    return (
        '<table class="dataframe" style="width: auto">'
        '<caption style="caption-side: top; text-align: left; font-weight: bold">'
        f"{escape(caption)}</caption>{thead}<tbody>{body}</tbody></table>"
    )


def _cells(tag: str, texts: Sequence[str], sides: Sequence[str]) -> str:
    return "".join(
        f'<{tag} style="text-align: {side}; vertical-align: top">{escape(text)}</{tag}>'
        for text, side in zip(texts, sides, strict=True)
    )


def _text(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _is_number(text: str) -> bool:
    return not any(letter.isalpha() for letter in text)

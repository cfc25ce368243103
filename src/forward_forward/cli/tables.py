"""Rows of text -> a table on stdout: drawn on a terminal, tab-separated elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

Rows = Sequence[Sequence[str]]

STYLES = {
    "reproduced": "green",
    "holds by construction": "green",
    "not reproduced": "red",
    "fails by construction": "red",
    "inconclusive": "yellow",
}


def print_table(title: str, rows: Rows) -> None:
    """Print a table below its title, unless that is empty; the first row has the column names."""
    console = Console()
    if not console.is_terminal:
        print(*([title] if title else []), *("\t".join(row) for row in rows), sep="\n")
        return
    width = max(shutil.get_terminal_size().columns, 60)
    table = Table(title=title or None, title_justify="left", box=None, width=width)
    for name in rows[0]:
        table.add_column(name, overflow="fold", header_style="bold")
    for row in rows[1:]:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console.print(table)

"""Results and recipes -> tables for a terminal, and the page of a reproduction."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from forward_forward import files, report
from forward_forward.cli.train_settings import known_recipes
from forward_forward.lab.reproduce import results
from forward_forward.lab.reproduce.claims import CLAIMS, POSTER
from forward_forward.lab.reproduce.rules import BETTER, EXACT, SAME
from forward_forward.lab.reproduce.scales import Scale

Rows = Sequence[Sequence[str]]
PAGE = "report.html"
STYLES = {
    "reproduced": "green",
    "holds by construction": "green",
    "not reproduced": "red",
    "fails by construction": "red",
    "inconclusive": "yellow",
}


def claims_table(folder: Path) -> Rows:
    """Every claim: name, what it is about, source, verdict and estimate where there is a result."""
    found = results.read(folder)
    rows = [["name", "about", "source", "verdict", "estimate"]]
    for claim in CLAIMS.values():
        result = found.get(claim.name)
        said = [result["verdict"], results.estimate(result)] if result else ["not run", ""]
        rows.append([f"{POSTER}.{claim.name}", claim.title, claim.source, *said])
    return rows


def results_table(found: Mapping[str, results.Result]) -> Rows:
    """Results: name, verdict, estimate and p."""
    rows = [["claim", "verdict", "estimate, 95 % interval", "p"]]
    for name, result in found.items():
        statistic = result["statistic"]
        p = statistic.get("p_holm", statistic["p"])
        rows.append(
            [name, result["verdict"], results.estimate(result), "" if p is None else f"{p:.2g}"]
        )
    return rows


def recipes_table() -> Rows:
    """Every recipe: name and the claim on its first line."""
    rows = [["name", "claim"]]
    for name, recipe in known_recipes().items():
        rows.append([name, (inspect.getdoc(recipe) or "").partition("\n")[0]])
    return rows


def print_table(title: str, rows: Rows) -> None:
    """Print rows, the first of them the heads: a table on a terminal, tab-separated elsewhere."""
    console = Console()
    if not console.is_terminal:
        print(*([title] if title else []), *("\t".join(row) for row in rows), sep="\n")
        return
    width = max(shutil.get_terminal_size().columns, 60)
    table = Table(
        title=title or None, title_justify="left", box=None, header_style="bold", width=width
    )
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows[1:]:
        table.add_row(*(f"[{STYLES[cell]}]{cell}[/]" if cell in STYLES else cell for cell in row))
    console.print(table)


def write_page(folder: Path, found: Mapping[str, results.Result], scale: Scale) -> Path:
    """Write the page of all results in a folder; gives its path."""
    path = folder / PAGE
    files.write(path, page_of(found, scale).encode())
    return path


def page_of(found: Mapping[str, results.Result], scale: Scale) -> str:
    """The page of results."""
    return report.page(
        [*found.values()],
        title="Forward-Forward: the claims of the poster, tested",
        introduction=introduction(scale, found),
        rules=how_judged(scale),
    )


def introduction(scale: Scale, found: Mapping[str, Any]) -> str:
    """What the page begins with."""
    return (
        f"{len(found)} of the poster's {len(CLAIMS)} statements, tested at the {scale.name} scale."
        " The rules were fixed before the runs, but for what docs/poster.md lists as changed later."
        " Settings were chosen on validation images, then each final run read the test set once."
    )


def how_judged(scale: Scale) -> str:
    """The rules, and the conditions that all arms have in common."""
    common = "; ".join(f"{name}: {value}" for name, value in results.conditions(scale).items())
    return "\n\n".join([BETTER, SAME, EXACT, f"What all arms have in common: {common}."])

"""Results of claims and recipes -> rows of tables, and the page of a reproduction."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

from forward_forward import files, report
from forward_forward.cli.tables import Rows
from forward_forward.lab.reproduce import results
from forward_forward.lab.reproduce.claims import CLAIMS, POSTER
from forward_forward.lab.reproduce.rules import BETTER, EXACT, SAME
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.recipes.settings import recipes_by_name

PAGE = "report.html"


def claims_rows(folder: Path) -> Rows:
    """Every claim: name, title, source, and verdict and estimate if there is a result."""
    found = results.read(folder)
    rows = [["name", "about", "source", "verdict", "estimate"]]
    for claim in CLAIMS.values():
        result = found.get(claim.name)
        outcome = [result["verdict"], results.estimate(result)] if result else ["not run", ""]
        rows.append([f"{POSTER}.{claim.name}", claim.title, claim.source, *outcome])
    return rows


def results_rows(found: Mapping[str, results.Result]) -> Rows:
    """Results: name, verdict, estimate and p."""
    rows = [["claim", "verdict", "estimate, 95 % interval", "p"]]
    for name, result in found.items():
        statistic = result["statistic"]
        p = statistic.get("p_holm", statistic["p"])
        rows.append(
            [name, result["verdict"], results.estimate(result), "" if p is None else f"{p:.2g}"]
        )
    return rows


def recipes_rows() -> Rows:
    """Every recipe: name, and the claim on the first line of its docstring."""
    recipes = recipes_by_name().items()
    claims = [[name, (inspect.getdoc(recipe) or "").partition("\n")[0]] for name, recipe in recipes]
    return [["name", "claim"], *claims]


def write_page(folder: Path, found: Mapping[str, results.Result], scale: Scale) -> Path:
    """Write the page of all results to a folder; returns its path."""
    path = folder / PAGE
    files.write(path, page_of(found, scale).encode())
    return path


def page_of(found: Mapping[str, results.Result], scale: Scale) -> str:
    """The HTML page of results."""
    conditions = "; ".join(f"{name}: {value}" for name, value in results.conditions(scale).items())
    return report.page(
        [*found.values()],
        title="Forward-Forward: the claims of the poster, tested",
        introduction=(
            f"{len(found)} of the poster's {len(CLAIMS)} statements, tested at the {scale.name}"
            " scale. The rules were fixed before the runs, except for those that docs/poster.md"
            " lists as changed later. Settings were chosen on validation images; each final run"
            " then read the test set once."
        ),
        rules="\n\n".join([BETTER, SAME, EXACT, f"All arms have in common: {conditions}."]),
    )

"""A comparison of learning rules, as in its compare.json -> one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from forward_forward.display.numerals import number
from forward_forward.display.scales import scale
from forward_forward.report import axes as scales
from forward_forward.report.axes import LINE, STRIP, WIDTH
from forward_forward.report.environment import render
from forward_forward.report.figures import Content, Panel, content_html
from forward_forward.report.svg import INK, MUTED, drawing, themed

COLOURS = 8  # of series that a reader tells apart


def comparison_page(
    comparison: Mapping[str, Any], table: Sequence[Sequence[str]], raw: str, command: str
) -> str:
    """A self-contained HTML page of a comparison.

    Args:
        comparison: The content of compare.json.
        table: Its table as text, the names of the columns first.
        raw: The same as comma-separated values with all digits.
        command: What repeats it.
    """
    names, *rows = table
    with drawing():
        figures = [
            _figure("Test errors", "A dot per seed; the bar is the 95 % interval of the mean.",
                    _errors(comparison), "errors"),
            _figure("Validation error by epoch", "The mean over the seeds.",
                    _curves(comparison), "epochs"),
        ]  # fmt: skip
        ranked = comparison["ranks"]
        if ranked is not None:
            note = (
                f"Mean rank over the seeds. Rules joined by a line differ by less than"
                f" {ranked['critical']:.2f}, Nemenyi's critical difference at 5 %; Friedman's test"
                f" that all are equal: p = {ranked['friedman']:.3g}."
            )
            figures.append(_figure("Critical differences", note, _ranks(ranked), "ranks"))
        return render(
            "comparison.html",
            title="Learning rules compared",
            facts=_facts(comparison),
            table=(names, rows),
            figures=figures,
            pairs=_pairs(comparison),
            raw=raw,
            command=command,
        )


def _facts(comparison: Mapping[str, Any]) -> list[tuple[str, str]]:
    samples, data = comparison["samples"], comparison["data"]
    trials = comparison["trials"]
    tuned = f"{trials} trials of each rule on the validation data" if trials else "none"
    facts = {
        "data": f"{data['data']}: {samples['train']:,} training, {samples['validation']:,}"
        f" validation and {samples['test']:,} test samples",
        "network": comparison["network"] or "each recipe's own",
        "epochs": str(comparison["epochs"]),
        "tuning": tuned,
        "test": "read once a run, with the weights of the last epoch",
    }
    searched = "; ".join(
        f"{rule}: {', '.join(f'{name} {text}' for name, text in space.items())}"
        for rule, space in comparison["searched"].items()
    )
    if searched:
        facts["searched"] = searched
    return [*facts.items()]


def _pairs(comparison: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Every two rules: columns and rows."""
    rows = [
        [
            f"{pair['second']} - {pair['first']}",
            f"{pair['estimate']:+.2f} ({pair['low']:+.2f} to {pair['high']:+.2f})",
            f"{pair['p']:.3g}",
            f"{pair['holm']:.3g}",
        ]
        for pair in comparison["differences"]
    ]
    return ["rules", "difference of errors, points (95 %)", "p", "p (Holm)"], rows


def _figure(title: str, note: str, figure: Figure, prefix: str) -> Markup:
    content = Content([Panel(themed(figure, title, prefix))], note=note)
    return content_html("curves", title, "", content)


def _errors(comparison: Mapping[str, Any]) -> Figure:
    """A row per rule: a dot per seed and the interval of the mean."""
    rows, step = comparison["rows"], LINE + STRIP
    figure, axes = scales.rows(WIDTH, len(rows) * step + 6, bottom=44)
    for index, row in enumerate(rows):
        value = number(row["test_error"], 2)
        below = scales.row_heading(axes, index * step + 4, [row["rule"]], f"{value} %")
        errors = np.array(comparison["errors"][row["rule"]])
        middle, places = scales.row_strip(axes, below, len(errors))
        axes.plot((row["low"], row["high"]), (middle, middle), color="C0", linewidth=3, alpha=0.5)
        axes.scatter(errors, places, 18, color="C0", linewidth=0, zorder=3)
    axes.set_xlabel("test error, %")
    every = [error for errors in comparison["errors"].values() for error in errors]
    scale(axes.xaxis, np.array(every), log=False)
    return figure


def _curves(comparison: Mapping[str, Any]) -> Figure:
    """Mean validation error by epoch; the rule's name at the end of its line."""
    figure, axes = scales.plane(WIDTH, "epoch", "validation error, %")
    means = {}
    for rule, curves in comparison["curves"].items():
        length = min(map(len, curves), default=0)
        if length:
            means[rule] = np.mean([curve[:length] for curve in curves], axis=0)
    if not means:
        return figure
    longest = max(map(len, means.values()))
    scale(axes.xaxis, np.arange(1.0, longest + 1), log=False)
    scale(axes.yaxis, np.concatenate([*means.values()]), log=True)
    styles = [(f"C{index}", line) for line in ("-", "--", ":") for index in range(COLOURS)]
    for (rule, mean), (colour, line) in zip(means.items(), styles, strict=False):
        epochs = np.arange(1, len(mean) + 1)
        axes.plot(
            epochs, mean, line, color=colour, label=rule, marker="o" if len(mean) == 1 else ""
        )
    axes.legend(frameon=False, fontsize="small")
    return figure


def _ranks(ranked: Mapping[str, Any]) -> Figure:
    """A critical-difference diagram: a row per rule, lines join those not told apart."""
    ranks = sorted(ranked["ranks"].items(), key=lambda each: each[1])
    step = LINE + STRIP
    figure, axes = scales.rows(WIDTH, len(ranks) * step + 6, bottom=44)
    places = []
    for index, (rule, rank) in enumerate(ranks):
        below = scales.row_heading(axes, index * step + 4, [f"{rule}: {number(rank, 2)}"], "")
        middle, _ = scales.row_strip(axes, below, 0)
        axes.scatter([rank], [middle], 40, color="C0", linewidth=0, zorder=3)
        places.append((rank, middle))
    joined = _cliques([rank for _, rank in ranks], ranked["critical"])
    for index, (first, last) in enumerate(joined):
        at = len(ranks) + 0.3 + 0.2 * index
        axes.plot((at, at), (places[first][1], places[last][1]), color=INK, linewidth=3)
    axes.set_xlabel("mean rank, 1 is the lowest error")
    axes.set_xlim(0.8, len(ranks) + 0.4 + 0.2 * len(joined))
    axes.set_xticks(range(1, len(ranks) + 1))
    axes.tick_params(colors=MUTED)
    return figure


def _cliques(ranks: Sequence[float], critical: float) -> list[tuple[int, int]]:
    """Largest groups of sorted ranks that differ by less than the critical difference.

    >>> _cliques([1.0, 1.5, 3.0], 1.0)
    [(0, 1)]
    """
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(i for i in range(first, len(ranks)) if ranks[i] - ranks[first] < critical)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found

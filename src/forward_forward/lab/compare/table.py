"""Records of rules by seed -> intervals, paired differences with Holm's correction, ranks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import stats

from forward_forward.lab.statistics import ALPHA, holm, paired, t_interval

if TYPE_CHECKING:
    import pandas as pd

Records = Mapping[str, Sequence[Mapping[str, Any]]]  # a rule's records, by seed in one order
Format = Literal["md", "latex", "csv", "json"]
PARTS = (0.95, 0.98)  # of the best accuracy: how soon a rule gets there


def rows_of(records: Records) -> list[dict[str, Any]]:
    """One row per rule, the lowest mean error first.

    Args:
        records: For each rule, the records of the same seeds in the same order.
    """
    rows = []
    for rule, runs in records.items():
        error = t_interval([run["test_error"] for run in runs])
        row = {
            "rule": rule,
            "test_error": error.mean,
            "low": error.low,
            "high": error.high,
            "seeds": len(runs),
            "diverged": sum(run["diverged"] for run in runs),
            "chosen": runs[0]["chosen"],
        }
        for name in ("validation_error", "seconds", "cpu_seconds", "petaflops", "peak_bytes"):
            values = [run[name] for run in runs if run[name] is not None]
            row[name] = fmean(values) if len(values) == len(runs) else None
        for part in PARTS:
            epochs = [epochs_to(run["curve"], part) for run in runs]
            known = [each for each in epochs if each is not None]
            row[f"epochs_to_{100 * part:.0f}"] = fmean(known) if len(known) == len(runs) else None
        rows.append(row)
    return sorted(rows, key=lambda row: row["test_error"])


def epochs_to(curve: Sequence[float], part: float) -> int | None:
    """The first epoch whose validation accuracy is at least a part of the best one.

    >>> epochs_to([60.0, 8.0, 5.0], 0.95)
    2
    """
    if not curve:
        return None
    goal = part * (100 - min(curve))
    return next(epoch for epoch, error in enumerate(curve, 1) if 100 - error >= goal)


def differences(records: Records) -> list[dict[str, Any]]:
    """The paired difference of every two rules, with its interval and Holm's p.

    Returns:
        Rows with ``first``, ``second``, ``estimate`` (second minus first, in points of error),
        ``low``, ``high``, ``p`` (two-sided) and ``holm``, corrected for all pairs.
    """
    rows: list[dict[str, Any]] = []
    for first, second in itertools.combinations(records, 2):
        values = [
            b["test_error"] - a["test_error"]
            for a, b in zip(records[first], records[second], strict=True)
        ]
        found = paired(values)
        p = min(1.0, 2 * min(found.p, found.p_opposite))
        pair = {"first": first, "second": second, "estimate": found.estimate}
        rows.append({**pair, "low": found.low, "high": found.high, "p": p})
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["holm"] = corrected
    return rows


def ranks(records: Records) -> dict[str, Any] | None:
    """Mean ranks over the seeds, and the difference from which two are distinguishable.

    Returns:
        ``ranks`` by rule, 1 for the lowest error; ``critical``, the critical difference of
        Nemenyi's test at 5 %; ``friedman``, the p value that all rules are equal. None for fewer
        than three rules.

    References:
        Demsar (2006), Journal of Machine Learning Research 7, section 3.2.2.
    """
    if len(records) < 3:
        return None
    errors = np.array([[float(run["test_error"]) for run in runs] for runs in records.values()])
    count, seeds = errors.shape
    quantile = stats.studentized_range.ppf(1 - ALPHA, count, np.inf) / math.sqrt(2)
    equal = bool((np.ptp(errors, axis=0) == 0).all())
    return {
        "ranks": dict(zip(records, stats.rankdata(errors, axis=0).mean(1).tolist(), strict=True)),
        "critical": float(quantile * math.sqrt(count * (count + 1) / (6 * seeds))),
        "friedman": 1.0 if equal else float(stats.friedmanchisquare(*errors).pvalue),
    }


def frame_of(comparison: Mapping[str, Any]) -> pd.DataFrame:
    """A comparison's table as a pandas frame [rules, figures], with the difference to a reference.

    Args:
        comparison: The content of compare.json.
    """
    import pandas as pd

    reference = comparison["reference"]
    against = {}
    for pair in comparison["differences"]:
        if reference in (pair["first"], pair["second"]):
            sign = 1 if pair["first"] == reference else -1
            other = pair["second"] if sign == 1 else pair["first"]
            against[other] = (sign * pair["estimate"], pair["holm"])
    rows = [
        {
            **{name: value for name, value in row.items() if name != "chosen"},
            "difference": against.get(row["rule"], (None, None))[0],
            "p_holm": against.get(row["rule"], (None, None))[1],
            **{f"chosen_{name}": value for name, value in row["chosen"].items()},
        }
        for row in comparison["rows"]
    ]
    return pd.DataFrame(rows).set_index("rule")


COLUMNS = (
    *("rule", "test error, %", "difference", "p (Holm)", "seconds", "PFLOP", "peak, MB"),
    *("epochs to 95 %", "98 %"),
)


def texts(comparison: Mapping[str, Any]) -> list[list[str]]:
    """The table as a person reads it: column names, then a row per rule."""
    frame = frame_of(comparison)
    rows = []
    for row in frame.reset_index().to_dict("records"):
        is_reference = row["rule"] == comparison["reference"]
        half = row["high"] - row["test_error"]
        note = f" ({row['diverged']} diverged)" if row["diverged"] else ""
        peak = row["peak_bytes"]
        rows.append(
            [
                row["rule"],
                f"{row['test_error']:.2f} ± {half:.2f}{note}",
                "reference" if is_reference else f"{row['difference']:+.2f}",
                "" if is_reference else f"{row['p_holm']:.3f}",
                _number(row["seconds"], ".1f"),
                _number(row["petaflops"], ".3g"),
                _number(None if peak is None else peak / 1e6, ".0f"),
                _number(row["epochs_to_95"], ".1f"),
                _number(row["epochs_to_98"], ".1f"),
            ]
        )
    return [[*COLUMNS], *rows]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None or math.isnan(value) else format(value, form)


def formatted(comparison: Mapping[str, Any], form: Format) -> str:
    """The table as Markdown, LaTeX, comma-separated values with all digits, or JSON.

    >>> formatted({"rows": [], "differences": [], "reference": None}, "json")
    '[]'
    """
    if form in ("csv", "json"):
        frame = frame_of(comparison) if comparison["rows"] else None
        if frame is None:
            return "" if form == "csv" else "[]"
        if form == "csv":
            return str(frame.to_csv())
        return str(frame.reset_index().to_json(orient="records"))
    names, *rows = texts(comparison)
    if form == "md":
        lines = [names, ["---"] * len(names), *rows]
        return "\n".join(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines
        )
    body = [" & ".join(map(_latex, row)) + r" \\" for row in [names, *rows]]
    columns = "l" + "r" * (len(names) - 1)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\hline",
            body[0],
            r"\hline",
            *body[1:],
            r"\hline",
            r"\end{tabular}",
        ]
    )


LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "<": "$<$",
    ">": "$>$",
    '"': r"\textquotedbl{}",
}


def _latex(text: str) -> str:
    """A cell of a LaTeX table."""
    return "".join(LATEX.get(sign, sign) for sign in text)

"""Results of `ff reproduce` (results/poster/*.json) -> one page per claim, in docs/claims/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from forward_forward.lab.reproduce import results
from forward_forward.lab.reproduce.claims import CLAIMS, Claim
from forward_forward.lab.reproduce.methods import METHODS
from forward_forward.lab.reproduce.scales import named
from forward_forward.lab.statistics import t_interval

KEPT = Path(__file__).parents[1] / "results" / "poster"
INDEX = """# The poster's claims, one page each

Generated from the files in `results/poster/` when this site is built. For the method, see
[the poster's claims, and how they are tested](../poster.md).

| claim | what it is about | verdict |
|---|---|---|
{rows}

```{{toctree}}
:hidden:

{pages}
```
"""

MEANINGS = """- *Test error*: percent of the 10,000 test images, on which each run is evaluated
  once, with its final weights; the interval is Student's t over the seeds.
- *Estimate*: the mean difference between two arms, paired by seed, unless the rule says otherwise;
  with its 95 % interval (90 % if the claim is that two things are similar).
- *p*: one-sided, for the direction of the claim.
- *Checks*: further conditions of the verdict, or, for exact statements, all of them."""

FORMULAS = {
    "goodness": "l2_norm, ||h||_2",
    "loss": "sigmoid(g_neg - theta) - sigmoid(g_pos - theta)",
}
ORIGINAL = {"goodness": "the same", "loss": "the same", "data": "MNIST"}


def write(folder: Path) -> None:
    """Write a page for each claim, and one that lists them."""
    folder.mkdir(exist_ok=True)
    found = results.read(KEPT)
    rows = []
    for name, claim in CLAIMS.items():
        page = name.replace(".", "_")
        verdict = found[name]["verdict"] if name in found else "not run yet"
        (folder / f"{page}.md").write_text(_page(claim, found.get(name)))
        rows.append(f"| [{name}]({page}.md) | {escaped(claim.title)} | {verdict} |")
    pages = [name.replace(".", "_") for name in CLAIMS]
    text = INDEX.format(rows="\n".join(rows), pages="\n".join(pages))
    (folder / "index.md").write_text(text)


def escaped(text: object) -> str:
    """Text with Markdown's special characters escaped."""
    return re.sub(r"([\\|*_<>`\[\]$~])", r"\\\1", str(text))


def _page(claim: Claim, result: dict[str, Any] | None) -> str:
    parts = [
        f"# {escaped(claim.name)}: {escaped(claim.title)}",
        f"> {escaped(claim.statement)}",
        f"Source: {escaped(claim.source)}.",
        "## Verdict",
    ]
    if result is None:
        parts.append("Not run yet at the default scale.")
    else:
        parts += [_verdict(result), *map(escaped, result["note"].split("\n\n"))]
    changed = "[what was changed later](../poster.md#what-was-changed-after-results-were-seen)"
    parts += ["## The rule", f"Fixed before the runs, except for {changed}.", escaped(claim.rule)]
    if result is not None:
        parts += [*_tables(result), "## What the numbers mean", MEANINGS]
        parts += ["## Compared with the poster", *_original(result["conditions"] or {})]
    parts += ["## Details", _details(claim)]
    parts += [
        "## The command",
        f"```bash\nff reproduce poster.{claim.name}                 # at the default scale\n"
        f"ff reproduce poster.{claim.name} --scale smoke   # a test of the installation\n"
        "ff report results/poster --out poster.html   # the figures of all claims\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _original(conditions: dict[str, Any]) -> list[str]:
    """What is the same as the poster's, and what its text does not say."""
    ours = {**FORMULAS, **conditions}
    rows = [
        [escaped(what), escaped(value), ORIGINAL.get(what, "not in its text")]
        for what, value in ours.items()
    ]
    return [
        "Unless an arm's settings differ:",
        _table(["what", "ours", "poster"], rows),
    ]


def _details(claim: Claim) -> str:
    """The steps of the test, each with its file."""
    arms = claim.arms(named("default")) if claim.arms else []
    trained = {METHODS[arm.method].__module__ for arm in arms}
    start = _file("forward_forward.lab.reproduce.training.start")
    steps = [
        f"The statement is from the {claim.source}; its measurement and its rule are in"
        f" {_file(claim.measure.__module__)}."
    ]
    steps += [
        f"Runs are trained by {_file(module)}; {start} describes their starting point."
        for module in sorted(trained)
    ]
    if trained:
        steps += [
            "All arms are tuned in the same way, on validation images only, by"
            f" {_file('forward_forward.lab.reproduce.tuning')}; each final run is evaluated on the"
            " test images once.",
            "Differences are paired by seed; intervals, tests and Holm's correction for the number"
            " of directional claims are in"
            f" {_file('forward_forward.lab.statistics')} and"
            f" {_file('forward_forward.lab.reproduce.rules')}.",
            "A run is a line of `results/poster/runs.jsonl`, keyed by all its settings, with the"
            " versions and the kind of processor that it used.",
        ]
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def _file(module: str) -> str:
    return f"`src/{module.replace('.', '/')}.py`"


def _verdict(result: dict[str, Any]) -> str:
    statistic = result["statistic"]
    lines = [f"**{result['verdict']}**"]
    if statistic["estimate"] is None:
        lines.append(f"by {statistic['unit']}")
    else:
        lines.append(f": {escaped(results.estimate(result))}")
        if statistic.get("of"):
            lines.append(f" ({escaped(statistic['of'])})")
    p = statistic.get("p_holm", statistic["p"])
    if p is not None:
        small = "below 0.001" if p < 0.001 else f"{p:.3f}"
        lines.append(f"; p {small}" + (" after Holm" if "p_holm" in statistic else ""))
    return "".join(f" {line}" if line.startswith("by") else line for line in lines) + "."


def _tables(result: dict[str, Any]) -> list[str]:
    parts = []
    if result["arms"]:
        head = ["arm", "settings", "epochs", "seeds", "test error, %, 95 % t interval", "seconds"]
        parts += ["## Arms", _table(head, [_arm(arm) for arm in result["arms"]])]
        parts.append("Seconds are the mean of the runs, with other work on the same machine.")
    if result["comparisons"]:
        head = ["difference", "estimate, 95 % interval", "p, one-sided", "seeds"]
        parts += ["## Comparisons", _table(head, [_pair(each) for each in result["comparisons"]])]
    if result["checks"]:
        head = ["check", "found", "limit", "passed"]
        rows = [
            [escaped(each["name"]), _number(each["value"]), _number(each["limit"]), _yes(each)]
            for each in result["checks"]
        ]
        parts += ["## Checks", _table(head, rows)]
    versions = ", ".join(f"{name} {each}" for name, each in result["versions"].items())
    parts.append(f"Measured on {result['date']} on {escaped(result['device'])}, with {versions}.")
    return parts


def _arm(arm: dict[str, Any]) -> list[str]:
    settings = ", ".join(f"{key} {_number(value)}" for key, value in arm["settings"].items())
    return [
        escaped(arm["name"]),
        settings,
        f"{arm['epochs']:g}",
        str(len(arm["seeds"])),
        _interval(arm["errors"]),
        f"{np.mean(arm['seconds']):.0f}" if arm["seconds"] else "",
    ]


def _interval(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return "".join(f"{value:.2f}" for value in known)
    found = t_interval(known)
    return f"{found.mean:.2f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{found.half:.2f}"


def _pair(pair: dict[str, Any]) -> list[str]:
    numbers = [f"{pair[key]:.2f}".replace("-", "−") for key in ("estimate", "low", "high")]
    mean, low, high = numbers
    p = pair.get("p")
    return [
        escaped(pair["name"]),
        f"{mean} {pair['unit']}, {low} to {high}",
        "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}",
        str(pair.get("seeds", "")),
    ]


def _yes(check: dict[str, Any]) -> str:
    passed = check.get("passed")
    return "" if passed is None else "yes" if passed else "no"


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else escaped(value)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

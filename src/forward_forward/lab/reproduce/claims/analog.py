"""The motivation of analog hardware: imperfections that the learning rule is not told of."""

from __future__ import annotations

import statistics
from typing import Any

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import by_backprop, poster
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.lab.reproduce.training.analog import (
    IMPERFECTIONS,
    Imperfection,
)

CONVERGED = 10.0  # percent of errors, as in Figure 6
UNKNOWN: tuple[Imperfection, ...] = ("between", "black box")  # what lies between two layers


def _on_hardware(kind: str, train: str) -> Arm:
    method = "analog_forward_forward" if train == "FF" else "analog_backprop"
    ideal = poster() if train == "FF" else by_backprop()
    return Arm(f"{train}, {kind}", method, {"imperfection": kind}, seeds="deciding", like=ideal)


def arms(scale: Scale) -> list[Arm]:
    """Both on ideal hardware and with every imperfection."""
    imperfect = [
        _on_hardware(kind, train) for kind in IMPERFECTIONS for train in ("FF", "backprop")
    ]
    return [poster("FF, ideal"), by_backprop("backprop, ideal"), *imperfect]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    rows = {kind: _loses_less(found, kind) for kind in IMPERFECTIONS}
    checks = [_runs(found[f"FF, {kind}"]) for kind in IMPERFECTIONS]
    losses = {
        kind: [_added(found, train, kind) for train in ("FF", "backprop")] for kind in IMPERFECTIONS
    }
    words = "; ".join(
        f"{kind}: {ff:+.2f} and {backprop:+.2f}" for kind, (ff, backprop) in losses.items()
    )
    note = (
        "What an imperfection adds to the mean test error of Forward-Forward and of backprop, in"
        f" points: {words}. The signals are what the hardware makes of them, in training and in"
        " use; both learning rules reckon with the ideal layer. Inside: every unit has a gain"
        " (spread 0.5 of its logarithm) and an offset (0.3). Between: so has every input of the"
        " second layer and those above. Noise: 0.3 of the signal, anew each time. 4 bits: weights"
        " and inputs rounded. Black box: the inputs of these layers go through a fixed random"
        " mixture and a step, which has no derivative; backprop passes its error straight through."
        " The settings are those chosen on ideal hardware." + _against(rows) + _spread(found)
    )
    return Finding(
        rules.directional([rows[kind] for kind in UNKNOWN]),
        None,
        note,
        list(rows.values()),
        checks,
        list(found.values()),
        [figures.points("Test error on imperfect hardware", found.values())],
        beside=rules.REPRODUCED if all(row["passed"] for row in checks) else rules.NOT_REPRODUCED,
    )


def _runs(outcome: ArmResult) -> dict[str, Any]:
    """Whether the median run still learns."""
    median = statistics.median(outcome.errors)
    return rules.check(
        f"{outcome.arm.name}: median test error, %",
        round(median, 2),
        f"at most {CONVERGED:g}",
        median <= CONVERGED,
    )


def _against(rows: dict[str, dict[str, Any]]) -> str:
    """Imperfections that Forward-Forward bears worse than backprop, whether they decide or not."""
    names = [kind for kind, row in rows.items() if row["p_opposite"] < 0.05]
    if not names:
        return ""
    return (
        f" Against the statement, though it decides nothing of it: {' and '.join(names)}"
        f" {'costs' if len(names) == 1 else 'cost'} Forward-Forward more than"
        " backprop (p below 0.05, not corrected)."
    )


def _spread(found: dict[str, ArmResult]) -> str:
    """Arms whose median passes while some seeds do not."""
    words = ""
    for kind in IMPERFECTIONS:
        errors = found[f"FF, {kind}"].errors
        above = sum(error > CONVERGED for error in errors)
        if above:
            words += f" With {kind} {above} of {len(errors)} seeds end above {CONVERGED:g} %."
    return words


def _loses_less(found: dict[str, ArmResult], kind: str) -> dict[str, Any]:
    """By how much more backprop suffers than Forward-Forward, seed by seed."""
    four = [found[f"{train}, {what}"] for train in ("backprop", "FF") for what in (kind, "ideal")]
    seeds = sorted(set.intersection(*(set(each.records) for each in four)))
    values = []
    for seed in seeds:
        backprop, backprop_ideal, ff, ff_ideal = (rules.test_error(each, seed) for each in four)
        values.append((backprop - backprop_ideal) - (ff - ff_ideal))
    return rules.compared(f"{kind}: added to backprop's error - added to FF's", values)


def _added(found: dict[str, ArmResult], train: str, kind: str) -> float:
    means = [statistics.fmean(found[f"{train}, {what}"].errors) for what in (kind, "ideal")]
    return means[0] - means[1]


ANALOG = Claim(
    "motive.analog",
    "Analog hardware",
    "Can be run on analog computers. (The exact forward computation need not be known.)",
    "poster, Motivations",
    f"Both parts must hold. It runs: with each of five imperfections that the learning rule is not"
    f" told of, the median test error of Forward-Forward is at most {CONVERGED:g} %. What lies"
    f" between two layers need not be known: {rules.BETTER} Here: unknown gains between layers, and"
    " a black box there, add less to the error of Forward-Forward than to that of backprop (the"
    " larger p decides). The other imperfections are compared beside them; the settings of all are"
    " those tuned on ideal hardware.",
    _measure,
    arms,
)

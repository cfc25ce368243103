"""The motivation of analog hardware: imperfections that the learning rule does not know of."""

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
from forward_forward.lab.reproduce.training.analog import IMPERFECTIONS, Imperfection

CONVERGED = 10.0  # percent of errors, as in Figure 6
UNKNOWN: tuple[Imperfection, ...] = ("between", "black box")  # those between two layers
METHODS = {"FF": "analog_forward_forward", "backprop": "analog_backprop"}


def arms(scale: Scale) -> list[Arm]:
    """Both on ideal hardware and with every imperfection."""
    ideal = {"FF": poster("FF, ideal"), "backprop": by_backprop("backprop, ideal")}
    like = {"FF": poster(), "backprop": by_backprop()}
    imperfect = [
        Arm(f"{name}, {kind}", method, {"imperfection": kind}, seeds="deciding", like=like[name])
        for kind in IMPERFECTIONS
        for name, method in METHODS.items()
    ]
    return [*ideal.values(), *imperfect]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    rows = {kind: _loses_less(found, kind) for kind in IMPERFECTIONS}
    checks = [_runs(found[f"FF, {kind}"]) for kind in IMPERFECTIONS]
    return Finding(
        rules.directional([rows[kind] for kind in UNKNOWN]),
        None,
        _note(found, rows),
        list(rows.values()),
        checks,
        list(found.values()),
        figures=[figures.points("Test error on imperfect hardware", found.values())],
        beside=rules.REPRODUCED if all(row["passed"] for row in checks) else rules.NOT_REPRODUCED,
    )


def _note(found: dict[str, ArmResult], rows: dict[str, rules.Comparison]) -> str:
    def added(name: str, kind: str) -> float:
        return found[f"{name}, {kind}"].mean_error - found[f"{name}, ideal"].mean_error

    losses = "; ".join(
        f"{kind}: {added('FF', kind):+.2f} and {added('backprop', kind):+.2f}"
        for kind in IMPERFECTIONS
    )
    return (
        "What an imperfection adds to the mean test error of Forward-Forward and of backprop, in"
        f" points: {losses}. Signals have the values that the hardware produces, in training and in"
        " use; both learning rules assume the ideal layer. Inside: every unit has a gain (standard"
        " deviation 0.5 of its logarithm) and an offset (0.3). Between: every input of the second"
        " layer and those above has. Noise: 0.3 of the signal, drawn in every pass. 4 bits: weights"
        " and inputs are rounded. Black box: the inputs of these layers pass through a fixed random"
        " mixture and a step function, which has no derivative; backprop passes its error straight"
        " through. The settings are those chosen on ideal hardware."
        + _against(rows)
        + _spread(found)
    )


def _runs(arm: ArmResult) -> dict[str, Any]:
    """Whether the median run still learns."""
    median = statistics.median(arm.errors)
    name, limit = f"{arm.name}: median test error, %", f"at most {CONVERGED:g}"
    return rules.check(name, round(median, 2), limit, median <= CONVERGED)


def _against(rows: dict[str, rules.Comparison]) -> str:
    """Imperfections that cost Forward-Forward more than backprop, whether they decide or not."""
    names = [kind for kind, row in rows.items() if row["p_opposite"] < rules.ALPHA]
    if not names:
        return ""
    return (
        f" Against the statement, though without effect on the verdict: {' and '.join(names)}"
        f" {'costs' if len(names) == 1 else 'cost'} Forward-Forward more than backprop (p below"
        f" {rules.ALPHA}, not corrected)."
    )


def _spread(found: dict[str, ArmResult]) -> str:
    """Arms whose median passes although some seeds do not."""
    text = ""
    for kind in IMPERFECTIONS:
        errors = found[f"FF, {kind}"].errors
        above = sum(error > CONVERGED for error in errors)
        if above:
            text += f" With {kind} {above} of {len(errors)} seeds end above {CONVERGED:g} %."
    return text


def _loses_less(found: dict[str, ArmResult], kind: str) -> rules.Comparison:
    """How much more an imperfection adds to backprop's error than to Forward-Forward's."""
    four = [found[f"{name}, {what}"] for name in ("backprop", "FF") for what in (kind, "ideal")]
    values = []
    for seed in rules.common_seeds(*four):
        backprop, backprop_ideal, ff, ff_ideal = (rules.test_error(each, seed) for each in four)
        values.append((backprop - backprop_ideal) - (ff - ff_ideal))
    return rules.compared(f"{kind}: added to backprop's error - added to FF's", values)


ANALOG = Claim(
    name="motive.analog",
    title="Analog hardware",
    statement="Can be run on analog computers. (The exact forward computation need not be known.)",
    source="poster, Motivations",
    rule="Both parts must hold. It runs: with each of five imperfections that the learning rule"
    f" does not know of, the median test error of Forward-Forward is at most {CONVERGED:g} %. The"
    f" computation between two layers need not be known: {rules.BETTER} Here: unknown gains between"
    " layers, and a black box there, add less to the error of Forward-Forward than to that of"
    " backprop (the larger p decides). The other imperfections are compared as well; all settings"
    " are those tuned on ideal hardware.",
    measure=_measure,
    arms=arms,
)

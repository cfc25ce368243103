"""The limitation that Forward-Forward learns slower: epochs and seconds to 95, 97 and 98 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.pace import Pace, measured, median_to, pace_job, slower_by
from forward_forward.lab.reproduce.claims.variations import by_backprop, poster
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.lab.reproduce.tuning import GOAL

GOALS = (5.0, 3.0, 2.0)  # percent of errors: 95, 97 and 98 % right
FF, BACKPROP = "Forward-Forward", "backprop"
FAST = "{}, tuned for speed"


def arms(scale: Scale) -> list[Arm]:
    """Both, tuned for the final error and tuned for the area under the learning curve."""
    return [
        poster(FF),
        by_backprop(BACKPROP),
        replace(poster(FAST.format(FF)), fastest=True),
        replace(by_backprop(FAST.format(BACKPROP)), fastest=True),
    ]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    pace = measured(runner)
    pairs = [(found[name.format(FF)], found[name.format(BACKPROP)]) for name in ("{}", FAST)]
    comparisons = [slower_by(*pair, clock) for clock in (None, pace) for pair in pairs]
    note = (
        "The first moment at which the validation error, read from 2,000 images, was at most the"
        " goal, as the median over the seeds. In the comparisons a run that never got there counts"
        f" as the whole budget of {runner.scale.epochs:g} epochs (of the shorter one, in seconds),"
        " which favours the slower one. An epoch of Forward-Forward takes"
        f" {pace.forward_forward:.2f} s and one of backprop"
        f" {pace.backprop:.2f} s on one thread, from steps timed in turns, judging not counted."
        f" The verdict rests on the epochs to {100 - GOAL:g} %, both for settings tuned for the"
        " final error and for settings tuned for the least area under the learning curve."
    )
    outcomes = list(found.values())
    return Finding(
        rules.directional(comparisons[:2]),
        None,
        note,
        comparisons,
        outcomes=outcomes,
        figures=[
            figures.curves("Validation error by epochs", outcomes, levels=list(GOALS)),
            figures.curves("Validation error by seconds", outcomes, pace.of, levels=list(GOALS)),
            _table(outcomes, pace),
        ],
    )


def _table(outcomes: Sequence[ArmResult], pace: Pace) -> figures.Figure:
    columns = [f"{unit} to {100 - goal:g} %" for unit in ("epochs", "seconds") for goal in GOALS]
    rows = [
        [
            each.arm.name,
            *(median_to(each, goal) for goal in GOALS),
            *(median_to(each, goal, pace.of(each)) for goal in GOALS),
        ]
        for each in outcomes
    ]
    caption = "Medians over the seeds. A dash: most runs never got there."
    return figures.table("How long it takes", ["arm", *columns], rows, caption)


SLOWER = Claim(
    "limit.slower",
    "How fast each learns",
    "Learns slower than backpropagation.",
    "poster, Limitations",
    f"{rules.BETTER} Here: backprop needs fewer epochs to {100 - GOAL:g} %, in place of points of"
    f" error, by {rules.LEAST:.2f} epochs or more; both with settings tuned for the final error and"
    " with settings tuned for speed, the least area under the learning curve of the tuning runs"
    " (the larger p decides).",
    _measure,
    arms,
    lambda scale: [pace_job(scale)],
)

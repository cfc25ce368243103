"""The limitation that Forward-Forward learns slower: epochs and seconds to 95, 97 and 98 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, better
from forward_forward.lab.reproduce.claims.pace import Pace, measured, median_to, pace_job, slower_by
from forward_forward.lab.reproduce.claims.variations import by_backprop, poster
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.lab.reproduce.tuning import GOAL

GOALS = (5.0, 3.0, 2.0)  # percent of errors: accuracies of 95, 97 and 98 %
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
    note = (
        "The time at which the validation error, read from 2,000 images, first reached the goal, as"
        " the median over the seeds. In the comparisons a run that never reached it counts as the"
        f" whole budget of {runner.scale.epochs:g} epochs (for seconds, of the shorter one), which"
        f" favours the slower one. {pace} on one thread, from steps timed in alternation, without"
        f" evaluation. The verdict rests on the epochs to {100 - GOAL:g} %, both with settings"
        " tuned for the final error and with settings tuned for the least area under the learning"
        " curve."
    )
    results = list(found.values())
    return better(
        [slower_by(*pair) for pair in pairs],
        note,
        results,
        further=[slower_by(*pair, pace) for pair in pairs],
        figures=[
            figures.curves("Validation error by epochs", results, levels=list(GOALS)),
            figures.curves("Validation error by seconds", results, pace.of, levels=list(GOALS)),
            _table(results, pace),
        ],
    )


def _table(results: Sequence[ArmResult], pace: Pace) -> figures.Figure:
    columns = [f"{unit} to {100 - goal:g} %" for unit in ("epochs", "seconds") for goal in GOALS]
    rows = [
        [each.name, *(median_to(each, goal, unit) for unit in (1, pace.of(each)) for goal in GOALS)]
        for each in results
    ]
    caption = "Medians over the seeds. A dash: most runs never reached the goal."
    return figures.table("Time to each accuracy", ["arm", *columns], rows, caption)


SLOWER = Claim(
    name="limit.slower",
    title="How fast each learns",
    statement="Learns slower than backpropagation.",
    source="poster, Limitations",
    rule=f"{rules.BETTER} Here, with epochs in place of points of error: backprop needs fewer"
    f" epochs to {100 - GOAL:g} %, by at least {rules.LEAST:.2f} epochs, both with settings tuned"
    " for the final error and with settings tuned for speed, the least area under the"
    " learning curve of the tuning runs (the larger p decides).",
    measure=_measure,
    arms=arms,
    jobs=lambda scale: [pace_job(scale)],
)

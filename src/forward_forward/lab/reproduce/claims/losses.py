"""Figure 8, right: the log-sigmoid loss compared with the sigmoid loss."""

from __future__ import annotations

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, better
from forward_forward.lab.reproduce.claims.variations import poster, variation
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale

SIGMOID, LOG, LITERAL = "sigmoid", "log-sigmoid", "log-sigmoid, read literally"


def arms(scale: Scale) -> list[Arm]:
    """The three losses."""
    return [
        poster(SIGMOID),
        variation(LOG, seeds="deciding", loss="log_sigmoid"),
        variation(LITERAL, loss="log_sigmoid_literal"),
    ]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    note = (
        figures.mean_errors(found)
        + " The literal reading, log sigma(g_neg - theta) - log sigma(g_pos - theta), has a slope"
        " that vanishes for exactly the hard negatives; it is an additional arm and decides"
        " nothing."
    )
    return better(
        [rules.better(found[LOG], found[SIGMOID])],
        note,
        found.values(),
        further=[rules.better(found[LITERAL], found[SIGMOID])],
        figures=[figures.points("Test error by loss", found.values())],
    )


FIGURE_8_RIGHT = Claim(
    name="fig8.right",
    title="Log-sigmoid loss",
    statement="Using log-sigmoid loss improves upon the paper's sigmoid loss.",
    source="poster, Figure 8, right",
    rule=f"{rules.BETTER} Here: the log-sigmoid loss, -log sigma(g_pos - theta) - log sigma(theta -"
    " g_neg), is better than the sigmoid loss.",
    measure=_measure,
    arms=arms,
)

"""Figure 8, right: the log-sigmoid loss beside the sigmoid loss."""

from __future__ import annotations

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
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
    decides = rules.better(found[LOG], found[SIGMOID])
    literal = rules.better(found[LITERAL], found[SIGMOID])
    note = (
        figures.errors_in_words(found)
        + " The literal reading, log sigma(g_neg - theta) - log sigma(g_pos - theta), has a slope"
        " that vanishes for just the hard negatives; it is an extra arm and decides nothing."
    )
    return Finding(
        rules.directional([decides]),
        None,
        note,
        [decides, literal],
        outcomes=list(found.values()),
        figures=[figures.points("Test error by loss", found.values())],
    )


FIGURE_8_RIGHT = Claim(
    "fig8.right",
    "Log-sigmoid loss",
    "Using log-sigmoid loss improves upon the paper's sigmoid loss.",
    "poster, Figure 8, right",
    f"{rules.BETTER} Here: the log-sigmoid loss, -log sigma(g_pos - theta) - log sigma(theta -"
    " g_neg), is better than the sigmoid loss.",
    _measure,
    arms,
)

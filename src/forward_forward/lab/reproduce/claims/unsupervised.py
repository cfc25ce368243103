"""The motivation of learning without labels: hybrid negatives and a linear read-out."""

from __future__ import annotations

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, better
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale

LEARNED, RANDOM, PIXELS = "learned without labels", "random features", "pixels"


def arms(scale: Scale) -> list[Arm]:
    """Features learned without labels, those of untrained layers, and pixels."""
    return [
        Arm(
            LEARNED,
            "unsupervised",
            {"features": "learned", "readout_lr": 1e-2},
            third=("readout_lr", (3e-3, 1e-2, 3e-2)),
            seeds="deciding",
        ),
        *(
            Arm(name, "unsupervised", {"features": kind}, 1e-2, second=None, seeds="deciding")
            for name, kind in ((RANDOM, "random"), (PIXELS, "pixels"))
        ),
    ]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    note = (
        figures.mean_errors(found)
        + " Positive data are images, negative data hybrids of two images; the layers see no"
        " labels. A linear softmax then reads the activities of all layers, each at mean square 1;"
        " it is trained in the same way on all three kinds of features, with its learning rate"
        " tuned for each."
    )
    return better(
        [rules.better(found[LEARNED], found[name]) for name in (RANDOM, PIXELS)],
        note,
        found.values(),
        figures=[figures.points("Test error of a linear read-out", found.values())],
    )


UNSUPERVISED = Claim(
    name="motive.unsupervised",
    title="Learning without labels",
    statement="Can be easily adapted for unsupervised learning.",
    source="poster, Motivations",
    rule=f"{rules.BETTER} Here: a linear read-out of features learned on hybrid negatives is better"
    " than one of random features and one of pixels (the larger p decides).",
    measure=_measure,
    arms=arms,
)

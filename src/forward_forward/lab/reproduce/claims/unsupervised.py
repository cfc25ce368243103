"""The motivation of learning without labels: hybrid negatives and a linear read-out."""

from __future__ import annotations

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale


def arms(scale: Scale) -> list[Arm]:
    """Features learned without labels, untrained ones, and pixels."""
    return [
        Arm(
            "learned without labels",
            "unsupervised",
            {"features": "learned", "readout_lr": 1e-2},
            third=("readout_lr", (3e-3, 1e-2, 3e-2)),
            seeds="deciding",
        ),
        *(
            Arm(name, "unsupervised", {"features": kind}, 1e-2, second=None, seeds="deciding")
            for name, kind in (("random features", "random"), ("pixels", "pixels"))
        ),
    ]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    learned = found["learned without labels"]
    rows = [rules.better(learned, found[name]) for name in ("random features", "pixels")]
    note = (
        figures.errors_in_words(found)
        + " Positive data are images, negative data hybrids of two images; no label is seen by the"
        " layers. A linear softmax then reads the activities of all layers, each at mean square 1;"
        " it is trained alike on all three kinds of features, its rate tuned for each."
    )
    return Finding(
        rules.directional(rows),
        None,
        note,
        rows,
        outcomes=list(found.values()),
        figures=[figures.points("Test error of a linear read-out", found.values())],
    )


UNSUPERVISED = Claim(
    "motive.unsupervised",
    "Learning without labels",
    "Can be easily adapted for unsupervised learning.",
    "poster, Motivations",
    f"{rules.BETTER} Here: a linear read-out of features learned on hybrid negatives is better than"
    " one of random features and one of pixels (the larger p decides).",
    _measure,
    arms,
)

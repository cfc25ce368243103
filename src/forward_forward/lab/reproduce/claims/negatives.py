"""Figure 4: hard negatives beside uniform ones, at equal steps and at equal multiply-adds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import negatives, poster
from forward_forward.lab.reproduce.job import split_of
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.recipes.plan import features

UNIFORM = "uniform"
HARD = ("hard, by softmax", "hard, by goodness")


def work(widths: Sequence[int], classes: int, kind: str) -> int:
    """Multiply-adds of a sample in a training step, by the kind of negatives.

    The first layer's product with an image serves all its label variants. Uniform negatives add
    nothing to a step; those drawn from the softmax add one neutral pass through the upper layers
    and the head's two products, those drawn from the goodness a pass of every label.

    Args:
        widths: Values in a sample, then units of each layer.
        classes: How many labels there are.
        kind: "uniform" or one of `HARD`.

    >>> round(work([784, 500, 500], 10, HARD[1]) / work([784, 500, 500], 10, UNIFORM), 2)
    2.4
    """
    first, *upper = (a * b for a, b in itertools.pairwise(widths))
    step = 2 * first + 4 * sum(upper)
    if kind == HARD[0]:
        read = widths[2:] or widths[1:]
        return step + sum(upper) + 2 * classes * sum(read)
    return step + classes * sum(upper) if kind == HARD[1] else step


def arms(scale: Scale) -> list[Arm]:
    """Uniform negatives, both kinds of hard ones, and uniform ones with as much work as each."""
    split = split_of(scale.data, scale.images, "cpu")
    widths = [features(split.train), *scale.hidden]
    classes = len(split.train.classes)
    plain = work(widths, classes, UNIFORM)
    equal = [
        replace(
            poster(f"uniform, work of {kind}"),
            like=poster(),
            longer=round(work(widths, classes, kind) / plain, 2),
        )
        for kind in HARD
    ]
    return [poster(UNIFORM), *(negatives(kind) for kind in HARD), *equal]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    steps = [rules.better(found[kind], found[UNIFORM]) for kind in HARD]
    equal = [rules.better(found[kind], found[f"uniform, work of {kind}"]) for kind in HARD]
    won = [row["name"] for row in equal if row["low"] > 0]
    lost = [row["name"] for row in equal if row["high"] < 0]
    note = (
        figures.errors_in_words(found)
        + f" At equal steps hard negatives gain {_gains(steps)} points; the claim is of both kinds."
        + " Uniform negatives with more epochs have the multiply-adds of the hard ones. At equal"
        f" multiply-adds the 95 % interval speaks for hard negatives in {len(won)} of {len(equal)}"
        f" comparisons and against them in {len(lost)}."
    )
    return Finding(
        rules.directional(steps),
        None,
        note,
        [*steps, *equal],
        outcomes=list(found.values()),
        figures=[figures.points("Test error by kind of negatives", found.values())],
    )


def _gains(rows: Sequence[rules.Comparison]) -> str:
    pairs = zip(rows, HARD, strict=True)
    return " and ".join(
        f"{row['estimate']:+.2f} ({kind.partition(', ')[2]})" for row, kind in pairs
    )


FIGURE_4 = Claim(
    "fig4",
    "Hard negatives",
    "Hard negative mining improves accuracy.",
    "poster, Figure 4",
    f"{rules.BETTER} Here: both kinds of hard negatives (drawn from the softmax head's guess, and"
    " from the goodness of every label) are better than uniform ones at equal steps (the larger p"
    " decides). Equal multiply-adds are shown beside it.",
    _measure,
    arms,
)

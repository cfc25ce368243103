"""Figure 4: hard negatives compared with uniform ones, at equal steps and equal multiply-adds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, better
from forward_forward.lab.reproduce.claims.variations import poster, variation
from forward_forward.lab.reproduce.job import split_of
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.recipes.plan import features

UNIFORM = "uniform"
NEGATIVES = {
    "hard, by softmax": "FromSoftmax()",
    "hard, by goodness": "FromGoodness(temperature=1.0, fraction=1.0)",
}
HARD = tuple(NEGATIVES)


def work(widths: Sequence[int], classes: int, kind: str) -> int:
    """Multiply-adds of a sample in a training step, by the kind of negatives.

    The first layer's product with an image serves all its label variants. Uniform negatives add
    nothing to a step; those drawn from the softmax add one neutral pass through the upper layers
    and the head's two products, those drawn from the goodness a pass of every label.

    The widths are the values in a sample, then the units of each layer.

    >>> round(work([784, 500, 500], 10, HARD[1]) / work([784, 500, 500], 10, UNIFORM), 2)
    2.4
    """
    first, *upper = (a * b for a, b in itertools.pairwise(widths))
    step = 2 * first + 4 * sum(upper)
    if kind == HARD[0]:
        read = widths[2:] or widths[1:]
        return step + sum(upper) + 2 * classes * sum(read)
    return step + classes * sum(upper) if kind == HARD[1] else step


def _equal_work(kind: str) -> str:
    return f"uniform, work of {kind}"


def arms(scale: Scale) -> list[Arm]:
    """Uniform negatives, both kinds of hard ones, and uniform ones with as much work as each."""
    train = split_of(scale.data, scale.images, "cpu").train
    widths, classes = [features(train), *scale.hidden], len(train.classes)
    plain = work(widths, classes, UNIFORM)
    longer = {kind: round(work(widths, classes, kind) / plain, 2) for kind in HARD}
    return [
        poster(UNIFORM),
        *(variation(kind, seeds="deciding", negatives=part) for kind, part in NEGATIVES.items()),
        *(replace(poster(_equal_work(kind)), like=poster(), longer=longer[kind]) for kind in HARD),
    ]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    steps = [rules.better(found[kind], found[UNIFORM]) for kind in HARD]
    equal = [rules.better(found[kind], found[_equal_work(kind)]) for kind in HARD]
    gains = " and ".join(
        f"{row['estimate']:+.2f} ({kind.partition(', ')[2]})"
        for row, kind in zip(steps, HARD, strict=True)
    )
    note = (
        figures.mean_errors(found)
        + f" At equal steps hard negatives gain {gains} points; the claim is about both kinds. With"
        " more epochs, uniform negatives have as many multiply-adds as the hard ones. At equal"
        " multiply-adds the 95 % interval favours hard negatives in"
        f" {sum(row['low'] > 0 for row in equal)} of {len(equal)} comparisons and uniform ones in"
        f" {sum(row['high'] < 0 for row in equal)}."
    )
    return better(
        steps,
        note,
        found.values(),
        further=equal,
        figures=[figures.points("Test error by kind of negatives", found.values())],
    )


FIGURE_4 = Claim(
    name="fig4",
    title="Hard negatives",
    statement="Hard negative mining improves accuracy.",
    source="poster, Figure 4",
    rule=f"{rules.BETTER} Here: both kinds of hard negatives (drawn from the softmax head's"
    " prediction, and from the goodness of every label) are better than uniform ones at equal steps"
    " (the larger p decides). Equal multiply-adds are shown as well.",
    measure=_measure,
    arms=arms,
)

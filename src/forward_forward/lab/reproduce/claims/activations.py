"""Figure 8, left: bounded activations beside unbounded ones."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import BOUNDED, UNBOUNDED, activation
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale

NAMES = ("ReLU", *UNBOUNDED, *BOUNDED)


def arms(scale: Scale) -> list[Arm]:
    """Every activation with a tuned threshold, and with the root of the width."""
    return [activation(name, common_threshold=common) for common in (False, True) for name in NAMES]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    free = [found[name] for name in ("ReLU", *UNBOUNDED)]
    bounded = [found[name] for name in BOUNDED]
    seeds = set.intersection(*(set(each.records) for each in [*free, *bounded]))
    contrast = rules.compared(
        "mean of the bounded - mean of the unbounded",
        [_mean(bounded, seed) - _mean(free, seed) for seed in sorted(seeds)],
    )
    pairs = [rules.better(found["ReLU"], each) for each in bounded]
    best = min(bounded, key=lambda each: statistics.fmean(each.each("validation_error")))
    worst = max(free, key=lambda each: statistics.fmean(each.each("validation_error")))
    nearest = rules.better(worst, best)
    common = [found[activation(name, common_threshold=True).name] for name in NAMES]
    note = (
        figures.errors_in_words({each.arm.name: each for each in [*free, *bounded]})
        + " With one common threshold, the root of the width, the goodness of a bounded activation"
        " cannot exceed it, so that positive data can never pass; but a label is read by comparing"
        f" goodness, not by the threshold. There the errors are {_words(common)}. The threshold"
        " tuned for each activation decides."
        f" Of the bounded ones {best.arm.name} does best on validation data, of the unbounded ones"
        f" {worst.arm.name} worst; between these two the difference is {nearest['estimate']:+.2f}"
        " points."
    )
    return Finding(
        rules.directional([contrast]),
        None,
        note,
        [contrast, *pairs, nearest],
        outcomes=list(found.values()),
        figures=[
            figures.points("Test error, threshold tuned", [*free, *bounded]),
            figures.points("Test error, threshold of the root of the width", common, NAMES),
        ],
    )


def _mean(outcomes: Iterable[ArmResult], seed: int) -> float:
    return statistics.fmean(each.records[seed]["test_error"] for each in outcomes)


def _words(outcomes: Iterable[ArmResult]) -> str:
    return ", ".join(
        f"{each.arm.name.partition(',')[0]} {statistics.fmean(each.errors):.2f} %"
        for each in outcomes
    )


FIGURE_8_LEFT = Claim(
    "fig8.left",
    "Bounded activations",
    "Activation functions that constrain activations perform worse.",
    "poster, Figure 8, left",
    f"{rules.BETTER} Here: the mean error of tanh, sigmoid and hard tanh is above that of ReLU,"
    " leaky ReLU, GELU, softplus and SiLU, seed by seed, with the threshold tuned for each. One"
    " common threshold, the root of the width, is shown beside it.",
    _measure,
    arms,
)

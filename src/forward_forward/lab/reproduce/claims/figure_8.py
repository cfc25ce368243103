"""Figure 8: bounded activations compared with unbounded ones, and the log-sigmoid loss."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, better
from forward_forward.lab.reproduce.claims.variations import (
    BOUNDED,
    UNBOUNDED,
    activation,
    poster,
    variation,
)
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale

NAMES = ("ReLU", *UNBOUNDED, *BOUNDED)
SIGMOID, LOG, LITERAL = "sigmoid", "log-sigmoid", "log-sigmoid, read literally"


def _activations(scale: Scale) -> list[Arm]:
    """Every activation with a tuned threshold, and with the root of the width."""
    return [activation(name, common_threshold=common) for common in (False, True) for name in NAMES]


def _left(runner: Runner) -> Finding:
    found = runner.arms(*_activations(runner.scale))
    unbounded = [found[name] for name in ("ReLU", *UNBOUNDED)]
    bounded = [found[name] for name in BOUNDED]
    tuned = [*unbounded, *bounded]
    contrast = rules.compared(
        "mean of the bounded - mean of the unbounded",
        [_mean(bounded, seed) - _mean(unbounded, seed) for seed in rules.common_seeds(*tuned)],
    )
    best = min(bounded, key=lambda arm: statistics.fmean(arm.each("validation_error")))
    worst = max(unbounded, key=lambda arm: statistics.fmean(arm.each("validation_error")))
    nearest = rules.better(worst, best)
    common = [found[activation(name, common_threshold=True).name] for name in NAMES]
    common_errors = ", ".join(
        f"{name} {arm.mean_error:.2f} %" for name, arm in zip(NAMES, common, strict=True)
    )
    note = (
        figures.mean_errors({arm.name: arm for arm in tuned})
        + " With one common threshold, the root of the width, the goodness of a bounded activation"
        " cannot exceed the threshold, so positive data can never pass; but labels are predicted by"
        f" comparing goodness, not by the threshold. The errors are then {common_errors}. The"
        " threshold tuned for each activation decides."
        f" On validation data {best.name} is the best of the bounded ones and {worst.name} the"
        f" worst of the unbounded ones; the difference between these two is"
        f" {nearest['estimate']:+.2f} points."
    )
    return better(
        [contrast],
        note,
        found.values(),
        further=[*(rules.better(found["ReLU"], arm) for arm in bounded), nearest],
        figures=[
            figures.points("Test error, threshold tuned", tuned),
            figures.points("Test error, threshold of the root of the width", common, NAMES),
        ],
    )


def _mean(arms: Iterable[ArmResult], seed: int) -> float:
    return statistics.fmean(rules.test_error(arm, seed) for arm in arms)


FIGURE_8_LEFT = Claim(
    name="fig8.left",
    title="Bounded activations",
    statement="Activation functions that constrain activations perform worse.",
    source="poster, Figure 8, left",
    rule=f"{rules.BETTER} Here: the mean error of tanh, sigmoid and hard tanh is above that of"
    " ReLU, leaky ReLU, GELU, softplus and SiLU, seed by seed, with the threshold tuned for each."
    " The errors with one common threshold, the root of the width, are also shown.",
    measure=_left,
    arms=_activations,
)


def _losses(scale: Scale) -> list[Arm]:
    """The three losses."""
    return [
        poster(SIGMOID),
        variation(LOG, seeds="deciding", loss="log_sigmoid"),
        variation(LITERAL, loss="log_sigmoid_literal"),
    ]


def _right(runner: Runner) -> Finding:
    found = runner.arms(*_losses(runner.scale))
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
    measure=_right,
    arms=_losses,
)

"""Figures 8 and 9: the poster's method with another activation, loss or goodness."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import Any

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult, Seeds
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, better, similar
from forward_forward.lab.reproduce.claims.variations import poster, variation
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale

BOUNDED = {"tanh": "Tanh", "sigmoid": "Sigmoid", "hard tanh": "Hardtanh"}
UNBOUNDED = {"leaky ReLU": "LeakyReLU", "GELU": "GELU", "softplus": "Softplus", "SiLU": "SiLU"}
NAMES = ("ReLU", *UNBOUNDED, *BOUNDED)
SIGMOID, LOG, LITERAL = "sigmoid", "log-sigmoid", "log-sigmoid, read literally"
HIGHER = (3.0, 4.0, 6.0, 8.0)
EXPLORED: tuple[float | str, ...] = (1.0, 1.5, math.inf, "squared L2")


def activation(name: str, *, common_threshold: bool) -> Arm:
    """The poster's method with another activation, its threshold tuned or the root of the width."""
    part = {**BOUNDED, **UNBOUNDED}.get(name)  # ReLU is the recipe's own
    settings: dict[str, Any] = {} if part is None else {"activation": part}
    if not common_threshold:
        return poster(name) if part is None else variation(name, seeds="deciding", **settings)
    label = f"{name}, threshold of the root of the width"
    return Arm(label, "forward_forward", {**settings, "threshold": "width"}, second=None)


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


def norm(p: float | str, seeds: Seeds) -> Arm:
    """The poster's method with a p-norm, or the squared L2 norm; margins on the L2 norm's scale."""
    label, part = "squared L2", "sum_of_squares"
    if not isinstance(p, str):
        label = "p = infinity" if math.isinf(p) else f"p = {p:g}"
        part = f"PNorm(p={p})"
    return Arm(
        label,
        "forward_forward",
        {"goodness": part, "temperature_factor": 1.0},
        third=("temperature_factor", (0.3, 1.0, 3.0)),
        seeds=seeds,
    )


def _norms(scale: Scale) -> list[Arm]:
    """The powers that decide, and those that are explored."""
    return [*(norm(p, "deciding") for p in (2.0, *HIGHER)), *(norm(p, "others") for p in EXPLORED)]


def _figure_9(runner: Runner) -> Finding:
    found = runner.arms(*_norms(runner.scale))
    plain, *others = found.values()
    rows = [rules.similar(plain, each) for each in others]
    deciding = rows[: len(HIGHER)]
    inside = [row["name"] for row in deciding if row["verdict"] == rules.REPRODUCED]
    note = (
        figures.mean_errors(found)
        + " Each norm has the loss sigma((g - c g0) / tau), where tau is s times the ratio of g0 to"
        " the L2 norm's g0, and g0 is the mean goodness of the untrained layer; c, s and the"
        " learning rate are tuned for every norm, and for the L2 norm s = 1 is the poster's form."
        f" For {len(inside)} of the {len(HIGHER)} higher powers the whole 90 % interval lies within"
        f" {rules.SIMILAR:.2f} points." + _apart(deciding)
    )
    figure = figures.points("Test error by goodness", found.values())
    return similar(deciding, note, found.values(), rows, [figure])


def _apart(rows: list[rules.Comparison]) -> str:
    """The powers whose whole interval lies beyond the margin."""
    better = [_power(row) for row in rows if row["high"] < -rules.SIMILAR]
    worse = [_power(row) for row in rows if row["low"] > rules.SIMILAR]
    text = f" Better than the L2 norm by more than that: {', '.join(better)}." if better else ""
    return text + (f" Worse by more than that: {', '.join(worse)}." if worse else "")


def _power(row: rules.Comparison) -> str:
    return str(row["name"]).partition(" - ")[0]


FIGURE_9 = Claim(
    name="fig9",
    title="Higher powers of the norm",
    statement="The arbitrarily chosen goodness function (L2 norm) performs similarly to higher"
    " power L-norms.",
    source="poster, Figure 9",
    rule=f"{rules.SAME} Here: p = 3, 4, 6 and 8 against p = 2; all must be similar. p = 1, 1.5,"
    " infinity and the squared L2 norm are explored as well.",
    measure=_figure_9,
    arms=_norms,
)

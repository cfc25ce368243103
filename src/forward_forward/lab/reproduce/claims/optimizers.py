"""Figure 6: Adam beside RMSProp, and whether SGD at a constant rate ever converges."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import FIRST_TUNING_SEED, Arm
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import (
    CONDITIONS,
    LOG,
    MEAN,
    OPTIMIZERS,
    SIGMOID,
    optimizer,
)
from forward_forward.lab.reproduce.job import Job, Record
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale

CONVERGED = 10.0  # percent of errors
THRESHOLDS = ("calibrated", "width")
PLAIN, MOMENTUM = "SGD", "SGD, momentum 0.9"
LONGER = 4


@dataclass
class Grid:
    """SGD at constant rates: the lowest validation error of each cell's median run."""

    name: str
    rates: list[float]
    errors: dict[tuple[str, float], float]
    longer: float | None = None

    @property
    def best(self) -> tuple[str, float]:
        return min(self.errors, key=lambda cell: self.errors[cell])

    @property
    def converges(self) -> bool:
        least = self.errors[self.best]
        return min(least, least if self.longer is None else self.longer) <= CONVERGED

    @property
    def cells_converged(self) -> int:
        """How many cells come to the limit within the budget of all."""
        return sum(error <= CONVERGED for error in self.errors.values())

    def figure(self) -> dict[str, Any]:
        return {
            "kind": "heatmap",
            "title": f"{self.name} at constant rates",
            "caption": "Lowest validation error of the median seed, in percent; a run stops once"
            f" it is at {CONVERGED:g} % or below. Two seeds that agree settle the median of three;"
            " their mean is shown.",
            "x_label": "learning rate",
            "y_label": "threshold",
            "x": [f"{rate:.4g}" for rate in self.rates],
            "y": ["calibrated", "root of the width"],
            "values": [
                [round(self.errors[threshold, rate], 1) for rate in self.rates]
                for threshold in THRESHOLDS
            ],
            "unit": "%",
            "good": "low",
        }

    def check(self) -> dict[str, Any]:
        threshold, rate = self.best
        words = f"{self.errors[self.best]:.2f} % at rate {rate:.3g}, threshold {threshold}"
        if self.longer is not None:
            words += f"; {self.longer:.2f} % after {LONGER} times the epochs"
        name = f"{self.name} never converges"
        return rules.check(name, words, f"above {CONVERGED:g} %", not self.converges)


def _cells(scale: Scale) -> list[tuple[str, float]]:
    """Thresholds and learning rates."""
    first, last, step = scale.powers
    count = round((last - first) / step) + 1
    rates = [float(f"{10 ** (first + step * place):.4g}") for place in range(count)]
    return [(threshold, rate) for threshold in THRESHOLDS for rate in rates]


def _grid(runner: Runner, name: str) -> Grid:
    jobs = {cell: _jobs(runner.scale, name, *cell) for cell in _cells(runner.scale)}
    some = _first_seeds(runner.scale)
    runner.jobs([job for each in jobs.values() for job in each[:some]])
    errors = {}
    for cell, each in jobs.items():
        found = [_least(record) for record in runner.jobs(each[:some])]
        if len({error <= CONVERGED for error in found}) > 1:
            found = [_least(record) for record in runner.jobs(each)]
        errors[cell] = statistics.median(found)
    grid = Grid(name, sorted({rate for _, rate in jobs}), errors)
    if not grid.converges:
        longer = runner.jobs(_jobs(runner.scale, name, *grid.best, epochs=LONGER))
        grid.longer = statistics.median(_least(record) for record in longer)
    return grid


def _first_seeds(scale: Scale) -> int:
    """More than half of the seeds: where they agree, they settle the median."""
    return scale.grid_seeds // 2 + 1


def _jobs(scale: Scale, name: str, threshold: str, rate: float, epochs: float = 1) -> list[Job]:
    settings = {
        **OPTIMIZERS[name][0],
        "schedule": "constant",
        "threshold": threshold,
        "lr": rate,
        "enough": CONVERGED,
        "hidden": scale.hidden,
        "batch_size": scale.batch_size,
    }
    seeds = range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + scale.grid_seeds)
    whole = epochs * scale.epochs
    return [
        Job("forward_forward", settings, scale.data, scale.images, whole, seed) for seed in seeds
    ]


def jobs(scale: Scale) -> list[Job]:
    """The runs of both grids that are needed in any case."""
    return [
        job
        for name in (PLAIN, MOMENTUM)
        for cell in _cells(scale)
        for job in _jobs(scale, name, *cell)[: _first_seeds(scale)]
    ]


def _least(record: Record) -> float:
    return float(min([*record["curve"]["errors"], record["validation_error"]]))


def arms(scale: Scale) -> list[Arm]:
    """All optimisers under all conditions."""
    return [optimizer(name, condition) for condition in CONDITIONS for name in OPTIMIZERS]


def _measure(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    grids = [_grid(runner, name) for name in (PLAIN, MOMENTUM)]
    comparisons = [
        rules.better(found[_name("Adam", condition)], found[_name("RMSProp", condition)])
        for condition in CONDITIONS
    ]
    plain, momentum = grids
    best_sgd = {
        condition: statistics.fmean(found[_name(PLAIN, condition)].errors)
        for condition in CONDITIONS
    }
    note = (
        "Both parts must hold. The estimate and its p are of the first; the second, that plain SGD"
        f" never converges, {'does not hold' if plain.converges else 'holds'}:"
        f" {plain.cells_converged} of {len(plain.errors)} cells of rates and thresholds come to"
        f" {CONVERGED:g} % or less. RMSProp's error less Adam's, in points:"
        f" {comparisons[0]['estimate']:+.2f} on the poster's"
        f" loss, {comparisons[1]['estimate']:+.2f} on the log-sigmoid loss,"
        f" {comparisons[2]['estimate']:+.2f} on the mean-square goodness. "
        f"Plain SGD at a constant rate {'converges' if plain.converges else 'does not converge'}"
        f" (best cell: {plain.errors[plain.best]:.1f} % at rate {plain.best[1]:.3g} with the"
        f" threshold {plain.best[0]});"
        f" with momentum it {_too(plain.converges, momentum.converges)}, which decides nothing"
        " here. Tuned, and with the cosine schedule that"
        " all arms have, plain SGD ends at "
        + ", ".join(f"{error:.2f} % ({condition})" for condition, error in best_sgd.items())
        + ".\n\ntorch's RMSProp has no bias correction, so its first step is ten times as large as"
        " Adam's (with a decay of 0.999 some thirty times). Beside the two: RMSProp with a decay of"
        " 0.999, and Adam without its first moment."
    )
    groups = [
        figures.points(
            f"Test error by optimiser, {condition}",
            [found[_name(name, condition)] for name in OPTIMIZERS],
            OPTIMIZERS,
        )
        for condition in CONDITIONS
    ]
    return Finding(
        rules.directional(comparisons[:1]),
        None,
        note,
        comparisons,
        [grid.check() for grid in grids],
        list(found.values()),
        [*groups, *(grid.figure() for grid in grids)],
        beside=rules.NOT_REPRODUCED if plain.converges else rules.REPRODUCED,
    )


def _too(plain: bool, momentum: bool) -> str:
    does = "does" if momentum else "does not"
    return f"{does} {'too' if momentum else 'either'}" if plain == momentum else does


def _name(name: str, condition: str) -> str:
    return optimizer(name, condition).name


FIGURE_6 = Claim(
    "fig6",
    "Adam, RMSProp and SGD",
    "Adam significantly outperforms RMSProp, SGD never converges.",
    "poster, Figure 6",
    f"Both parts must hold. {rules.BETTER} Here: Adam is better than RMSProp on the poster's loss."
    " Never converges: plain SGD at a constant rate, rates a factor of the root of ten apart from"
    " 1e-4 to 1e4, thresholds calibrated and the root of the width, three seeds; a cell converges"
    f" if the validation error of its median run is at most {CONVERGED:g} % after any epoch (read"
    " from 2,000 images; this favours converging); reproduced only if none does, the best cell at"
    f" {LONGER} times the budget included. SGD with momentum is a claim of its own."
    f" The {LOG} and the {MEAN} are shown beside the {SIGMOID}.",
    _measure,
    arms,
    jobs,
)

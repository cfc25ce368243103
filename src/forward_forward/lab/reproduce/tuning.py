"""Arms -> the learning rate and second setting of each, chosen on validation images."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from forward_forward.lab.reproduce.arms import FIRST_TUNING_SEED, Arm, Tuning
from forward_forward.lab.reproduce.job import Job, Record
from forward_forward.lab.reproduce.scales import Scale

Cell = tuple[tuple[str, float], ...]
Run = Callable[[Sequence[Job]], Mapping[str, Record]]  # jobs -> records by key

STEP = math.sqrt(10)
FINALISTS = 3
NEIGHBOURS = 3  # rates that a third setting is tried with: the best one, and one on each side
REACH = 8  # steps that a setting may go beyond its first values
LEAST = 0.01  # percent of errors: one in 10,000, since 0 has no logarithm
GOAL = 5.0  # percent of errors: how fast an arm learns is the number of epochs to this error


class Tuner:
    """Tunes one arm, in rounds of runs that can be combined with those of other arms."""

    def __init__(self, arm: Arm, scale: Scale) -> None:
        self.arm, self.scale = arm, scale
        self._further = dict(part for part in (arm.second, arm.third) if part is not None)
        self.found: dict[Cell, list[Record]] = {}
        self.extended = 0
        self.third = False
        self.finals = False

    def next(self) -> list[Job]:
        """The runs of the next round; none when tuning is finished."""
        if not self.found:
            low = -((self.scale.rates - 1) // 2)
            powers = range(low, low + self.scale.rates)
            return [self._job(cell, 0) for power in powers for cell in self._cells(power)]
        if self.finals:
            return []
        if self.arm.third is not None and not self.third and self.scale.factors > 1:
            self.third = True
            return [self._job(cell, 0) for cell in self._third_cells(*self.arm.third)]
        untried = self._untried(self._ranked()[0])
        if untried and self.extended < self.scale.extensions:
            self.extended += 1
            return [self._job(cell, 0) for cell in untried]
        self.finals = True
        return [
            self._job(cell, number)
            for cell in self._ranked()[:FINALISTS]
            for number in range(1, self.scale.tuning_seeds)
        ]

    def take(self, job: Job, record: Record) -> None:
        """Keep the record of a run."""
        names = ("lr", *self._further)
        cell = tuple((name, job.settings[name]) for name in names if name in job.settings)
        self.found.setdefault(cell, []).append(record)

    def tuning(self) -> Tuning:
        """The result: of the settings run with all tuning seeds, the best on average."""
        most = max(map(len, self.found.values()))
        finalists = [cell for cell in self.found if len(self.found[cell]) == most]
        chosen = min(finalists, key=self._score)
        cells = {
            cell: [record["validation_error"] for record in records]
            for cell, records in self.found.items()
        }
        return Tuning(cells, dict(chosen), not self._untried(chosen))

    def _rate(self, power: int) -> float:
        return float(f"{self.arm.centre * STEP**power:.4g}")

    def _cells(self, power: int) -> list[Cell]:
        """A rate with every value of the second setting, or with the default one."""
        rate = ("lr", self._rate(power))
        if self.arm.second is None:
            return [(rate,)]
        name, values = self.arm.second
        if self.scale.factors == 1:
            values = (values[len(values) // 2],)
        return [(rate, (name, value)) for value in values]

    def _untried(self, cell: Cell) -> list[Cell]:
        """Neighbours of a cell, one setting changed by one step, that were not tried."""
        neighbours = [
            tuple((name, after if name == changed else value) for name, value in cell)
            for changed, before in cell
            for after in self._neighbours(changed, before)
        ]
        return [other for other in neighbours if other not in self.found]

    def _neighbours(self, name: str, value: float) -> list[float]:
        """The next values of a setting below and above; none beyond a list that has a 0."""
        if name == "lr":
            power = round(math.log(value / self.arm.centre, STEP))
            return [self._rate(power - 1), self._rate(power + 1)]
        if self.scale.factors == 1:
            return []
        values = sorted(self._further[name])
        if min(values) > 0:
            step = (values[-1] / values[0]) ** (1 / (len(values) - 1))
            values = [values[0] / step**n for n in range(REACH, 0, -1)] + values
            values += [values[-1] * step**n for n in range(1, REACH + 1)]
            values = [float(f"{each:.4g}") for each in values]
        place = values.index(value)
        return [values[near] for near in (place - 1, place + 1) if 0 <= near < len(values)]

    def _third_cells(self, name: str, values: Sequence[float]) -> list[Cell]:
        (_, best_rate), *rest = self._ranked()[0]
        near = sorted([best_rate, *self._neighbours("lr", best_rate)])
        return [
            (("lr", rate), *rest, (name, value))
            for value in values
            if value != self.arm.settings.get(name)
            for rate in near
        ]

    def _job(self, cell: Cell, number: int) -> Job:
        settings = {**self.arm.settings, **dict(cell)}
        settings.pop("probes", None)  # only final runs have them
        epochs = self.scale.epochs * self.scale.tuning_fraction
        return job_of(self.arm, self.scale, settings, epochs, FIRST_TUNING_SEED + number)

    def _score(self, cell: Cell) -> float:
        """Lower is better."""
        score = area if self.arm.fastest else _final_error
        return statistics.fmean(map(score, self.found[cell]))

    def _ranked(self) -> list[Cell]:
        return sorted(self.found, key=self._score)


def _final_error(record: Record) -> float:
    return float(record["validation_error"])


def area(record: Record) -> float:
    """Mean logarithm of the validation error during training: low if a network learns fast.

    It is the area under the learning curve divided by its width, by the trapezoidal rule.
    """
    curve = record["curve"]
    epochs = [*curve["epochs"], record["job"]["epochs"]]
    errors = np.maximum([*curve["errors"], _final_error(record)], LEAST)
    if len(epochs) == 1:
        return math.log(errors[0])
    return float(np.trapezoid(np.log(errors), epochs) / (epochs[-1] - epochs[0]))


def reached(record: Record, goal: float) -> float:
    """Epochs until a run's validation error was at most a goal; infinity if it never was."""
    curve = record["curve"]
    for epoch, error in zip(curve["epochs"], curve["errors"], strict=True):
        if error <= goal:
            return float(epoch)
    if record["validation_error"] <= goal:
        return float(record["job"]["epochs"])
    return math.inf


def job_of(
    arm: Arm,
    scale: Scale,
    settings: Mapping[str, Any],
    epochs: float,
    seed: int,
    *,
    final: bool = False,
) -> Job:
    """A run of an arm at a scale, with the settings to try or those chosen for it."""
    settings = {**settings, "hidden": scale.hidden, "batch_size": scale.batch_size}
    images = scale.images if scale.images is None else round(scale.images * arm.fraction)
    return Job(arm.method, settings, scale.data, images, epochs, seed, final)


def tune(arms: Iterable[Arm], scale: Scale, run: Run) -> dict[str, Tuning]:
    """Tunings by identity of arms that are tuned together, round by round.

    ``run`` returns the records of jobs by key, running those that are not finished.
    """
    tuners = {arm.tuned.identity: Tuner(arm.tuned, scale) for arm in arms}
    while True:
        rounds = {name: tuner.next() for name, tuner in tuners.items()}
        jobs = [job for each in rounds.values() for job in each]
        if not jobs:
            return {name: tuner.tuning() for name, tuner in tuners.items()}
        records = run(jobs)
        for name, each in rounds.items():
            for job in each:
                tuners[name].take(job, records[job.key])

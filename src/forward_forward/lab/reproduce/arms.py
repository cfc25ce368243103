"""What a claim compares: a way to train, its settings, and the settings in which it is tuned.

All arms are tuned in the same way: learning rates around a centre, each with up to three values of
a second setting, and further ones while a neighbour of the best was not tried; for a quarter of the
final epochs and on separate seeds. The best three are repeated on two more seeds. Validation images
choose, and the final runs use what was chosen.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from forward_forward.lab.reproduce.job import Record

FIRST_TUNING_SEED = 100
THRESHOLD_FACTORS = (0.7, 1.0, 1.4)

Seeds = Literal["deciding", "others"]


@dataclass(frozen=True, eq=False)
class Arm:
    """One of the things that a claim compares."""

    name: str
    method: str  # a name of `methods.METHODS`
    settings: Mapping[str, Any]  # of all its runs: numbers, strings and names of `parts.PARTS`
    centre: float = 1e-3  # the middle of the learning rates that are tried
    # A setting that is tuned with the rate, and its first three values, a constant factor apart
    # unless one is 0; the one in the middle is the default. None tunes the rate alone.
    second: tuple[str, tuple[float, ...]] | None = ("threshold_factor", THRESHOLD_FACTORS)
    # Its values are tried once the first two are chosen, with the best rate and its neighbours.
    third: tuple[str, tuple[float, ...]] | None = None
    seeds: Seeds = "others"  # how many final runs
    longer: float = 1.0  # epochs relative to other arms; 1 unless work or seconds are equal instead
    fraction: float = 1.0  # of the scale's images
    like: Arm | None = None  # the arm whose chosen settings it uses instead of being tuned itself
    fastest: bool = False  # choose the least area under the learning curve, not the final error

    @property
    def identity(self) -> str:
        """What determines the tuning: arms with the same identity are tuned once."""
        settings = {name: value for name, value in self.settings.items() if name != "probes"}
        about = [self.method, settings, self.centre, self.second, self.third, self.fraction]
        return json.dumps([*about, self.fastest], sort_keys=True)

    @property
    def tuned(self) -> Arm:
        """The arm whose tuning chooses this one's settings."""
        return self if self.like is None else self.like.tuned


@dataclass
class Tuning:
    """The result of tuning an arm."""

    # Validation errors by tuning seed, for each combination of settings: (name, value) pairs.
    cells: dict[tuple[tuple[str, float], ...], list[float]] = field(default_factory=dict)
    chosen: dict[str, float] = field(default_factory=dict)
    interior: bool = True  # whether all neighbours of the chosen combination were tried

    def rows(self) -> list[dict[str, Any]]:
        """All combinations in plain values."""
        return [
            {**dict(cell), "validation_errors": errors}
            for cell, errors in sorted(self.cells.items())
        ]


@dataclass
class ArmResult:
    """An arm, the settings chosen for it, and the records of its final runs by seed."""

    arm: Arm
    tuning: Tuning
    settings: dict[str, Any]
    records: dict[int, Record]

    @property
    def name(self) -> str:
        return self.arm.name

    @property
    def seeds(self) -> list[int]:
        return sorted(self.records)

    def each(self, name: str) -> list[Any]:
        """One entry of every run's record, in the order of the seeds."""
        return [self.records[seed][name] for seed in self.seeds]

    @property
    def errors(self) -> list[float]:
        """Test errors in percent."""
        return self.each("test_error")

    @property
    def mean_error(self) -> float:
        """Mean of the test errors in percent."""
        return statistics.fmean(self.errors)

    def json(self) -> dict[str, Any]:
        """The arm in plain values, as results keep it."""
        records = [self.records[seed] for seed in self.seeds]
        settings = {name: value for name, value in self.settings.items() if name != "probes"}
        about = {
            "name": self.name,
            "train": self.arm.method,
            "settings": dict(sorted(settings.items())),
            "epochs": records[0]["job"]["epochs"],
            "images": records[0]["job"]["images"],
            "seeds": self.seeds,
            "errors": self.errors,
            "validation_errors": self.each("validation_error"),
            "seconds": self.each("seconds"),
            "diverged": [seed for seed in self.seeds if self.records[seed]["diverged"]],
        }
        if "start" in records[0]:
            about["start"] = records[0]["start"]
        if self.arm.like is None:
            about["tuning"] = self.tuning.rows()
            about["tuning_interior"] = self.tuning.interior
        else:  # that arm's result has the tuning
            about["settings_from"] = self.arm.like.tuned.name
        about["devices"] = sorted(set(map(_device, records)))
        return about


def _device(record: Record) -> str:
    """The device of a run, such as "cpu (AVX2)"."""
    kind = record["machine"].get("cpu_capability") if record["device"] == "cpu" else None
    return record["device"] if kind is None else f"{record['device']} ({kind})"

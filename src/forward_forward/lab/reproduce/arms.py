"""What a claim compares: a way to train, the settings it is told, and those it is tuned in.

All arms are tuned alike: learning rates around a centre, each with up to three values of a second
setting, and on while something beside the best was not tried; for a quarter of the final epochs and
on seeds of their own. Then the three best again on two more seeds. Validation images choose, and
the final runs take what was chosen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from forward_forward.lab.reproduce.job import Record

FIRST_TUNING_SEED = 100
THRESHOLD_FACTORS = (0.7, 1.0, 1.4)

Seeds = Literal["deciding", "others"]


@dataclass(frozen=True, eq=False)
class Arm:
    """One of the things that a claim compares.

    Args:
        name: What reports call it.
        method: How it is trained: a name of `methods.METHODS`.
        settings: What all its runs have: numbers, strings and names of `parts.PARTS`.
        centre: The learning rate in the middle of those that are tried.
        second: Name of the setting that is tuned beside the rate, and its first three values, a
            factor apart unless one is 0; the one in the middle is the plain one. None tunes the
            rate alone.
        third: Likewise a setting whose values are tried once the first two are chosen, each with
            the best rate and the two beside it; None for none.
        seeds: "deciding" or "others": how many final runs.
        longer: Epochs over those of other arms: 1 but where multiply-adds or seconds are equal.
        share: Share of the scale's images that it is trained on.
        like: An arm whose chosen settings it takes, so that it is not tuned itself.
        fastest: Whether the settings with the least area under the learning curve are chosen, not
            those with the least error at the end.
    """

    name: str
    method: str
    settings: Mapping[str, Any]
    centre: float = 1e-3
    second: tuple[str, tuple[float, ...]] | None = ("threshold_factor", THRESHOLD_FACTORS)
    third: tuple[str, tuple[float, ...]] | None = None
    seeds: Seeds = "others"
    longer: float = 1.0
    share: float = 1.0
    like: Arm | None = None
    fastest: bool = False

    @property
    def identity(self) -> str:
        """Two arms are tuned alike, and so only once, if this is the same."""
        tuned = {name: value for name, value in self.settings.items() if name != "probes"}
        about = [self.method, tuned, self.centre, self.second, self.third, self.share]
        return json.dumps([*about, self.fastest], sort_keys=True)

    @property
    def tuned(self) -> Arm:
        """The arm whose tuning chooses this one's settings."""
        return self if self.like is None else self.like.tuned


@dataclass
class Tuning:
    """What tuning an arm found.

    ``cells`` maps settings (as pairs of names and values) to validation errors by tuning seed;
    ``chosen`` are the best, ``interior`` says whether all that lies beside them was tried.
    """

    cells: dict[tuple[tuple[str, float], ...], list[float]] = field(default_factory=dict)
    chosen: dict[str, float] = field(default_factory=dict)
    interior: bool = True

    def rows(self) -> list[dict[str, Any]]:
        """The whole curve in plain values."""
        return [
            {**dict(cell), "validation_errors": errors}
            for cell, errors in sorted(self.cells.items())
        ]


@dataclass
class ArmResult:
    """An arm, what was chosen for it, and the records of its final runs by seed."""

    arm: Arm
    tuning: Tuning
    settings: dict[str, Any]
    records: dict[int, Record]

    @property
    def seeds(self) -> list[int]:
        return sorted(self.records)

    def each(self, name: str) -> list[Any]:
        """One figure of every run, in the order of the seeds."""
        return [self.records[seed][name] for seed in self.seeds]

    @property
    def errors(self) -> list[float]:
        """Test errors in percent."""
        return self.each("test_error")

    def json(self) -> dict[str, Any]:
        """The arm in plain values, as results keep it."""
        about = {
            "name": self.arm.name,
            "train": self.arm.method,
            "settings": {
                name: value for name, value in sorted(self.settings.items()) if name != "probes"
            },
            "epochs": self.records[self.seeds[0]]["job"]["epochs"],
            "images": self.records[self.seeds[0]]["job"]["images"],
            "seeds": self.seeds,
            "errors": self.errors,
            "validation_errors": self.each("validation_error"),
            "seconds": self.each("seconds"),
            "diverged": [seed for seed in self.seeds if self.records[seed]["diverged"]],
        }
        records = [self.records[seed] for seed in self.seeds]
        if "start" in records[0]:
            about["start"] = records[0]["start"]
        if self.arm.like is None:
            about["tuning"] = self.tuning.rows()
            about["tuning_interior"] = self.tuning.interior
        else:  # whose tuning is kept there
            about["settings_from"] = self.arm.like.tuned.name
        about["devices"] = sorted({_device(record) for record in records})
        return about


def _device(record: Record) -> str:
    """Where a run was made, such as "cpu (AVX2)"."""
    kind = record["machine"].get("cpu_capability") if record["device"] == "cpu" else None
    return record["device"] if kind is None else f"{record['device']} ({kind})"

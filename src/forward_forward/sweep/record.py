"""Optuna's trials -> plain records, those that count, the best, and the importance of settings."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

Record = Mapping[str, Any]

COUNTED = ("complete", "pruned", "diverged")  # what a sweep asks a number of
DIGITS = re.compile(r"\d+\.\d{3,}(?:e[+-]?\d+)?")
ENOUGH = 10  # complete trials, below which importance says nothing

# Attributes of Optuna's trials.
SETTINGS, THREADS, DIVERGED, WITHDRAWN = "settings", "threads", "diverged", "withdrawn"


@dataclass(frozen=True)
class Outcome:
    """What a sweep came to.

    Args:
        trials: A record each, in order; errors in percent, times in seconds.
        importance: Share of each searched setting, 0 to 1; None where there are too few trials.
    """

    trials: Sequence[Record]
    importance: Mapping[str, float] | None = None

    @property
    def counted(self) -> Sequence[Record]:
        """The trials that ran to an end of their own."""
        return [each for each in self.trials if each["state"] in COUNTED]

    @property
    def best(self) -> Record | None:
        """The complete trial of the least validation error; of equal ones the first."""
        whole = [each for each in self.trials if each["state"] == "complete"]
        return min(whole, key=lambda each: float(each["validation_error"]), default=None)

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {"trials": list(self.trials), "importance": self.importance}


def words(value: Any) -> str:
    """A setting as it is typed.

    >>> words([40, 40]), words(0.001)
    ('40 40', '0.001')
    """
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def short(value: Any) -> str:
    """A setting as it is shown: its numbers, also those within a part, to three digits.

    >>> short("SymBa(alpha=4.123456)"), short(0.000123456)
    ('SymBa(alpha=4.12)', '0.000123')
    """
    return DIGITS.sub(lambda found: f"{float(found[0]):.3g}", words(value))


def outcome(study: optuna.Study) -> Outcome:
    """What a study holds."""
    records = [record(trial) for trial in study.get_trials(deepcopy=False)]
    return Outcome(records, _importance(study, records))


def record(trial: optuna.trial.FrozenTrial) -> Record:
    """One trial in plain words and numbers."""
    curve = [trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values)]
    said = trial.user_attrs
    duration = trial.duration
    return {
        "number": trial.number,
        "state": _state(trial),
        "validation_error": min(curve, default=None),
        "best_epoch": _last_least(curve),
        "curve": curve,
        "settings": said.get(SETTINGS, {}),
        "searched": dict(trial.params),
        "seconds": None if duration is None else round(duration.total_seconds(), 3),
        "threads": said.get(THREADS),
        "why": said.get(DIVERGED),
    }


def _state(trial: optuna.trial.FrozenTrial) -> str:
    name = trial.state.name
    if name == "FAIL":
        return "withdrawn" if WITHDRAWN in trial.user_attrs else "broken off"
    if name == "PRUNED" and DIVERGED in trial.user_attrs:
        return "diverged"
    return name.lower()


def _last_least(curve: Sequence[float]) -> int | None:
    """The epoch of the least error; of equal ones the last, as in training."""
    if not curve:
        return None
    least = min(curve)
    return max(epoch for epoch, error in enumerate(curve, 1) if error == least)


def _importance(study: optuna.Study, records: Sequence[Record]) -> dict[str, float] | None:
    import optuna

    whole = [each for each in records if each["state"] == "complete"]
    searched = {name for each in whole for name in each["searched"]}
    errors = {each["validation_error"] for each in whole}
    if len(whole) < ENOUGH or len(searched) < 2 or len(errors) < 2:
        return None
    with warnings.catch_warnings():
        # That some setting had one value alone in all of the trials: its importance is none.
        warnings.simplefilter("ignore")
        return dict(optuna.importance.get_param_importances(study))

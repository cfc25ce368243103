"""Optuna's trials -> plain records, the best one, and the importance of each setting."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

Record = Mapping[str, Any]

COUNTED = ("complete", "pruned", "diverged")  # states that count towards the number of trials
DIGITS = re.compile(r"\d+\.\d{3,}(?:e[+-]?\d+)?")
ENOUGH = 10  # complete trials from which importance is estimated

# Attributes of Optuna's trials.
SETTINGS, THREADS, DIVERGED, WITHDRAWN = "settings", "threads", "diverged", "withdrawn"


@dataclass(frozen=True)
class Outcome:
    """The result of a sweep.

    Args:
        trials: One record per trial, in order; errors in percent, times in seconds.
        importance: Importance of each searched setting, 0 to 1; None if there are too few trials.
    """

    trials: Sequence[Record]
    importance: Mapping[str, float] | None = None

    @property
    def counted(self) -> Sequence[Record]:
        """The trials that are complete, pruned or diverged."""
        return [each for each in self.trials if each["state"] in COUNTED]

    @property
    def best(self) -> Record | None:
        """The complete trial with the lowest validation error; the first of equal ones."""
        whole = [each for each in self.trials if each["state"] == "complete"]
        return min(whole, key=lambda each: float(each["validation_error"]), default=None)

    def as_json(self) -> dict[str, Any]:
        """The content of trials.json."""
        return {"trials": list(self.trials), "importance": self.importance}


def setting_text(value: Any) -> str:
    """A setting as it is typed on the command line.

    >>> setting_text([40, 40]), setting_text(0.001)
    ('40 40', '0.001')
    """
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def short(value: Any) -> str:
    """A setting with its numbers, including those within a part, rounded to three digits.

    >>> short("SymBa(alpha=4.123456)"), short(0.000123456)
    ('SymBa(alpha=4.12)', '0.000123')
    """
    return DIGITS.sub(lambda found: f"{float(found[0]):.3g}", setting_text(value))


def outcome(study: optuna.Study) -> Outcome:
    """The trials of a study."""
    records = [record(trial) for trial in study.get_trials(deepcopy=False)]
    return Outcome(records, _importance(study, records))


def record(trial: optuna.trial.FrozenTrial) -> Record:
    """One trial as text and numbers."""
    curve = [trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values)]
    attributes = trial.user_attrs
    duration = trial.duration
    return {
        "number": trial.number,
        "state": _state(trial),
        "validation_error": min(curve, default=None),
        # The last of equal ones, as in training.
        "best_epoch": len(curve) - curve[::-1].index(min(curve)) if curve else None,
        "curve": curve,
        "settings": attributes.get(SETTINGS, {}),
        "searched": dict(trial.params),
        "seconds": None if duration is None else round(duration.total_seconds(), 3),
        "threads": attributes.get(THREADS),
        "why": attributes.get(DIVERGED),
    }


def _state(trial: optuna.trial.FrozenTrial) -> str:
    name = trial.state.name
    if name == "FAIL":
        return "withdrawn" if WITHDRAWN in trial.user_attrs else "interrupted"
    if name == "PRUNED" and DIVERGED in trial.user_attrs:
        return "diverged"
    return name.lower()


def _importance(study: optuna.Study, records: Sequence[Record]) -> dict[str, float] | None:
    import optuna

    whole = [each for each in records if each["state"] == "complete"]
    searched = {name for each in whole for name in each["searched"]}
    errors = {each["validation_error"] for each in whole}
    if len(whole) < ENOUGH or len(searched) < 2 or len(errors) < 2:
        return None
    with warnings.catch_warnings():
        # Optuna warns of settings with the same value in all trials, whose importance is 0.
        warnings.simplefilter("ignore")
        return dict(optuna.importance.get_param_importances(study))

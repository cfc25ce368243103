"""One of Optuna's trials and a space -> settings, and a trained network's validation error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forward_forward.sweep.space import Choice, PartTemplate, Range, Space
from forward_forward.track import Callback, Row

if TYPE_CHECKING:
    import optuna

    from forward_forward.data import Source
    from forward_forward.recipes import Plan

Settings = Mapping[str, Any]  # text, numbers and lists by the names of a recipe's settings
Make = Callable[[Settings], "Plan"]
Run = Callable[["optuna.Trial", dict[str, Any]], float]  # returns the validation error in percent


def suggested(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """The settings that a trial tries, as JSON can store them."""
    return {name: _suggested(trial, name, each) for name, each in space.items()}


def _suggested(trial: optuna.Trial, name: str, dimension: Range | Choice) -> Any:
    if isinstance(dimension, Range):
        return _drawn(trial, name, dimension)
    labels = dimension.labels()
    label = labels[0] if len(labels) == 1 else trial.suggest_categorical(name, labels)
    option = dimension.options[labels.index(label)]
    if isinstance(option, PartTemplate):
        return option.filled(_drawn(trial, f"{name}.{key}", each) for key, each in option.ranges)
    return list(option) if isinstance(option, tuple) else option


def _drawn(trial: optuna.Trial, name: str, span: Range) -> Any:
    if not span.whole:
        return trial.suggest_float(name, span.low, span.high, log=span.log)
    number = trial.suggest_int(name, int(span.low), int(span.high), log=span.log)
    return number if span.layers is None else [number] * span.layers


def corners(space: Space) -> Iterator[dict[str, Any]]:
    """Settings to check the recipe with: each end of a range and each option, one at a time.

    First the lower end or first option of each, then the same with one of them replaced.
    """
    ends = {name: [*_ends(dimension)] for name, dimension in space.items()}
    first = {name: values[0] for name, values in ends.items()}
    yield first
    for name, values in ends.items():
        for value in values[1:]:
            yield {**first, name: value}


def _ends(dimension: Range | Choice) -> Iterator[Any]:
    if isinstance(dimension, Range):
        for end in (dimension.low, dimension.high):
            yield end if dimension.layers is None else [int(end)] * dimension.layers
        return
    for option in dimension.options:
        if isinstance(option, PartTemplate):
            yield option.filled(each.low for _, each in option.ranges)
            yield option.filled(each.high for _, each in option.ranges)
        else:
            yield list(option) if isinstance(option, tuple) else option


def run(trial: optuna.Trial, plan: Plan, train: Source, validation: Source) -> float:
    """Train a plan's network; returns the validation error of the best epoch, in percent.

    Raises:
        optuna.TrialPruned: The trial is worse than the median of the complete ones.
        Diverged: A loss or a goodness is not finite.
    """
    fitted = plan.trainer.fit(
        train,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        validation=validation,
        callbacks=[_Reporter(trial, plan.epochs)],
    )
    if fitted.validation_error is None:
        raise ValueError("a trial requires validation data, got none: pass `validation`")
    return fitted.validation_error


@dataclass
class _Reporter(Callback):
    """Reports each epoch's error to Optuna, and stops training if Optuna prunes the trial."""

    trial: optuna.Trial
    epochs: int

    def epoch(self, row: Row) -> None:
        import optuna

        self.trial.report(row["validation_error"], row["epoch"])
        # After the last epoch, pruning would save nothing.
        if row["epoch"] < self.epochs and self.trial.should_prune():
            raise optuna.TrialPruned

"""A trainer <-> tensors by name and plain numbers: all that a resumed run needs, without pickle.

`Progress` says how far a training is, and `Fitted` how it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from forward_forward.display.html import table
from forward_forward.display.numerals import number
from forward_forward.optimize.train_step import TrainStep
from forward_forward.track import Row
from forward_forward.track.numbers import BY_LAYER, by_layer, error_text, scalars, unit_of


@dataclass
class Progress:
    """Epochs done, steps into the next one, and the best epoch so far."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    validation_seconds: float = 0.0
    best_epoch: int = 0
    best_error: float | None = None


@dataclass(frozen=True, repr=False)
class Fitted:
    """The result of training.

    Args:
        history: One row of figures per epoch.
        best_epoch: The epoch with the lowest validation error, or the last one, counted from 1.
        validation_error: Of that epoch, in percent; None without validation data.
        seconds: Time of training and validation.
        validation_seconds: Time of validation alone.
        run: The run's folder, or None.
        stopped: Why a callback ended the training before its last epoch, or None.
        about: The settings, as in run.json.
    """

    history: list[Row]
    best_epoch: int
    validation_error: float | None
    seconds: float
    validation_seconds: float
    run: Path | None = None
    stopped: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def frame(self) -> Any:
        """The history as a pandas DataFrame [epochs, figures], whose index is the epoch.

        Figures of layers have a column for each layer: ``loss_1``, ``loss_2``, ...; a figure that
        an epoch lacks is NaN, such as those of the layers not in training in the greedy order.

        >>> row = {"epoch": 1, "loss": [0.5, 0.25], "validation_error": 3.0, "seconds": 2.0}
        >>> Fitted([row], 1, 3.0, 2.0, 0.1).frame().columns.tolist()
        ['loss_1', 'loss_2', 'validation_error', 'seconds']
        """
        import pandas as pd

        rows = [scalars(row, self.about) for row in self.history]
        index = pd.Index([row["epoch"] for row in self.history], name="epoch", dtype=int)
        named = {name: name.replace("/layer", "_") for row in rows for name in row}
        return pd.DataFrame(rows, index=index, columns=list(named), dtype=float).rename(
            columns=named
        )

    def plot(self) -> Any:
        """Draw errors and losses by epoch: the matplotlib figure of `plot.training`.

        Raises:
            ValueError: There was no epoch.
        """
        from forward_forward import plot  # matplotlib takes a second to load

        return plot.training(self)

    def __repr__(self) -> str:
        run = "" if self.run is None else f", run={str(self.run)!r}"
        return f"<Fitted: {self._title()}{run}>"

    def _title(self) -> str:
        epochs = "1 epoch" if len(self.history) == 1 else f"{len(self.history)} epochs"
        title = f"{epochs} in {number(self.seconds, 1)} seconds; best epoch {self.best_epoch}"
        if self.validation_error is None:
            return title
        error = error_text(self.validation_error, self.about)
        return f"{title}, validation error {error} {unit_of(self.about)}"

    def _repr_html_(self) -> str:
        about = self.about
        best = next((row for row in self.history if row["epoch"] == self.best_epoch), {})
        found = {
            name: by_layer(best, name, about)
            for name in best
            if isinstance(best[name], list) and name != "layers"
        }
        shown = {name: each for name, each in found.items() if each}
        names = [name.removesuffix(BY_LAYER).replace("_", " ") for name in shown]
        layers = sorted({layer for each in shown.values() for layer in each})
        rows = [[layer, *(number(each.get(layer)) for each in shown.values())] for layer in layers]
        return table(self._title(), ["layer", *names], rows)


def state_of(trainer: TrainStep) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Optimisers, average and queue, without the weights: tensors by name, numbers for JSON."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for name, optimizer in trainer.all_optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                kept = tensors if isinstance(value, Tensor) else numbers
                kept[f"{name}.{index}.{key}"] = value
    if trainer.averaged is not None:
        for key, value in trainer.averaged.state_dict().items():
            tensors[f"averaged.{key}"] = value
    about = {"steps": trainer.steps, "optimizers": numbers}
    if trainer.queue.pending:
        about["waiting"] = len(trainer.queue.pending)
        for index, batch in enumerate(trainer.queue.pending):
            if batch.scores is not None:
                tensors[f"waiting.{index}"] = batch.scores
    return tensors, about


def restore(trainer: TrainStep, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
    """Restore a state from `state_of` into a trainer built with the same settings."""
    trainer.steps = numbers["steps"]
    trainer.queue.clear()
    pending = range(numbers.get("waiting", 0))
    trainer.queue.restored.extend(tensors.get(f"waiting.{index}") for index in pending)
    values = {**tensors, **numbers["optimizers"]}
    for name, optimizer in trainer.all_optimizers.items():
        state = optimizer.state_dict()
        state["state"] = _states(values, name)
        optimizer.load_state_dict(state)
    if trainer.averaged is not None:
        own = {
            key.removeprefix("averaged."): value
            for key, value in tensors.items()
            if key.startswith("averaged.")
        }
        trainer.averaged.load_state_dict(own)


def _states(values: Mapping[str, Any], name: str) -> dict[int, dict[str, Any]]:
    """An optimiser's state by parameter: the entries whose name begins with the optimiser's."""
    states: dict[int, dict[str, Any]] = {}
    for full, value in values.items():
        owner, _, rest = full.partition(".")
        if owner == name:
            index, _, key = rest.partition(".")
            states.setdefault(int(index), {})[key] = value
    return states


def add(sums: dict[str, Tensor], statistics: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add one step's statistics to an epoch's sums, on the device."""
    if not sums:
        return {name: value.clone() for name, value in statistics.items()}
    return {name: sums[name] + value for name, value in statistics.items()}


def means(sums: Mapping[str, Tensor], steps: int) -> dict[str, list[float]]:
    """Mean statistics of an epoch, one number per layer: the one place where the device is read."""
    if not sums:
        return {}
    table = torch.stack(list(sums.values())).div(steps).tolist()
    return dict(zip(sums, table, strict=True))

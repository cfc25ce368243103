"""A trainer's epochs -> the processes that take part in them.

`SingleProcess` is one process with all layers; ``forward_forward.parallel`` has a strategy for
several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from torch import Tensor

from forward_forward import predict
from forward_forward.checkpoint import INCOMPLETE, Run, load_weights
from forward_forward.data import Source
from forward_forward.data.batch import Batch
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.optimize.state import means, restore, state_of
from forward_forward.optimize.train_step import TrainStep

Result = TypeVar("Result")
SetRates = Callable[[int], None]  # sets the learning rates for a step of the epoch


class Strategy(Protocol):
    """The processes of a training; all of them call these methods, in the same order."""

    @property
    def leads(self) -> bool:
        """Whether this process writes the run and calls the callbacks."""

    @property
    def grace(self) -> float:
        """Seconds during which a launcher may repeat an interrupt: see `interrupts`."""

    def batches(
        self, batches: Iterable[Batch], steps: range, set_rates: SetRates
    ) -> Iterator[Batch]:
        """The batches of an epoch's ``steps``, in the order of training."""

    def step(self, x: Tensor, y: Tensor | None, weight: Tensor | None) -> dict[str, Tensor]:
        """Train on a batch; the statistics of this process's layers."""

    def stops(self, requested: bool) -> bool:
        """Whether all processes stop after this step, since one of them was asked to."""

    def close_epoch(self, sums: Mapping[str, Tensor], steps: int) -> dict[str, list[float]]:
        """Mean statistics of all layers; afterwards every process has all weights."""

    @property
    def ends(self) -> bool:
        """Whether all processes stop after the epoch just closed, since one was asked to."""

    def evaluate(self, judge: Source) -> dict[str, Any]:
        """Choose the layers to read by their errors on data; the errors with this choice."""

    def lead(self, act: Callable[[], Result]) -> Result:
        """Call ``act`` in the leading process; every process gets its result, or its error."""

    def save(self, run: Run, sums: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
        """Write the last checkpoint."""

    def load(self, run: Run) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Restore the last checkpoint: an epoch's sums so far, and progress; None without one."""


class Parallel(Protocol):
    """How a training is distributed: what `Trainer.fit` accepts as ``parallel``."""

    def join(self, trainer: TrainStep, source: Source, batch_size: int) -> Strategy:
        """Take part in a training; every process calls this, with equal arguments.

        ``batch_size`` is the number of samples per step, over all processes together.
        """


class SingleProcess:
    """One process, with all layers."""

    leads = True
    grace = 0.0
    ends = False  # a request to stop is honoured at each step

    def __init__(self, trainer: TrainStep) -> None:
        self.trainer = trainer
        self.step = trainer.step
        trainer.reset(BatchShard(), None)

    def batches(
        self, batches: Iterable[Batch], steps: range, set_rates: SetRates
    ) -> Iterator[Batch]:
        """Batches; each is scored at the learning rate of the step that is then next."""
        trainer = self.trainer

        def paced() -> Iterator[Batch]:
            for number, batch in enumerate(batches, steps.start):
                set_rates(max(steps.start, number - trainer.look_ahead))
                yield batch

        for number, batch in enumerate(trainer.ahead(paced()), steps.start):
            set_rates(number)
            yield batch

    def stops(self, requested: bool) -> bool:
        return requested

    def close_epoch(self, sums: Mapping[str, Tensor], steps: int) -> dict[str, list[float]]:
        return means(sums, steps)

    def evaluate(self, judge: Source) -> dict[str, Any]:
        trainer = self.trainer
        with trainer.evaluated.validating(trainer.products):
            return chosen_errors(trainer, predict.count_errors(trainer.evaluated, judge))

    def lead(self, act: Callable[[], Result]) -> Result:
        return act()

    def save(self, run: Run, sums: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
        tensors, numbers = state_of(self.trainer)
        tensors |= {f"sum.{name}": value for name, value in sums.items()}
        run.save("last", self.trainer.network.state_dict(), tensors, {**progress, **numbers})

    def load(self, run: Run) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        saved = run.last()
        if saved is None:
            return None
        weights, tensors, progress = saved
        load_weights(self.trainer.network, weights, str(run.path), INCOMPLETE)
        restore(self.trainer, tensors, progress)
        return sums_of(tensors, self.trainer), progress


def chosen_errors(trainer: TrainStep, counts: predict.Counts) -> dict[str, Any]:
    """Choose the layers to read by the counts on validation data; the errors with this choice."""
    wrong, total = counts
    predict.choose_readout(wrong, trainer.network, trainer.evaluated)
    return predict.errors_of(trainer.evaluated, wrong, total)


def sums_of(tensors: Mapping[str, Tensor], trainer: TrainStep) -> dict[str, Tensor]:
    """The sums of an unfinished epoch, from the tensors of a checkpoint."""
    return {
        name.removeprefix("sum."): value.to(trainer.device)
        for name, value in tensors.items()
        if name.startswith("sum.")
    }

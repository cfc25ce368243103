"""What `fit` asks of the processes that share a training: one alone, or a crew of ranks.

`Alone` is one process with all layers. A crew of several is in ``forward_forward.parallel``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from torch import Tensor

from forward_forward import predict
from forward_forward.checkpoint import Run, load_weights
from forward_forward.data import Source
from forward_forward.data.batch import Batch
from forward_forward.optimize.batch_shard import BatchShard, ReplicaGroup
from forward_forward.optimize.state import means, restore, state_of
from forward_forward.optimize.trainer import Trainer

Result = TypeVar("Result")
Pace = Callable[[int], None]  # told the step whose turn it is: sets the learning rates


class Strategy(Protocol):
    """Those who share a training; all of them call these methods, in the same order."""

    @property
    def leads(self) -> bool:
        """Whether this process writes the run and tells of it."""
        ...

    @property
    def grace(self) -> float:
        """Seconds in which a launcher may send an interrupt again: see `interrupts`."""
        ...

    def turns(self, batches: Iterable[Batch], steps: range, pace: Pace) -> Iterator[Batch]:
        """The batches of an epoch to be shown; ``steps`` are their numbers."""
        ...

    def step(self, x: Tensor, y: Tensor | None, weight: Tensor | None) -> dict[str, Tensor]:
        """Show a batch; the statistics of the layers that are here."""
        ...

    def stops(self, wished: bool) -> bool:
        """Whether all stop after this step, as one of them wishes."""
        ...

    def close_epoch(self, sums: Mapping[str, Tensor], steps: int) -> dict[str, list[float]]:
        """Mean statistics of all layers; all have all weights then."""
        ...

    @property
    def ends(self) -> bool:
        """Whether all stop after the epoch that was closed, as one of them wishes."""
        ...

    def evaluate(self, judge: Source) -> dict[str, Any]:
        """Errors of the network on data."""
        ...

    def lead(self, act: Callable[[], Result]) -> Result:
        """What the one who leads does once for all; all get the result, or the error."""
        ...

    def save(self, run: Run, sums: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
        """Write the last checkpoint."""
        ...

    def load(self, run: Run) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Take up the last checkpoint: an epoch's sums so far, and progress; None without one."""
        ...


class SingleProcess:
    """One process, with all layers.

    Args:
        trainer: The trainer.
    """

    leads = True
    grace = 0.0
    ends = False  # a wish is asked for at each step

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.step = trainer.step
        # Nothing stays of a training that was shared, or broken off.
        trainer.looking.forget()
        trainer.layer_steps.forget()
        share_batches(trainer, BatchShard(), None)

    def turns(self, batches: Iterable[Batch], steps: range, pace: Pace) -> Iterator[Batch]:
        """Batches to be shown; each is seen before at the learning rate of its look's own step."""
        trainer = self.trainer

        def paced() -> Iterator[Batch]:
            for number, batch in enumerate(batches, steps.start):
                pace(max(steps.start, number - trainer.look_ahead))
                yield batch

        for number, batch in enumerate(trainer.ahead(paced()), steps.start):
            pace(number)
            yield batch

    def stops(self, wished: bool) -> bool:
        return wished

    def close_epoch(self, sums: Mapping[str, Tensor], steps: int) -> dict[str, list[float]]:
        return means(sums, steps)

    def evaluate(self, judge: Source) -> dict[str, Any]:
        return predict.evaluate(self.trainer.evaluated, judge)

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
        load_weights(self.trainer.network, weights, str(run.path))
        restore(self.trainer, tensors, progress)
        return sums_of(tensors, self.trainer), progress


def share_batches(trainer: Trainer, part: BatchShard, exchange: ReplicaGroup | None) -> None:
    """Let a trainer learn from a part of each batch, others from the rest; None for no others."""
    trainer.preparing.part = part
    trainer.layer_steps.share_batches(exchange)
    trainer.looking.exchange = exchange


def sums_of(tensors: Mapping[str, Tensor], trainer: Trainer) -> dict[str, Tensor]:
    """An epoch's sums so far, among the tensors of a checkpoint."""
    return {
        name.removeprefix("sum."): value.to(trainer.device)
        for name, value in tensors.items()
        if name.startswith("sum.")
    }

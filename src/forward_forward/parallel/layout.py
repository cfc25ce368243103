"""How many ranks there are, and what is asked -> which layers and which replica each rank has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from forward_forward.parallel.place import Sync

if TYPE_CHECKING:
    from forward_forward.data import Source
    from forward_forward.optimize.train_step import TrainStep
    from forward_forward.parallel.strategy import DistributedStrategy

TIMEOUT = 120.0


@dataclass(frozen=True)
class Layout:
    """How a training is spread over ranks.

    Args:
        stages: Groups of consecutive layers, one after the other; None for as many as there are
            ranks for each replica.
        replicas: Copies of each stage that share every batch; None for as many as there are ranks
            for each stage.
        split: How many layers each stage has, lowest first; None balances them by measured cost.
        sync: "exact": the weights of one process; "async": each stage at its own pace on the
            freshest input.
        timeout: Seconds to wait for another rank before it is given up.

    Raises:
        ValueError: A number below 1, or parts that do not go together.

    >>> Layout(replicas=2).over(6)
    (3, 2)
    """

    stages: int | None = None
    replicas: int | None = 1
    split: tuple[int, ...] | None = None
    sync: Sync = "exact"
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        stages = self.stages if self.split is None else len(self.split)
        numbers = [each for each in (stages, self.replicas) if each is not None]
        if not numbers or min(numbers) < 1 or not self.timeout > 0:
            raise ValueError(
                "Layout expects stages and replicas of at least 1, one of them told, and a timeout"
                f" above 0, got {self}"
            )
        if self.sync not in get_args(Sync):
            raise ValueError(f'sync expects "exact" or "async", got {self.sync!r}')
        if self.sync == "async" and (self.replicas != 1 or self.stages == 1):
            raise ValueError(
                'sync="async" lets stages run at their own pace, and replicas of a stage cannot:'
                f" it expects replicas=1 and several stages, got {self}"
            )
        if self.split is not None and self.stages not in (None, len(self.split)):
            raise ValueError(
                f"split={self.split} has {len(self.split)} stages, got stages={self.stages}:"
                " leave stages out"
            )

    def over(self, ranks: int) -> tuple[int, int]:
        """Stages and replicas for so many ranks.

        Raises:
            ValueError: They do not come out even.
        """
        stages = len(self.split) if self.split is not None else self.stages
        replicas = self.replicas
        if stages is None and replicas is not None:
            stages = ranks // replicas
        elif replicas is None and stages is not None:
            replicas = ranks // stages
        if stages is None or replicas is None or stages * replicas != ranks or ranks < 1:
            raise ValueError(
                f"{self._needs()}, got {ranks}: start as many with torchrun --nproc-per-node"
            )
        return stages, replicas

    def join(self, trainer: TrainStep, source: Source, batch_size: int) -> DistributedStrategy:
        """Take this rank's place in the training; all ranks call this, as `fit` does.

        Args:
            trainer: The same on all ranks.
            source: Training data, the same on all ranks.
            batch_size: Samples a step, over all replicas together.

        Raises:
            ValueError: No launcher, or a network and data that do not fit the layout.
            LostRank: The ranks cannot reach each other.
        """
        # Imported here: a layout is read before there is a need for torch.distributed.
        import torch.distributed as dist

        from forward_forward.parallel.process_group import begin, join

        begin(self.timeout, trainer.device)
        stages, replicas = self.over(dist.get_world_size())
        return join(
            trainer,
            source,
            batch_size,
            stages,
            replicas,
            split=self.split,
            sync=self.sync,
            timeout=self.timeout,
        )

    def _needs(self) -> str:
        stages = len(self.split) if self.split is not None else self.stages
        if stages is None:
            return f"stages of {self.replicas} replicas expect a multiple of {self.replicas} ranks"
        if self.replicas is None:
            return f"{stages} stages with replicas expect a multiple of {stages} ranks"
        replicas = "" if self.replicas == 1 else f" of {self.replicas} replicas"
        return f"{stages} stages{replicas} expect {stages * self.replicas} ranks"

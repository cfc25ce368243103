"""The number of ranks and how to use them -> the stages and replicas of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from forward_forward.data import Source
    from forward_forward.optimize.train_step import TrainStep
    from forward_forward.parallel.strategy import DistributedStrategy

Sync = Literal["exact", "async"]
TIMEOUT = 120.0


@dataclass(frozen=True)
class Layout:
    """How a training run is distributed over ranks.

    Args:
        stages: Groups of consecutive layers; None for the number of ranks over ``replicas``.
        replicas: Copies of each stage, each of which takes a shard of every batch; None for the
            number of ranks over ``stages``.
        split: How many layers each stage has, lowest first; None balances them by measured cost.
        sync: "exact": the weights of a single process; "async": each stage at its own pace on the
            newest input.
        timeout: Seconds to wait for another rank before the training fails.

    Raises:
        ValueError: A number below 1, or arguments that contradict each other.

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
                "Layout expects stages and replicas of at least 1, at most one of them None, and a"
                f" timeout above 0, got {self}"
            )
        if self.sync not in get_args(Sync):
            raise ValueError(f'sync expects "exact" or "async", got {self.sync!r}')
        if self.sync == "async" and (self.replicas != 1 or self.stages == 1):
            raise ValueError(
                'sync="async" requires replicas=1 and several stages, because replicas of a stage'
                f" cannot run at their own pace, got {self}"
            )
        if self.split is not None and self.stages not in (None, len(self.split)):
            raise ValueError(
                f"split={self.split} has {len(self.split)} stages, got stages={self.stages}:"
                " omit stages"
            )

    def over(self, ranks: int) -> tuple[int, int]:
        """The number of stages and of replicas on a number of ranks.

        Raises:
            ValueError: The ranks cannot be divided that way.
        """
        given = len(self.split) if self.split is not None else self.stages
        stages = ranks // (self.replicas or 1) if given is None else given
        replicas = ranks // stages if self.replicas is None else self.replicas
        if stages * replicas != ranks or ranks < 1:
            unit = (given or 1) * (self.replicas or 1)
            multiple = "a multiple of " if None in (given, self.replicas) else ""
            raise ValueError(
                f"{self} needs {multiple}{unit} ranks, got {ranks}: start that many with torchrun"
                " --nproc-per-node"
            )
        return stages, replicas

    def join(self, trainer: TrainStep, source: Source, batch_size: int) -> DistributedStrategy:
        """Enter the training on this rank; all ranks call this, as `fit` does.

        Args:
            trainer: The same on all ranks.
            source: Training data, the same on all ranks.
            batch_size: Samples per step, over all replicas together.

        Raises:
            ValueError: No launcher, or a network and data that do not fit the layout.
            LostRank: The ranks cannot reach each other.
        """
        # Imported here: a layout is also built where torch.distributed is not needed.
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

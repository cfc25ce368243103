"""How many ranks there are, and what is asked -> which layers and which replica each rank has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from forward_forward.parallel.balance import ranges

Sync = Literal["exact", "async"]
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

    def _needs(self) -> str:
        stages = len(self.split) if self.split is not None else self.stages
        if stages is None:
            return f"stages of {self.replicas} replicas expect a multiple of {self.replicas} ranks"
        if self.replicas is None:
            return f"{stages} stages with replicas expect a multiple of {stages} ranks"
        replicas = "" if self.replicas == 1 else f" of {self.replicas} replicas"
        return f"{stages} stages{replicas} expect {stages * self.replicas} ranks"


@dataclass(frozen=True)
class Place:
    """Where one rank stands.

    Args:
        rank: Its number; those of one stage follow each other.
        split: How many layers each stage has.
        replicas: How many ranks each stage has.

    >>> Place(3, split=(2, 1), replicas=2).layers
    range(2, 3)
    """

    rank: int
    split: tuple[int, ...]
    replicas: int = 1

    @property
    def stages(self) -> int:
        return len(self.split)

    @property
    def stage(self) -> int:
        return self.rank // self.replicas

    @property
    def replica(self) -> int:
        return self.rank % self.replicas

    @property
    def layers(self) -> range:
        """The layers that are here."""
        return ranges(self.split)[self.stage]

    @property
    def first(self) -> bool:
        """Whether the samples come in here."""
        return self.stage == 0

    @property
    def last(self) -> bool:
        """Whether the highest layer is here."""
        return self.stage == self.stages - 1

    def at(self, stage: int) -> int:
        """The rank of this replica at another stage."""
        return stage * self.replicas + self.replica

    def stage_of(self, layer: int) -> int:
        """The stage that has a layer."""
        return next(stage for stage, own in enumerate(ranges(self.split)) if layer in own)

    def __str__(self) -> str:
        own = self.layers
        layers = f"layer {own.start + 1}" if len(own) == 1 else f"layers {own.start + 1}-{own.stop}"
        replica = f", replica {self.replica + 1} of {self.replicas}" if self.replicas > 1 else ""
        return f"rank {self.rank} ({layers}{replica})"

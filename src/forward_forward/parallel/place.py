"""A rank's number and the split of the layers -> the layers and the replica that the rank has."""

from __future__ import annotations

from dataclasses import dataclass

from forward_forward.parallel.balance import ranges


@dataclass(frozen=True)
class Place:
    """The stage and the replica of one rank.

    Args:
        rank: The number of the rank; the ranks of a stage have consecutive numbers.
        split: The number of layers of each stage.
        replicas: The number of ranks of each stage.

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
        """The layers of this rank's stage."""
        return ranges(self.split)[self.stage]

    @property
    def first(self) -> bool:
        """Whether this rank reads the samples."""
        return self.stage == 0

    @property
    def last(self) -> bool:
        """Whether this rank has the highest layer."""
        return self.stage == self.stages - 1

    def at(self, stage: int) -> int:
        """The rank with the same replica of another stage."""
        return stage * self.replicas + self.replica

    def stage_of(self, layer: int) -> int:
        """The stage that has a layer."""
        return next(stage for stage, own in enumerate(ranges(self.split)) if layer in own)

    def __str__(self) -> str:
        own = self.layers
        layers = f"layer {own.start + 1}" if len(own) == 1 else f"layers {own.start + 1}-{own.stop}"
        replica = f", replica {self.replica + 1} of {self.replicas}" if self.replicas > 1 else ""
        return f"rank {self.rank} ({layers}{replica})"

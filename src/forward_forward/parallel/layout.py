"""The number of ranks and how to use them -> the stages and replicas, each rank's strategy."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, get_args

import torch.distributed as dist

from forward_forward.data import Source
from forward_forward.examples import NextSymbol
from forward_forward.examples.hybrids import OfTwoSamples
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.optimize.order import trains_jointly
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.async_stage import AsyncStage
from forward_forward.parallel.balance import balance_bound, balanced
from forward_forward.parallel.costs import layer_seconds
from forward_forward.parallel.data_parallel import AllReduceGroup
from forward_forward.parallel.messages import MessagePlan, SampleShapes
from forward_forward.parallel.place import Place
from forward_forward.parallel.process_group import begin, device_mesh
from forward_forward.parallel.stage import Stage
from forward_forward.parallel.strategy import DistributedStrategy
from forward_forward.parallel.timeouts import Timeout

logger = logging.getLogger(__name__)
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
        begin(self.timeout, trainer.device)
        stages, replicas = self.over(dist.get_world_size())
        _check(self, trainer, source, batch_size, stages, replicas)
        split = self.split or _balanced(trainer, source, batch_size, stages)
        place = Place(dist.get_rank(), tuple(split), replicas)
        timeout = Timeout(place, self.timeout)
        shapes = SampleShapes.of(trainer, source, batch_size)
        sizes = [min(batch_size, len(source) - at) for at in range(0, len(source), batch_size)]
        plan = MessagePlan(trainer, shapes, place, sizes)
        _check_probes(self.sync, trainer, plan)
        group = None
        if replicas > 1:
            mesh = device_mesh(dist.group.WORLD, trainer.device.type, stages, replicas)
            group = AllReduceGroup(mesh["replicas"].get_group(), timeout)
        trainer.reset(BatchShard(place.replica, replicas), group)
        kind: type[Stage | AsyncStage] = AsyncStage if self.sync == "async" else Stage
        return DistributedStrategy(trainer, kind(trainer, plan, timeout, group), timeout)


def _balanced(trainer: TrainStep, source: Source, batch_size: int, stages: int) -> tuple[int, ...]:
    """The number of layers of each stage, by their cost as the first rank measures it."""
    found: list[tuple[int, ...]] = [()]
    layers = len(trainer.network.layers)
    if stages in (1, layers):
        return (layers,) if stages == 1 else (1,) * layers
    if dist.get_rank() == 0:
        seconds = layer_seconds(trainer, source, batch_size)
        found[0] = balanced(seconds, stages)
        logger.info(
            "layers of the stages: %s, at most %.2f times as fast as one process",
            " + ".join(map(str, found[0])),
            balance_bound(seconds, found[0]),
        )
    dist.broadcast_object_list(found, src=0)
    return found[0]


def _check(
    layout: Layout,
    trainer: TrainStep,
    source: Source,
    batch_size: int,
    stages: int,
    replicas: int,
) -> None:
    layers, split = len(trainer.network.layers), layout.split
    if trainer.order == "greedy" or (trains_jointly(trainer.order, trainer.rule) and stages > 1):
        raise ValueError(
            f'parallel training requires order="joint" and rule="local", got "{trainer.order}" and'
            f' "{trainer.rule}": "greedy" trains one layer at a time, and the gradients of the'
            " others cross stages; with those, distribute the batches (--parallel data)"
        )
    if trainer.layer_steps.collaboration and stages > 1:
        raise ValueError(
            "layers that collaborate need each other's goodness in every step, so they cannot be"
            f" distributed over {stages} stages: distribute the batches (--parallel data), or leave"
            " collaboration out"
        )
    if stages > layers or (split is not None and sum(split) != layers):
        given = f"split={split}" if split is not None else f"{stages} stages"
        raise ValueError(
            f"the network has {layers} layers, got {given}: assign at least one layer to each"
            " stage, and each layer to one stage; or distribute the batches (--parallel data)"
        )
    if stages > 1 and isinstance(trainer.network.examples, NextSymbol):
        raise ValueError(
            "layers that answer at every position of a text are not distributed over processes:"
            " distribute the batches, Layout(stages=1), or train them in one process"
        )
    if replicas > 1 and any(layer.terms for layer in trainer.network.layers):
        raise ValueError(
            "the terms of a layer compare the samples of a whole batch, got batches distributed"
            f" over {replicas} replicas: use replicas=1, and distribute the layers"
        )
    if not len(source):
        raise ValueError(
            "parallel training requires data of known length, got a stream without a length: pass"
            " arrays, a Dataset or a folder"
        )
    last = len(source) % batch_size or batch_size
    least = 2 * replicas if isinstance(trainer.network.examples, OfTwoSamples) else 1
    if min(last, batch_size) < max(replicas, least):
        raise ValueError(
            f"{len(source)} samples in batches of {batch_size} leave {last} at the end, fewer than"
            f" {replicas} replicas need: choose another batch_size"
        )


def _check_probes(sync: Sync, trainer: TrainStep, plan: MessagePlan) -> None:
    head = trainer.network.head
    if plan.probes and head is not None and not head.local:
        raise ValueError(
            "a softmax head over layers of several stages must train each layer's part on its own,"
            ' got one that trains on the sum: use SoftmaxHead(..., local=True), mlp(head="local"),'
            " or --set local_head=True with the standard recipe"
        )
    if sync == "async" and trainer.look_ahead:
        raise ValueError(
            'sync="async" requires look_ahead=0, because its stages take steps of their own, got'
            f' look_ahead={trainer.look_ahead}: omit it, or use sync="exact"'
        )
    if sync == "async" and plan.probes:
        raise ValueError(
            'sync="async" requires negatives that need no scores from the upper stages, Uniform or'
            ' FromFirstLayer, and no head: use these, or sync="exact"'
        )

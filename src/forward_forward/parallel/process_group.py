"""A trainer, numbers of stages and replicas, torchrun's environment -> this rank's strategy."""

from __future__ import annotations

import functools
import logging
import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.rendezvous import rendezvous

from forward_forward.data import Source
from forward_forward.examples import HybridImages, HybridRows
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.async_stage import AsyncStage
from forward_forward.parallel.balance import balance_bound, balanced
from forward_forward.parallel.costs import layer_seconds
from forward_forward.parallel.data_parallel import AllReduceGroup
from forward_forward.parallel.messages import MessagePlan, SampleShapes
from forward_forward.parallel.place import Place
from forward_forward.parallel.rendezvous import isolated_store
from forward_forward.parallel.stage import Stage
from forward_forward.parallel.strategy import DistributedStrategy
from forward_forward.parallel.timeouts import LostRank, Timeout

LAUNCHER_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
logger = logging.getLogger(__name__)


def launched() -> bool:
    """Whether torchrun, or another launcher of torch.distributed, has started this process."""
    return dist.is_initialized() or all(name in os.environ for name in LAUNCHER_VARIABLES)


def join(
    trainer: TrainStep,
    source: Source,
    batch_size: int,
    stages: int,
    replicas: int,
    *,
    split: tuple[int, ...] | None,
    sync: str,
    timeout: float,
) -> DistributedStrategy:
    """Return the strategy of this rank, in an existing process group; all ranks call this.

    The arguments are those of `Layout` and of `Layout.join`; the number of stages times that of
    replicas is the number of ranks.
    """
    _check(trainer, split, source, batch_size, stages, replicas)
    split = split or _balanced(trainer, source, batch_size, stages)
    place = Place(dist.get_rank(), tuple(split), replicas)
    limit = Timeout(place, timeout)
    shapes = SampleShapes.of(trainer, source, batch_size)
    sizes = [min(batch_size, len(source) - at) for at in range(0, len(source), batch_size)]
    plan = MessagePlan(trainer, shapes, place, sizes)
    _check_probes(trainer, plan, sync)
    group = None
    if replicas > 1:
        mesh = _mesh(dist.group.WORLD, trainer.device.type, stages, replicas)
        group = AllReduceGroup(mesh["replicas"].get_group(), limit)
    trainer.reset(BatchShard(place.replica, replicas), group)
    kind: type[Stage | AsyncStage] = AsyncStage if sync == "async" else Stage
    return DistributedStrategy(trainer, kind(trainer, plan, limit, group), limit)


def begin(timeout: float, device: torch.device) -> None:
    """Enter torch.distributed's process group, unless this process is in one already.

    Args:
        timeout: Seconds to wait for other ranks.
        device: Where the tensors lie that are sent.

    Raises:
        ValueError: No launcher has started this process.
        LostRank: The ranks cannot reach each other.
    """
    if dist.is_initialized():
        return
    if not launched():
        raise ValueError(
            "training in several processes must be started in each of them, got one process:"
            " torchrun --nproc-per-node 2 -m forward_forward train --parallel layers ..."
        )
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        limit = timedelta(seconds=timeout)
        store, rank, ranks = next(rendezvous("env://", timeout=limit))
        store = isolated_store(store, rank, ranks, limit)
        dist.init_process_group(backend, store=store, rank=rank, world_size=ranks, timeout=limit)
    except RuntimeError as error:
        reason = str(error).strip().partition("\n")[0]
        raise LostRank(
            "the ranks cannot reach each other: start all of them; on several machines, set"
            " GLOO_SOCKET_IFNAME (and NCCL_SOCKET_IFNAME for GPUs) on each to the network interface"
            f" that connects them, as listed by `ip address`, such as eth0 (torch: {reason})"
        ) from error


@functools.cache
def _mesh(world: dist.ProcessGroup, device: str, stages: int, replicas: int) -> DeviceMesh:
    """Created once: its groups keep connections open as long as the process group exists."""
    return init_device_mesh(device, (stages, replicas), mesh_dim_names=("stages", "replicas"))


def leave() -> None:
    """Leave the process group, if there is one; all ranks call this at the end."""
    _mesh.cache_clear()
    if dist.is_initialized():
        dist.destroy_process_group()


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
    trainer: TrainStep,
    split: tuple[int, ...] | None,
    source: Source,
    batch_size: int,
    stages: int,
    replicas: int,
) -> None:
    layers = len(trainer.network.layers)
    if trainer.order != "joint":
        raise ValueError(
            'parallel training expects order="joint", got "greedy", which trains one layer at a'
            " time"
        )
    if stages > layers or (split is not None and sum(split) != layers):
        given = f"split={split}" if split is not None else f"{stages} stages"
        raise ValueError(
            f"the network has {layers} layers, got {given}: assign at least one layer to each"
            " stage, and each layer to one stage; or spread the batches (--parallel data)"
        )
    if not len(source):
        raise ValueError(
            "parallel training expects data of known length, got a stream without a length: pass"
            " arrays, a Dataset or a folder"
        )
    last = len(source) % batch_size or batch_size
    least = 2 * replicas if isinstance(trainer.network.examples, HybridImages | HybridRows) else 1
    if min(last, batch_size) < max(replicas, least):
        raise ValueError(
            f"{len(source)} samples in batches of {batch_size} leave {last} at the end, fewer than"
            f" {replicas} replicas need: choose another batch_size"
        )


def _check_probes(trainer: TrainStep, plan: MessagePlan, sync: str) -> None:
    head = trainer.network.head
    if plan.probes and head is not None and not head.local:
        raise ValueError(
            "a softmax head over layers of several stages must train each layer's part on its own,"
            ' got one that trains on the sum: use SoftmaxHead(..., local=True), mlp(head="local"),'
            " or --set local_head=True with the standard recipe"
        )
    if sync == "async" and trainer.look_ahead:
        raise ValueError(
            'sync="async" expects look_ahead=0, because its stages take steps of their own, got'
            f' look_ahead={trainer.look_ahead}: omit it, or use sync="exact"'
        )
    if sync == "async" and plan.probes:
        raise ValueError(
            'sync="async" expects negatives that need no scores from the upper stages, Uniform or'
            ' FromFirstLayer, and no head: use these, or sync="exact"'
        )

"""A trainer, stages, replicas and torchrun's environment -> this rank's part in the training."""

from __future__ import annotations

import functools
import os
import sys
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.rendezvous import rendezvous

from forward_forward.data import Source
from forward_forward.examples import HybridImages, HybridRows
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.async_stage import FreshStage
from forward_forward.parallel.balance import balance_bound, balanced
from forward_forward.parallel.costs import layer_seconds
from forward_forward.parallel.data_parallel import Replicas
from forward_forward.parallel.messages import Mail, Shapes
from forward_forward.parallel.place import Place, Sync
from forward_forward.parallel.rendezvous import fresh
from forward_forward.parallel.stage import Stage
from forward_forward.parallel.strategy import DistributedStrategy
from forward_forward.parallel.timeouts import LostRank, Timeout

NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def launched() -> bool:
    """Whether torchrun, or another launcher of torch.distributed, has started this process."""
    return dist.is_initialized() or all(name in os.environ for name in NEEDED)


def join(
    trainer: TrainStep,
    source: Source,
    batch_size: int,
    stages: int,
    replicas: int,
    *,
    split: tuple[int, ...] | None,
    sync: Sync,
    timeout: float,
) -> DistributedStrategy:
    """Take this rank's place among those that share a training; see `Layout.join`.

    Args:
        trainer: The same on all ranks.
        source: Training data, the same on all ranks.
        batch_size: Samples a step, of all replicas together.
        stages: Groups of consecutive layers; with ``replicas``, as many as there are ranks.
        replicas: Copies of each stage.
        split: How many layers each stage has; None balances them by measured cost.
        sync: "exact" or "async".
        timeout: Seconds to wait for another rank.
    """
    _check(trainer, split, source, batch_size, stages, replicas)
    split = split or _balanced(trainer, source, batch_size, stages)
    place = Place(dist.get_rank(), tuple(split), replicas)
    patience = Timeout(place, timeout)
    mail = Mail(trainer, Shapes.of(trainer, source, batch_size), place)
    _check_looks(trainer, mail, sync)
    others = None
    if replicas > 1:
        mesh = _mesh(dist.group.WORLD, trainer.device.type, stages, replicas)
        others = Replicas(mesh["replicas"].get_group(), patience)
    trainer.reset(BatchShard(place.replica, replicas), others)
    kind: type[Stage | FreshStage] = FreshStage if sync == "async" else Stage
    sizes = [min(batch_size, len(source) - at) for at in range(0, len(source), batch_size)]
    return DistributedStrategy(trainer, kind(trainer, mail, patience, others), patience, sizes)


def begin(timeout: float, device: torch.device) -> None:
    """Join torch.distributed's process group, if that was not done before.

    Args:
        timeout: Seconds to wait for other ranks.
        device: Where tensors are that are sent.

    Raises:
        ValueError: No launcher has started this process.
        LostRank: The ranks do not reach each other.
    """
    if dist.is_initialized():
        return
    if not launched():
        raise ValueError(
            "a training over several processes expects to be started in each of them, got one:"
            " torchrun --nproc-per-node 2 -m forward_forward train --parallel layers ..."
        )
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        limit = timedelta(seconds=timeout)
        store, rank, ranks = next(rendezvous("env://", timeout=limit))
        store = fresh(store, rank, ranks, limit)
        dist.init_process_group(backend, store=store, rank=rank, world_size=ranks, timeout=limit)
    except RuntimeError as error:
        reason = str(error).strip().partition("\n")[0]
        raise LostRank(
            "the ranks do not reach each other: start all of them, and on several machines name"
            " the network between them, as `ip address` does, in each one's environment:"
            f" GLOO_SOCKET_IFNAME=eth0, and NCCL_SOCKET_IFNAME for GPUs (torch: {reason})"
        ) from error


@functools.cache
def _mesh(world: dist.ProcessGroup, device: str, stages: int, replicas: int) -> DeviceMesh:
    """Made once: its groups hold connections for as long as the process group lives."""
    return init_device_mesh(device, (stages, replicas), mesh_dim_names=("stages", "replicas"))


def leave() -> None:
    """Leave the process group, if there is one; all ranks call this when all is done."""
    _mesh.cache_clear()
    if dist.is_initialized():
        dist.destroy_process_group()


def _balanced(trainer: TrainStep, source: Source, batch_size: int, stages: int) -> tuple[int, ...]:
    """Layers of each stage by their cost, as the first rank measures it."""
    found: list[tuple[int, ...]] = [()]
    layers = len(trainer.network.layers)
    if stages in (1, layers):
        return (layers,) if stages == 1 else (1,) * layers
    if dist.get_rank() == 0:
        seconds = layer_seconds(trainer, source, batch_size)
        found[0] = balanced(seconds, stages)
        bound = balance_bound(seconds, found[0])
        words = " + ".join(map(str, found[0]))
        print(f"layers of the stages: {words}; at most {bound:.2f} times as fast", file=sys.stderr)
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
            'layers that learn in parallel expect order="joint", got "greedy": there one layer'
            " learns at a time"
        )
    if stages > layers or (split is not None and sum(split) != layers):
        told = f"split={split}" if split is not None else f"{stages} stages"
        raise ValueError(
            f"the network has {layers} layers, got {told}: give each stage at least one layer, and"
            f" each layer to one stage; or share batches (--parallel data)"
        )
    if not len(source):
        raise ValueError(
            "ranks expect to know how many samples there are, got a stream without a length: give"
            " the data as arrays, a Dataset or a folder"
        )
    last = len(source) % batch_size or batch_size
    least = 2 * replicas if isinstance(trainer.network.examples, HybridImages | HybridRows) else 1
    if min(last, batch_size) < max(replicas, least):
        raise ValueError(
            f"{len(source)} samples in batches of {batch_size} leave {last} at the end, fewer than"
            f" {replicas} replicas need: choose another batch_size"
        )


def _check_looks(trainer: TrainStep, mail: Mail, sync: Sync) -> None:
    head = trainer.network.head
    if mail.looks and head is not None and not head.local:
        raise ValueError(
            "a softmax head over layers of several stages expects layers that learn apart, got one"
            ' that learns from the sum: SoftmaxHead(..., local=True), mlp(head="local"), or'
            " --set local_head=True with the standard recipe"
        )
    if sync == "async" and trainer.look_ahead:
        raise ValueError(
            f'sync="async" has no steps to look ahead by, got look_ahead={trainer.look_ahead}:'
            ' leave it out, or use sync="exact"'
        )
    if mail.looks and sync == "async":
        raise ValueError(
            'sync="async" expects negatives that the first stage chooses by itself, Uniform or'
            ' FromFirstLayer, and no head, got others: use them, or sync="exact"'
        )

"""torchrun's environment -> torch.distributed's process group, entered and left."""

from __future__ import annotations

import functools
import os
import time
import uuid
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from forward_forward.parallel.timeouts import LostRank

LAUNCHER_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
POLL_INTERVAL = 0.005  # seconds


def launched() -> bool:
    """Whether torchrun, or another launcher of torch.distributed, has started this process."""
    return dist.is_initialized() or all(name in os.environ for name in LAUNCHER_VARIABLES)


def begin(timeout: float, device: torch.device) -> None:
    """Enter torch.distributed's process group, unless this process is in one already.

    Args:
        timeout: Seconds to wait for other ranks.
        device: Device of the tensors that are sent.

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
def device_mesh(world: dist.ProcessGroup, device: str, stages: int, replicas: int) -> DeviceMesh:
    """Created once: its groups keep connections open as long as the process group exists."""
    return init_device_mesh(device, (stages, replicas), mesh_dim_names=("stages", "replicas"))


def leave() -> None:
    """Leave the process group, if there is one; all ranks call this at the end."""
    device_mesh.cache_clear()
    if dist.is_initialized():
        dist.destroy_process_group()


def isolated_store(store: Store, rank: int, ranks: int, timeout: timedelta) -> Store:
    """A prefix of the store that is known only to the ranks that start now; all ranks call this.

    torchrun keeps one store over all restarts. What the ranks of an earlier start wrote there, such
    as the address of one that died, would be taken for entries of the present ranks.

    Every rank registers under a name that is unique to this start. Rank 0 answers each of these
    names with its own until all ranks have confirmed; an answer to a name of an earlier start is
    read by nobody.

    Args:
        store: A store that all ranks can reach.
        rank: The number of this rank.
        ranks: The number of ranks.
        timeout: How long to wait for all of them.

    Raises:
        RuntimeError: Not all ranks arrived in time.
    """
    name = uuid.uuid4().hex
    if rank > 0:
        store.set(f"register/{rank}", name)
        store.wait([f"answer/{name}"], timeout)
        prefix = store.get(f"answer/{name}").decode()
        store.set(f"confirm/{prefix}/{rank}", "")
        return PrefixStore(prefix, store)
    missing, answered = set(range(1, ranks)), set[str]()
    end = time.monotonic() + timeout.total_seconds()
    while missing:
        for other in sorted(missing):
            if store.check([f"confirm/{name}/{other}"]):
                missing.remove(other)
            elif store.check([f"register/{other}"]):
                theirs = store.get(f"register/{other}").decode()
                if theirs not in answered:
                    store.set(f"answer/{theirs}", name)
                    answered.add(theirs)
        if missing and time.monotonic() > end:
            raise RuntimeError(f"ranks {sorted(missing)} did not arrive")
        time.sleep(POLL_INTERVAL)
    return PrefixStore(name, store)

"""``ff train --parallel``: flags and torchrun's environment -> a layout, or how to start it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from forward_forward.parallel import Layout


@dataclass(frozen=True)
class Asked:
    """What was asked of several processes.

    Args:
        layout: What each of them has.
        words: The same as words.
        leads: Whether this process speaks for all.
        launch: What tells the torchrun that started it from others; None without one.
        device: Where they train.
    """

    layout: Layout
    words: str
    leads: bool
    launch: str | None
    device: str | None


def asked(
    parallel: Literal["layers", "data", "both"] | None,
    stages: int | None,
    split: tuple[int, ...] | None,
    sync: Literal["exact", "async"],
    timeout: float | None,
    device: str | None,
) -> Asked | None:
    """The layout of a training over several processes; None for one process.

    Raises:
        ValueError: Flags that do not go together, or processes that were not started.
    """
    if parallel is None:
        if stages is not None or split is not None or sync != "exact":
            raise ValueError("--stages, --split and --sync expect --parallel layers or both")
        if timeout is not None:
            raise ValueError("--timeout expects --parallel: one process waits for no other")
        return None
    if (stages is not None or split is not None) and parallel == "data":
        raise ValueError("--parallel data has all layers in each process: leave --stages out")
    if parallel == "both" and stages is None and split is None:
        raise ValueError("--parallel both expects --stages or --split, got neither")
    if parallel == "layers" and stages is not None:
        raise ValueError("--parallel layers has a stage in each process: leave --stages out")
    from forward_forward.parallel import Layout, launched
    from forward_forward.parallel.layout import TIMEOUT

    if not launched():
        raise ValueError(
            f"--parallel {parallel} expects to be started in several processes, got one: torchrun"
            f" --nproc-per-node 2 -m forward_forward train --parallel {parallel} --out runs/NAME"
        )
    if parallel == "data":
        stages = 1
    replicas = 1 if parallel == "layers" else None
    layout = Layout(stages, replicas, split, sync, TIMEOUT if timeout is None else timeout)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    words = f"{parallel}, {ranks} processes, {sync}"
    return Asked(layout, words, os.environ.get("RANK") == "0", _launch(), device)


def _launch() -> str | None:
    """What all starts by one torchrun have in common, in the process that leads; None without one.

    How often torchrun has started a process is no help: on several machines the counts differ.
    """
    run = os.environ.get("TORCHELASTIC_RUN_ID")
    if run is None:
        return None
    import psutil  # type: ignore[import-untyped]

    parent = psutil.Process().parent()
    began = None if parent is None else parent.create_time()
    return f"{run} {platform.node()} {os.getppid()} {began}"


def take_device(device: str | None) -> None:
    """Let "cuda" mean another GPU in each process of a machine."""
    local = os.environ.get("LOCAL_RANK")
    if device == "cuda" and local is not None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_device(int(local) % torch.cuda.device_count())


def started_anew(asked: Asked, out: str | None, resume: str | None) -> str | None:
    """The run to go on with, where torchrun has started all processes anew after one was lost.

    The first process decides for all. None where a run is gone on with anyway, or was not begun by
    this torchrun: then it was refused before, and is refused again.

    Args:
        asked: What was asked of the processes.
        out: The run's folder.
        resume: The run that was asked to be gone on with.

    Raises:
        ValueError: No folder that a restart could find again.
    """
    if resume is not None:
        return None
    if out is None:
        raise ValueError(
            "--parallel expects --out, so that a training that is started anew finds its run"
        )
    import torch
    import torch.distributed as dist

    from forward_forward.checkpoint import Run, is_run
    from forward_forward.parallel import begin

    device = torch.device(asked.device or "cpu")
    begin(asked.layout.timeout, device)
    ours = [False]
    if asked.leads and asked.launch is not None and is_run(Path(out)):
        ours[0] = Run(out).about.get("launch") == asked.launch
    dist.broadcast_object_list(ours, src=0)
    return out if ours[0] else None

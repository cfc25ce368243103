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
        launch: What tells the torchrun that started it from others.
    """

    layout: Layout
    words: str
    leads: bool
    launch: str


def asked(
    parallel: Literal["layers", "data", "both"] | None,
    stages: int | None,
    split: tuple[int, ...] | None,
    sync: Literal["exact", "async"],
    timeout: float,
) -> Asked | None:
    """The layout of a training over several processes; None for one process.

    Raises:
        ValueError: Flags that do not go together, or processes that were not started.
    """
    if parallel is None:
        if stages is not None or split is not None or sync != "exact":
            raise ValueError("--stages, --split and --sync expect --parallel layers or both")
        return None
    if (stages is not None or split is not None) and parallel == "data":
        raise ValueError("--parallel data has all layers in each process: leave --stages out")
    if parallel == "both" and stages is None and split is None:
        raise ValueError("--parallel both expects --stages or --split, got neither")
    if parallel == "layers" and stages is not None:
        raise ValueError("--parallel layers has a stage in each process: leave --stages out")
    from forward_forward.parallel import Layout, launched

    if not launched():
        raise ValueError(
            f"--parallel {parallel} expects to be started in several processes, got one: torchrun"
            f" --nproc-per-node 2 -m forward_forward train --parallel {parallel} --out runs/NAME"
        )
    if parallel == "data":
        stages = 1
    replicas = 1 if parallel == "layers" else None
    layout = Layout(stages, replicas, split, sync, timeout)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    words = f"{parallel}, {ranks} processes, {sync}"
    return Asked(layout, words, os.environ.get("RANK") == "0", _launch())


def _launch() -> str:
    """What all starts of the processes by one torchrun have in common."""
    run = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    # A torchrun without a name for its run is on one machine, and the parent of all processes.
    return f"{platform.node()} {os.getppid()}" if run == "none" else run


def take_device(device: str | None) -> None:
    """Let "cuda" mean another GPU in each process of a machine."""
    local = os.environ.get("LOCAL_RANK")
    if device == "cuda" and local is not None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_device(int(local) % torch.cuda.device_count())


def started_anew(out: str | None, resume: str | None) -> str | None:
    """The run to go on with, where torchrun has started all processes anew after one was lost.

    None where that is asked for anyway, or the run was not begun by this torchrun: then it was
    refused before, and is refused again.

    Raises:
        ValueError: No folder that a restart could find again.
    """
    if resume is not None:
        return None
    if out is None:
        raise ValueError(
            "--parallel expects --out, so that a training that is started anew finds its run"
        )
    from forward_forward.checkpoint import Run, is_run

    again = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    ours = again and is_run(Path(out)) and Run(out).about.get("launch") == _launch()
    return out if ours else None

"""``ff train --parallel``: flags and torchrun's environment -> a layout, or how to start it."""

from __future__ import annotations

import logging
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]
import torch
import torch.distributed as dist

from forward_forward.checkpoint import Run, is_run
from forward_forward.cli.train_settings import ParallelOptions

if TYPE_CHECKING:
    from forward_forward.parallel import Layout


@dataclass(frozen=True)
class DistributedRun:
    """A training run in several processes, as seen by one of them."""

    layout: Layout
    summary: str
    is_leader: bool  # prints and writes for all
    launch: str | None  # identifies the torchrun that started this process
    device: str | None

    def restarted(self, out: str | None, resume: str | None) -> str | None:
        """The run to continue if torchrun has restarted all processes after one was lost.

        The first process decides for all. None if a run is resumed anyway, or if the run in the
        folder was not started by this torchrun: such a folder is rejected, as at the first start.
        """
        if resume is not None:
            return None
        if out is None:
            raise ValueError("--parallel requires --out, so that a restarted run can be found")
        from forward_forward.parallel import begin

        begin(self.layout.timeout, torch.device(self.device or "cpu"))
        is_ours = [False]
        if self.is_leader and self.launch is not None and is_run(Path(out)):
            is_ours[0] = Run(out).about.get("launch") == self.launch
        dist.broadcast_object_list(is_ours, src=0)
        return out if is_ours[0] else None

    def leave(self) -> None:
        """Close the connections, which would abort the process if Python's exit had to do it."""
        from forward_forward.parallel import leave

        leave()


def distributed_run(options: ParallelOptions, device: str | None) -> DistributedRun | None:
    """The distributed run that the options ask for, or None.

    With "cuda", each process gets a GPU.
    """
    parallel, stages, split = options.parallel, options.stages, options.split
    grouped = stages is not None or split is not None
    if parallel is None:
        if grouped or options.sync != "exact":
            raise ValueError("--stages, --split and --sync require --parallel layers or both")
        if options.timeout is not None:
            raise ValueError("--timeout requires --parallel: a single process waits for no other")
        count = os.environ.get("WORLD_SIZE", "1")
        if count != "1":  # each would train alone, and write into the same folder
            raise ValueError(
                f"torchrun started {count} processes, which --parallel must tell what to do: add"
                " --parallel layers, data or both, or start ff train without torchrun"
            )
        return None
    if grouped and parallel == "data":
        raise ValueError("--parallel data keeps all layers in each process: omit --stages")
    if parallel == "both" and not grouped:
        raise ValueError("--parallel both expects --stages or --split, got neither")
    if parallel == "layers" and stages is not None:
        raise ValueError("--parallel layers has one stage per process: omit --stages")
    # Not at the top: a training in one process must not wait for the import.
    from forward_forward.parallel import Layout, launched
    from forward_forward.parallel.layout import TIMEOUT

    if not launched():
        raise ValueError(
            f"--parallel {parallel} expects several processes, got one: torchrun"
            f" --nproc-per-node 2 -m forward_forward train --parallel {parallel} --out runs/NAME"
        )
    layout = Layout(
        1 if parallel == "data" else stages,
        1 if parallel == "layers" else None,
        split,
        options.sync,
        TIMEOUT if options.timeout is None else options.timeout,
    )
    local = os.environ.get("LOCAL_RANK")
    if device == "cuda" and local is not None and torch.cuda.is_available():
        torch.cuda.set_device(int(local) % torch.cuda.device_count())
    _show_log()
    summary = f"{parallel}, {os.environ.get('WORLD_SIZE', '1')} processes, {options.sync}"
    return DistributedRun(layout, summary, os.environ.get("RANK") == "0", _launch(), device)


def _launch() -> str | None:
    """What all restarts by one torchrun have in common, in the first process; None without one.

    The count of torchrun's restarts does not serve: on several machines the counts differ.
    """
    run = os.environ.get("TORCHELASTIC_RUN_ID")
    if run is None:
        return None
    parent = psutil.Process().parent()
    started = None if parent is None else parent.create_time()
    return f"{run} {platform.node()} {os.getppid()} {started}"


def _show_log() -> None:
    """Print on stderr what the library logs about the processes, such as the layers of each."""
    logger = logging.getLogger("forward_forward.parallel")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())

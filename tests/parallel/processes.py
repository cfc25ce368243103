"""Ranks as processes, by torchrun or forked: started and observed, and their runs compared."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import torch.distributed as dist
from filelock import FileLock
from torch.multiprocessing.spawn import start_processes

from forward_forward import checkpoint, files, parallel

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1500.0  # seconds after which anything here is considered to hang, on a busy machine
STANDALONE = ["--standalone", "--local-addr", "127.0.0.1"]
# An optimiser would import torch._dynamo on each rank.
PRELOADED = ["tests.parallel.cases", "tests.parallel.run_cases", "torch._dynamo"]


def on_ranks(ranks: int, function: Callable[..., None], *arguments: object) -> None:
    """Call a function on so many ranks of one process group; fails if it fails on one of them.

    The ranks are forked from a server that has imported torch, so they start at once.
    """
    torch.multiprocessing.set_forkserver_preload(PRELOADED)
    with tempfile.TemporaryDirectory() as folder:
        given = (ranks, f"{folder}/store", function, arguments)
        context = start_processes(_rank, given, ranks, join=False, start_method="forkserver")
        end = time.monotonic() + LIMIT
        try:
            while not context.join(timeout=end - time.monotonic()):
                assert time.monotonic() < end, "the ranks hang"
        finally:
            for each in context.processes:
                each.kill()


def _rank(
    rank: int, ranks: int, store: str, function: Callable[..., None], arguments: tuple[object, ...]
) -> None:
    torch.set_num_threads(1)
    limit = timedelta(seconds=LIMIT)
    about = {"rank": rank, "world_size": ranks, "timeout": limit}
    dist.init_process_group("gloo", init_method=f"file://{store}", **about)
    function(*arguments)
    parallel.leave()


def gathered(value: Any) -> list[Any]:
    """The values of all ranks, in their order."""
    everyone: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, value)
    return everyone


class TorchrunProcesses:
    """A torchrun and its ranks.

    Args:
        ranks: The number of ranks.
        arguments: What each of them runs: a script, or ``-m`` and a module, and its arguments.
        restarts: How often all of them may be restarted.
        rendezvous: How torchrun finds its peers on other machines.
        environment: Variables in addition to those of this process.
    """

    def __init__(
        self,
        ranks: int,
        *arguments: object,
        restarts: int = 0,
        rendezvous: Sequence[str] = STANDALONE,
        **environment: str,
    ) -> None:
        command = [sys.executable, "-m", "torch.distributed.run", *rendezvous]
        command += ["--nproc-per-node", str(ranks), "--max-restarts", str(restarts)]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.seen: dict[int, psutil.Process] = {}

    def __enter__(self) -> "TorchrunProcesses":
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs, so that a failed test leaves nothing behind."""
        self.running()
        for each in (*self.seen.values(), self.process):
            try:
                each.kill()
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        self.process.communicate()

    def running(self) -> list[psutil.Process]:
        """The ranks that run now, in order; every rank that ever ran is kept in ``seen``."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []
        found = []
        for each in children:
            try:
                if "RANK" in each.environ():
                    found.append((int(each.environ()["RANK"]), each))
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        found.sort(key=lambda pair: pair[0])
        self.seen |= {each.pid: each for _, each in found}
        return [each for _, each in found]

    def wait(self, limit: float = LIMIT) -> tuple[int, str]:
        """Exit code and output; fails if the end takes longer than the limit."""
        self.running()
        output, _ = self.process.communicate(timeout=limit)
        return self.process.returncode, output

    def all_ended(self, limit: float = LIMIT) -> bool:
        """Whether no rank that was seen runs any more, within some seconds."""
        _, alive = psutil.wait_procs(self.seen.values(), timeout=limit)
        return not alive

    def until(self, ready: Callable[[], bool], limit: float = LIMIT) -> bool:
        """Wait for a condition; False if torchrun ended first."""
        end = time.monotonic() + limit
        while not ready():
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < end, "the ranks hang"
            time.sleep(0.002)
        return True


def once(
    factory: pytest.TempPathFactory, worker: str, name: str, make: Callable[[Path], None]
) -> Path:
    """A folder that the first of pytest's processes to ask for it fills, for all of them."""
    base = factory.getbasetemp()
    folder = (base if worker == "master" else base.parent) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            partial = folder.with_name(f"{name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            make(partial)
            partial.rename(folder)
    return folder


def free_port() -> int:
    """A port on which nothing listens at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def training(*arguments: object) -> list[object]:
    """``ff train`` as torchrun starts it."""
    return ["-m", "forward_forward", "train", *arguments]


def epochs(run: Path) -> int:
    """The number of epochs in a run's metrics."""
    path = run / "metrics.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def tensors(run: Path) -> dict[str, torch.Tensor]:
    """All tensors in the last checkpoint."""
    folder = files.whole(run / "checkpoints" / "last")
    assert folder is not None
    return checkpoint.tensors_of(folder)


def progress(run: Path) -> dict[str, Any]:
    """The progress in the last checkpoint, without times."""
    folder = files.whole(run / "checkpoints" / "last")
    assert folder is not None
    found = dict(checkpoint.progress_of(folder))
    kept = found.pop("progress")
    times = ("seconds", "validation_seconds")
    return {**found, **{name: value for name, value in kept.items() if name not in times}}


def rows(run: Path) -> list[dict[str, Any]]:
    """The run's metrics, without times."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def assert_same(run: Path, expected: Path) -> None:
    """Two runs ended in the same weights, optimiser states and metrics, bit for bit."""
    found, wanted = tensors(run), tensors(expected)
    assert found.keys() == wanted.keys()
    unequal = [name for name in wanted if not torch.equal(found[name], wanted[name])]
    assert unequal == []
    assert progress(run) == progress(expected)
    assert rows(run) == rows(expected)


def open_ports(pids: set[int]) -> list[Any]:
    """The TCP connections of these processes."""
    return [each for each in psutil.net_connections("tcp") if each.pid in pids]


def errors(output: str) -> list[str]:
    """The error messages that ff printed."""
    return re.findall(r"ff: error: (.*)", output)


def suspend(process: psutil.Process) -> None:
    process.send_signal(signal.SIGSTOP)

"""Processes of torchrun, started and watched: what they say, how they end, what they leave."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from filelock import FileLock

from forward_forward import checkpoint, files

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 240.0  # seconds after which anything here is taken to hang
STANDALONE = ["--standalone", "--local-addr", "127.0.0.1"]


class Crew:
    """A torchrun and its ranks.

    Args:
        ranks: How many.
        words: What each of them runs: a script, or ``-m`` and a module, and its arguments.
        restarts: How often all of them may be started anew.
        meeting: How torchrun finds others of its kind, on other machines.
        environment: Variables beside those of this process.
    """

    def __init__(
        self,
        ranks: int,
        *words: object,
        restarts: int = 0,
        meeting: Sequence[str] = STANDALONE,
        **environment: str,
    ) -> None:
        command = [sys.executable, "-m", "torch.distributed.run", *meeting]
        command += ["--nproc-per-node", str(ranks), "--max-restarts", str(restarts)]
        self.process = subprocess.Popen(
            [*command, *map(str, words)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.known: dict[int, psutil.Process] = {}

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs, so that a test that fails leaves nothing."""
        self.look()
        for each in (*self.known.values(), self.process):
            try:
                each.kill()
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        self.process.communicate()

    def look(self) -> list[psutil.Process]:
        """The ranks that run now, lowest first; all that were ever seen stay known."""
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
        self.known |= {each.pid: each for _, each in found}
        return [each for _, each in found]

    def ended(self, limit: float = LIMIT) -> tuple[int, str]:
        """Exit code and all that was said; fails where it takes longer than the limit."""
        self.look()
        said, _ = self.process.communicate(timeout=limit)
        return self.process.returncode, said

    def all_gone(self, limit: float) -> bool:
        """Whether no rank that was seen runs any more, within some seconds."""
        _, alive = psutil.wait_procs(self.known.values(), timeout=limit)
        return not alive


def once(
    factory: pytest.TempPathFactory, worker: str, name: str, make: Callable[[Path], None]
) -> Path:
    """A folder that the first of pytest's processes that asks for it fills, for all of them."""
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
    """A port that nobody listens at just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def training(*words: object) -> list[object]:
    """``ff train`` as torchrun starts it."""
    return ["-m", "forward_forward", "train", *words]


def until(ready: Callable[[], bool], crew: Crew, limit: float = LIMIT) -> bool:
    """Wait for something; False where the crew ended before it."""
    end = time.monotonic() + limit
    while not ready():
        if crew.process.poll() is not None:
            return False
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.002)
    return True


def epochs(run: Path) -> int:
    """Epochs that are in the run's figures."""
    path = run / "metrics.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def tensors(run: Path) -> dict[str, torch.Tensor]:
    """All that the last checkpoint holds."""
    folder = files.whole(run / "checkpoints" / "last")
    assert folder is not None
    return checkpoint.tensors_of(folder)


def progress(run: Path) -> dict[str, Any]:
    """Where the last checkpoint stands, without times."""
    folder = files.whole(run / "checkpoints" / "last")
    assert folder is not None
    found = dict(checkpoint.progress_of(folder))
    kept = found.pop("progress")
    times = ("seconds", "validation_seconds")
    return {**found, **{name: value for name, value in kept.items() if name not in times}}


def rows(run: Path) -> list[dict[str, Any]]:
    """The run's figures, without times."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def assert_same(run: Path, whole: Path) -> None:
    """Two runs have ended in the same weights, memories and figures, bit for bit."""
    found, wanted = tensors(run), tensors(whole)
    assert found.keys() == wanted.keys()
    unlike = [name for name in wanted if not torch.equal(found[name], wanted[name])]
    assert unlike == []
    assert progress(run) == progress(whole)
    assert rows(run) == rows(whole)


def ports_left(pids: set[int]) -> list[Any]:
    """Ports that these processes listen at."""
    return [each for each in psutil.net_connections("tcp") if each.pid in pids]


def errors(said: str) -> list[str]:
    """The lines in which ff says what is wrong."""
    return re.findall(r"ff: error: (.*)", said)


def stop(process: psutil.Process) -> None:
    process.send_signal(signal.SIGSTOP)

"""Kills of one rank, each at a random moment -> whether the run ends in the undisturbed weights.

python results/kills.py [--kills 50] [--ranks 2 3]    # into results/parallel/kills.jsonl

A training of some seconds over ranks, ``torchrun --max-restarts 5``; one rank and a moment from the
start of the ranks to the end are drawn at random for SIGKILL. The run must end by itself, and its
last checkpoint must equal that of the same training in one process, bit for bit. Kills that were
tried before are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import torch

from forward_forward import checkpoint, files
from forward_forward.checkpoint import machine

KEPT = Path(__file__).parent / "parallel" / "kills.jsonl"
LIMIT = 180.0  # seconds after which a run is taken to hang
FF = [sys.executable, "-m", "forward_forward", "train"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "5"]
WORK = ["--data", "digits", "--hidden", "48", "40", "32", "--epochs", "40", "--batch-size", "40"]
WORK += [
    "--lr",
    "0.01",
    "--threads",
    "1",
    "--negatives",
    "FromGoodness(fraction=0.5)",
    "--look-ahead",
    "2",
]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def tensors(run: Path) -> dict[str, torch.Tensor]:
    folder = files.whole(run / "checkpoints" / "last")
    return {} if folder is None else checkpoint.tensors_of(folder)


def equal(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(found[k], wanted[k]) for k in wanted)


def epochs(run: Path) -> int:
    path = run / "metrics.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def started(run: Path, ranks: int, log: Path) -> subprocess.Popen[bytes]:
    words = [*TORCHRUN, "--nproc-per-node", str(ranks), *FF[1:], *WORK]
    words += ["--parallel", "layers", "--timeout", "30", "--out", str(run)]
    with log.open("wb") as said:
        return subprocess.Popen(words, env=ENVIRONMENT, stdout=said, stderr=said)


def ranks_of(process: subprocess.Popen[bytes]) -> dict[int, psutil.Process]:
    """The ranks that run, by their number."""
    found = {}
    try:
        for each in psutil.Process(process.pid).children():
            number = each.environ().get("RANK")
            if number is not None:
                found[int(number)] = each
    except psutil.Error:
        return found  # one ended while it was looked at
    return found


def phase(run: Path, done: int) -> str:
    if not (run / "run.json").exists():
        return "start"
    last = run / "checkpoints" / "last"
    if files.partial(last).exists() or files.previous(last).exists():
        return "checkpoint"
    if done and json.loads((run / "run.json").read_text()).get("status") != "training":
        return "test"
    return "training"


def killed(run: Path, ranks: int, moment: float, victim: int) -> dict[str, Any]:
    """Kill one rank at a moment [seconds after the start], and see how the run ends."""
    log = run.with_suffix(".log")
    began = time.monotonic()
    process = started(run, ranks, log)
    met: dict[str, Any] = {"moment": round(moment, 3), "rank": victim, "hit": False}
    while process.poll() is None and time.monotonic() - began < LIMIT:
        alive = ranks_of(process) if time.monotonic() - began >= moment else {}
        if victim in alive:  # torchrun has started it by now
            met |= {"at": round(time.monotonic() - began, 3), "epoch": epochs(run)}
            met |= {"phase": phase(run, met["epoch"]), "hit": True}
            alive[victim].kill()
            break
        time.sleep(0.005)
    try:
        process.wait(timeout=max(1.0, LIMIT - (time.monotonic() - began)))
        hung = False
    except subprocess.TimeoutExpired:
        hung = True
        for each in [*ranks_of(process).values(), psutil.Process(process.pid)]:
            each.kill()
        process.wait()
    said = log.read_text(errors="replace")
    met |= {"hung": hung, "code": process.returncode, "seconds": time.monotonic() - began}
    return {**met, "seconds": round(met["seconds"], 2), "restarts": said.count("failed (exitcode")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="in all")
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--out", type=Path, default=KEPT)
    asked = parser.parse_args()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    lines = asked.out.read_text().splitlines() if asked.out.exists() else []
    kept = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        whole, logs = folder / "whole", {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        subprocess.run([*FF, *WORK, "--out", str(whole)], env=ENVIRONMENT, check=True, **logs)
        wanted, spans = tensors(whole), {}
        for ranks in asked.ranks:  # how long it takes undisturbed, and that it gives these weights
            run = folder / f"undisturbed-{ranks}"
            began = time.monotonic()
            code = started(run, ranks, run.with_suffix(".log")).wait(timeout=LIMIT)
            spans[ranks] = time.monotonic() - began
            if code or not equal(tensors(run), wanted):
                raise SystemExit(f"{ranks} ranks, undisturbed, did not end in the same weights")
        for number in range(len(kept), asked.kills):
            rng = random.Random(number)
            ranks = asked.ranks[number % len(asked.ranks)]
            moment, victim = rng.uniform(0.2, 1.0) * spans[ranks], rng.randrange(ranks)
            run = folder / f"run-{number}"
            met = killed(run, ranks, moment, victim)
            met = {"kill": number, "ranks": ranks, **met, "equal": equal(tensors(run), wanted)}
            if not met["equal"] or met["hung"]:
                shutil.copy(run.with_suffix(".log"), asked.out.parent / f"kill-{number}.log")
            with asked.out.open("a") as file:
                file.write(json.dumps({**met, "torch": machine()["torch"]}) + "\n")
            kept.append(met)
            print(json.dumps(met), flush=True)
            shutil.rmtree(run, ignore_errors=True)
    summary = {"n": len(kept), "hit": sum(each["hit"] for each in kept)}
    summary |= {"equal": sum(each["equal"] for each in kept)}
    print(json.dumps({**summary, "hung": sum(each["hung"] for each in kept)}))


if __name__ == "__main__":
    main()

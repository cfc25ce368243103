"""One rank killed at a random moment -> whether the run ends in the undisturbed weights.

python results/kills.py [--kills 50] [--ranks 2 3]    # into results/parallel/kills.jsonl

A training of some seconds over ranks, by ``torchrun --max-restarts 5``, of which one rank gets
SIGKILL; the rank and the moment are drawn at random. The run must end by itself, and its last
checkpoint must equal that of the same training in one process, bit for bit. Earlier kills are kept,
each with the commit at which it was tried.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from forward_forward import files
from forward_forward.track.run_record import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.parallel import processes  # noqa: E402

KEPT = ROOT / "results" / "parallel" / "kills.jsonl"
LIMIT = 180.0  # seconds after which a run is considered to hang
RESTARTS = 5
WORK = ["--data", "digits", "--hidden", "48", "40", "32", "--epochs", "40", "--batch-size", "40"]
WORK += ["--lr", "0.01", "--threads", "1", "--look-ahead", "2"]
WORK += ["--negatives", "FromGoodness(fraction=0.5)"]


def equal(run: Path, wanted: dict[str, torch.Tensor]) -> bool:
    if files.whole(run / "checkpoints" / "last") is None:
        return False
    found = processes.tensors(run)
    return found.keys() == wanted.keys() and all(torch.equal(found[k], wanted[k]) for k in wanted)


def started(run: Path, ranks: int) -> processes.TorchrunProcesses:
    arguments = [*WORK, "--parallel", "layers", "--timeout", "30", "--out", run]
    return processes.TorchrunProcesses(ranks, *processes.training(*arguments), restarts=RESTARTS)


def phase(run: Path, done: int) -> str:
    if not (run / "run.json").exists():
        return "start"
    last = run / "checkpoints" / "last"
    if files.partial(last).exists() or files.previous(last).exists():
        return "checkpoint"
    if done and json.loads((run / "run.json").read_text()).get("status") != "training":
        return "test"
    return "training"


def killed(run: Path, ranks: int, moment: float, victim: int) -> tuple[dict[str, Any], str]:
    """Kill one rank at a moment [seconds after the start]: how the run ends, and its output."""
    began = time.monotonic()
    found: dict[str, Any] = {
        "moment": round(moment, 3),
        "rank": victim,
        "hit": False,
        "hung": False,
    }
    with started(run, ranks) as launched:
        while launched.process.poll() is None and time.monotonic() - began < LIMIT:
            alive = launched.running() if time.monotonic() - began >= moment else []
            if len(alive) > victim:  # torchrun has started it
                epoch = processes.epochs(run)
                found |= {"at": round(time.monotonic() - began, 3), "epoch": epoch}
                found |= {"phase": phase(run, epoch), "hit": True}
                alive[victim].kill()
                break
            time.sleep(0.005)
        try:
            code, output = launched.wait(max(1.0, LIMIT - (time.monotonic() - began)))
        except subprocess.TimeoutExpired:
            code, output, found["hung"] = None, "", True
    seconds = round(time.monotonic() - began, 2)
    return {
        **found,
        "code": code,
        "seconds": seconds,
        "restarts": output.count("failed (exitcode"),
    }, output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="in total")
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--out", type=Path, default=KEPT)
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    commit = commit.strip()
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    kept = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        whole, spans = folder / "whole", {}
        alone = [sys.executable, *map(str, processes.training(*WORK, "--out", whole))]
        subprocess.run(alone, check=True, capture_output=True)
        wanted = processes.tensors(whole)
        for ranks in options.ranks:  # its undisturbed duration, and its weights
            run = folder / f"undisturbed-{ranks}"
            began = time.monotonic()
            with started(run, ranks) as launched:
                code, _ = launched.wait(LIMIT)
            spans[ranks] = time.monotonic() - began
            if code or not equal(run, wanted):
                raise SystemExit(f"{ranks} ranks, undisturbed, did not end in the same weights")
        for number in range(len(kept), options.kills):
            rng = random.Random(number)
            ranks = options.ranks[number % len(options.ranks)]
            moment, victim = rng.uniform(0.2, 1.0) * spans[ranks], rng.randrange(ranks)
            run = folder / f"run-{number}"
            found, output = killed(run, ranks, moment, victim)
            found = {"kill": number, "ranks": ranks, **found, "equal": equal(run, wanted)}
            if not found["equal"] or found["hung"]:
                (options.out.parent / f"kill-{number}.log").write_text(output)
            with options.out.open("a") as file:
                at = {"torch": machine()["torch"], "commit": commit}
                file.write(json.dumps({**found, **at}) + "\n")
            kept.append(found)
            print(json.dumps(found), flush=True)
            shutil.rmtree(run, ignore_errors=True)
    summary = {"n": len(kept), "hit": sum(each["hit"] for each in kept)}
    summary |= {"equal": sum(each["equal"] for each in kept)}
    print(json.dumps({**summary, "hung": sum(each["hung"] for each in kept)}))


if __name__ == "__main__":
    main()

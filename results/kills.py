"""Kills of one rank, each at a random moment -> whether the run ends in the undisturbed weights.

python results/kills.py [--kills 50] [--ranks 2 3]    # into results/parallel/kills.jsonl

A training of some seconds over ranks, ``torchrun --max-restarts 5``; one rank and a moment from the
start of the ranks to the end are drawn at random for SIGKILL. The run must end by itself, and its
last checkpoint must equal that of the same training in one process, bit for bit. Kills that were
tried before are kept, each with the commit it was tried at.
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
from forward_forward.checkpoint import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import crews  # noqa: E402

KEPT = ROOT / "results" / "parallel" / "kills.jsonl"
LIMIT = 180.0  # seconds after which a run is taken to hang
RESTARTS = 5
WORK = ["--data", "digits", "--hidden", "48", "40", "32", "--epochs", "40", "--batch-size", "40"]
WORK += ["--lr", "0.01", "--threads", "1", "--look-ahead", "2"]
WORK += ["--negatives", "FromGoodness(fraction=0.5)"]


def equal(run: Path, wanted: dict[str, torch.Tensor]) -> bool:
    if files.whole(run / "checkpoints" / "last") is None:
        return False
    found = crews.tensors(run)
    return found.keys() == wanted.keys() and all(torch.equal(found[k], wanted[k]) for k in wanted)


def started(run: Path, ranks: int) -> crews.Crew:
    words = [*WORK, "--parallel", "layers", "--timeout", "30", "--out", run]
    return crews.Crew(ranks, *crews.training(*words), restarts=RESTARTS)


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
    """Kill one rank at a moment [seconds after the start]: how the run ends, and what it said."""
    began = time.monotonic()
    met: dict[str, Any] = {"moment": round(moment, 3), "rank": victim, "hit": False, "hung": False}
    with started(run, ranks) as crew:
        while crew.process.poll() is None and time.monotonic() - began < LIMIT:
            alive = crew.look() if time.monotonic() - began >= moment else []
            if len(alive) > victim:  # torchrun has started it by now
                epoch = crews.epochs(run)
                met |= {"at": round(time.monotonic() - began, 3), "epoch": epoch}
                met |= {"phase": phase(run, epoch), "hit": True}
                alive[victim].kill()
                break
            time.sleep(0.005)
        try:
            code, said = crew.ended(max(1.0, LIMIT - (time.monotonic() - began)))
        except subprocess.TimeoutExpired:
            code, said, met["hung"] = None, "", True
    seconds = round(time.monotonic() - began, 2)
    return {
        **met,
        "code": code,
        "seconds": seconds,
        "restarts": said.count("failed (exitcode"),
    }, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="in all")
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--out", type=Path, default=KEPT)
    asked = parser.parse_args()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asks = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asks, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    commit = commit.strip()
    lines = asked.out.read_text().splitlines() if asked.out.exists() else []
    kept = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        whole, spans = folder / "whole", {}
        alone = [sys.executable, *map(str, crews.training(*WORK, "--out", whole))]
        subprocess.run(alone, check=True, capture_output=True)
        wanted = crews.tensors(whole)
        for ranks in asked.ranks:  # how long it takes undisturbed, and that it gives these weights
            run = folder / f"undisturbed-{ranks}"
            began = time.monotonic()
            with started(run, ranks) as crew:
                code, _ = crew.ended(LIMIT)
            spans[ranks] = time.monotonic() - began
            if code or not equal(run, wanted):
                raise SystemExit(f"{ranks} ranks, undisturbed, did not end in the same weights")
        for number in range(len(kept), asked.kills):
            rng = random.Random(number)
            ranks = asked.ranks[number % len(asked.ranks)]
            moment, victim = rng.uniform(0.2, 1.0) * spans[ranks], rng.randrange(ranks)
            run = folder / f"run-{number}"
            met, said = killed(run, ranks, moment, victim)
            met = {"kill": number, "ranks": ranks, **met, "equal": equal(run, wanted)}
            if not met["equal"] or met["hung"]:
                (asked.out.parent / f"kill-{number}.log").write_text(said)
            with asked.out.open("a") as file:
                at = {"torch": machine()["torch"], "commit": commit}
                file.write(json.dumps({**met, **at}) + "\n")
            kept.append(met)
            print(json.dumps(met), flush=True)
            shutil.rmtree(run, ignore_errors=True)
    summary = {"n": len(kept), "hit": sum(each["hit"] for each in kept)}
    summary |= {"equal": sum(each["equal"] for each in kept)}
    print(json.dumps({**summary, "hung": sum(each["hung"] for each in kept)}))


if __name__ == "__main__":
    main()

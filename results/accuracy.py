"""The accuracy of layers trained in parallel -> results/parallel/accuracy.jsonl, a line a run.

python results/accuracy.py             # all missing runs, 5 seeds each: about half an hour
python results/accuracy.py --seeds 2

MNIST, the standard recipe with float32 products; the epoch is chosen by validation error, and the
test set is read once. All arms have the same epochs and learning rate.

- async: two processes of one thread, four layers, each process at its own pace on the newest input,
  against the exact mode, which gives the weights of one process;
- look-ahead: hard negatives drawn from scores that are d steps old, against d = 0.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from forward_forward.track.run_record import machine

KEPT = Path(__file__).parent / "parallel" / "accuracy.jsonl"
THREE, FOUR = (["--hidden", *["500"] * layers] for layers in (3, 4))
ONE_HEAD = [*THREE, "--negatives", "FromSoftmax"]
SOFTMAX = [*ONE_HEAD, "--set", "local_head=True"]
GOODNESS = [*THREE, "--negatives", "FromGoodness(temperature=0.1, fraction=0.3)"]
ONE = {
    "softmax, one head": ONE_HEAD,
    **{f"softmax, d = {d}": [*SOFTMAX, "--look-ahead", str(d)] for d in (0, 1, 2, 4)},
    **{f"goodness, d = {d}": [*GOODNESS, "--look-ahead", str(d)] for d in (0, 1, 2, 4)},
}
TWO = {
    "exact": [*FOUR, "--split", "2", "2"],
    "async, 2 + 2": [*FOUR, "--split", "2", "2", "--sync", "async"],
    "async, 1 + 3": [*FOUR, "--split", "1", "3", "--sync", "async"],
}


def command(arm: str, seed: int, out: Path) -> list[str]:
    """The command that trains an arm."""
    common = ["--data", "mnist", "--recipe", "standard", "--precision", "float32"]
    common += ["--seed", str(seed), "--out", str(out)]
    if arm in ONE:
        start = [sys.executable, "-m", "forward_forward", "train", "--threads", "1"]
        return [*start, *common, *ONE[arm]]
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return [*start, "-m", "forward_forward", "train", "--parallel", "layers", *common, *TWO[arm]]


def run(arm: str, seed: int) -> dict[str, Any]:
    """Train an arm with a seed, and return its results."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command(arm, seed, out), env=env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{arm}, seed {seed}: {done.stderr}")
        about = json.loads((out / "run.json").read_text())
    return {
        "arm": arm,
        "seed": seed,
        "test_error": about["test_error"],
        "validation_error": about["validation_error"],
        "seconds": about["seconds"] - about["validation_seconds"],
        "machine": {**machine(), "threads": 1},
    }


def main(seeds: int) -> None:
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    known = {(row["arm"], row["seed"]) for row in map(json.loads, lines)}

    def finish(arm: str, seed: int) -> None:
        row = run(arm, seed)
        with KEPT.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(arm, seed, row["test_error"], flush=True)

    # Two runs of one process at a time, but one of two processes.
    for arms, jobs in ((TWO, 1), (ONE, 2)):
        missing = [(arm, s) for s in range(seeds) for arm in arms if (arm, s) not in known]
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda each: finish(*each), missing))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    main(parser.parse_args().seeds)

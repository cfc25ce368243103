"""``kill -9`` at any moment costs at most the current epoch and changes no bit of the result."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

EPOCHS = 30


def started(folder: Path, *args: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "forward_forward", "train", *args]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, **quiet
    )


def new(folder: Path, out: str) -> subprocess.Popen[bytes]:
    parts = ["--hidden", "24", "24", "--epochs", str(EPOCHS), "--threads", "1", "--lr", "0.01"]
    return started(folder, "--data", "digits", "--out", out, *parts)


def rows(run: Path) -> int:
    """Whole lines of the metrics so far."""
    path = run / "metrics.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def checkpoint_epoch(run: Path) -> int:
    for name in ("last", ".last.previous"):
        if (path := run / "checkpoints" / name / "progress.json").exists():
            return int(json.loads(path.read_text())["progress"]["epoch"])
    return 0


def killed(process: subprocess.Popen[bytes], run: Path, after: int, wait: float) -> bool:
    """Whether the process was still training when it was killed."""
    limit = time.monotonic() + 60
    while rows(run) < after and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.002)
    time.sleep(wait)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def weights(run: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted((run / "checkpoints").rglob("*.safetensors")):
        for name, each in load_file(path).items():
            found[f"{path.parent.name}/{path.stem}/{name}"] = each.numpy().tobytes()
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(tmp_path):
    undisturbed = new(tmp_path, "whole")
    run, rng = tmp_path / "run", random.Random(5)
    process, strikes = new(tmp_path, "run"), 0
    for number in range(3):
        before = checkpoint_epoch(run)
        # The first kill lands at the very start: after run.json, maybe before a checkpoint.
        after = rng.randint(before + 1, before + 8) if number else 0
        while not (run / "run.json").exists() and process.poll() is None:
            time.sleep(0.002)
        strikes += killed(process, run, after, rng.uniform(0, 0.08))
        logged, saved = rows(run), checkpoint_epoch(run)
        # A row is written first, then the checkpoint: the epoch between them is all that is lost.
        assert saved >= before
        assert logged - 1 <= saved <= logged
        process = started(tmp_path, "--resume", "run")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    assert strikes >= 2
    _, said = undisturbed.communicate(timeout=120)
    assert undisturbed.returncode == 0, said.decode()

    whole = tmp_path / "whole"
    assert weights(run) == weights(whole)
    found, expected = (
        [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in (run, whole)
    )
    for row in (*found, *expected):
        del row["seconds"]
    assert found == expected
    assert len(found) == EPOCHS
    ends = [json.loads((path / "run.json").read_text()) for path in (run, whole)]
    for name in ("test", "test_error", "status", "best_epoch", "validation_error"):
        assert ends[0][name] == ends[1][name]
    names = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert names == ["best", "last"]

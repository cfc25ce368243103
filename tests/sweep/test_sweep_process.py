"""Sweeps as processes: stopped by Ctrl-C, killed, two at once; never more trials than requested.

Each process blocks inside a trial of its own, after the first epoch, until the test releases it, so
that no result depends on how fast the machine is.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from forward_forward.sweep import heartbeat, storage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX"),
]

SPACE = ["lr=1e-3..1e-1", "hidden=2x4..12", "batch_size=512"]
SMALL = ["--data", "digits.npz", "--search", *SPACE, "--threads", "1", "--epochs", "2", "--json"]

# `ff` with a trial that waits for a line on stdin: inside of training, where Ctrl-C is noticed.
BLOCKING = """
import sys
import optuna
from forward_forward.cli import main

number, report = int(sys.argv[1]), optuna.Trial.report

def blocking(self, value, step):
    report(self, value, step)
    if (self.number, step) == (number, 1):
        print("blocked", file=sys.stderr, flush=True)
        sys.stdin.readline()

optuna.Trial.report = blocking
main(sys.argv[2:])
"""


@pytest.fixture(autouse=True)
def _data(tmp_path, digits_file):
    shutil.copy(digits_file, tmp_path / "digits.npz")


def blocked(folder: Path, trial: int, trials: int, *more: str) -> subprocess.Popen[str]:
    """A sweep in a process of its own, which is now inside of a trial."""
    words = ["sweep", *SMALL, "--trials", str(trials), "--out", "sweep", *more]
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKING, str(trial), *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    for line in process.stderr:
        said.append(line)
        if line == "blocked\n":
            return process
    raise AssertionError("".join(said))


def trials_in(folder: Path) -> list:
    with storage.quiet():
        return storage.study_of(folder / "sweep", None, epochs=None).trials


def states(folder: Path) -> Counter[str]:
    return Counter(trial.state.name for trial in trials_in(folder))


def test_ctrl_c_keeps_what_is_finished_and_the_command_that_it_prints_goes_on(
    tmp_path, ff, monkeypatch
):
    process = blocked(tmp_path, trial=2, trials=4)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate("\n")
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert json.loads(out)["trials"] == 2
    assert states(tmp_path) == {"COMPLETE": 2, "FAIL": 1}
    kept, _, again = said.strip().splitlines()[-1].partition("; continue with: ff ")
    assert (kept, again) == (
        "ff: finished trials are kept",
        "sweep --out sweep --trials 4 --threads 1",
    )
    monkeypatch.chdir(tmp_path)
    done = ff(*shlex.split(again), "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["trials"] == 4
    assert states(tmp_path) == {"COMPLETE": 4, "FAIL": 1}


def test_a_sweep_killed_again_and_again_ends_with_the_trials_asked_for(tmp_path, ff, monkeypatch):
    for trial in (1, 3):  # the second process replaces trial 1 by trial 2
        process = blocked(tmp_path, trial, trials=4)
        process.kill()
        process.communicate()
    # The second one left trial 3 running; the first one's trial was ended by the second.
    assert states(tmp_path) == {"COMPLETE": 2, "RUNNING": 1, "FAIL": 1}
    monkeypatch.chdir(tmp_path)
    done = ff("sweep", "--out", "sweep", "--threads", "1", "--json")
    assert done.code == 0, done.err
    assert "2 of 4 trials are done" in done.err
    assert states(tmp_path) == {"COMPLETE": 4, "FAIL": 2}
    assert json.loads(done.out)["trials"] == 4
    kept = json.loads((tmp_path / "sweep" / "trials.json").read_text())["trials"]
    assert Counter(each["state"] for each in kept) == {"complete": 4, "interrupted": 2}


def test_two_processes_share_a_sweep_and_run_no_more_than_its_trials(tmp_path):
    pair = [blocked(tmp_path, trial, trials=5) for trial in (0, 1)]
    for process in pair:
        process.stdin.write("\n")
        process.stdin.flush()
    ends = [process.communicate() for process in pair]
    assert [process.returncode for process in pair] == [0, 0], ends
    printed = [json.loads(out) for out, _ in ends]
    trials = trials_in(tmp_path)
    done = [trial for trial in trials if trial.state.name in ("COMPLETE", "PRUNED")]
    assert len(done) == 5
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "PRUNED", "FAIL"}
    ran = Counter(trial.user_attrs[heartbeat.MARK]["process"] for trial in done)
    assert len(ran) == 2, ran  # each has run at least the trial in which it was blocked
    assert len({json.dumps(trial.params) for trial in done}) == 5
    assert [each["trials"] for each in printed] == [5, 5]
    assert printed[0]["best"] == printed[1]["best"]
    assert printed[0]["best"]["validation_error"] == min(
        trial.value for trial in done if trial.state.name == "COMPLETE"
    )

"""Sweeps as processes: stopped by Ctrl-C, killed, two at once; the trials asked for, no more."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from forward_forward.sweep import heartbeat, storage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")

SPACE = ["lr=1e-3..1e-1", "hidden=2x4..12", "batch_size=512"]
SMALL = ["--data", "digits", "--search", *SPACE, "--threads", "1"]


def started(folder: Path, trials: int, epochs: int) -> subprocess.Popen[str]:
    words = [*SMALL, "--epochs", str(epochs), "--trials", str(trials), "--out", "sweep", "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "forward_forward", "sweep", *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def trials_in(folder: Path) -> list:
    with storage.quiet():
        return storage.study_of(folder / "sweep", None, seed=0, epochs=None).trials


def states(folder: Path) -> Counter[str]:
    return Counter(trial.state.name for trial in trials_in(folder))


def finished(found: Counter[str]) -> int:
    return found["COMPLETE"] + found["PRUNED"]


def under_way(folder: Path, pid: int) -> bool:
    """Whether a process is in the middle of a trial."""
    marks = [
        trial.user_attrs.get(heartbeat.MARK) for trial in trials_in(folder) if trial.state == 0
    ]
    return any(mark["pid"] == pid for mark in marks if mark)


def wait_until_under_way(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a process is in the middle of a trial, after one that has ended."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("trial"):
            break
    while not under_way(folder, process.pid):
        assert process.poll() is None, "all trials were over before one was seen under way"


def test_ctrl_c_keeps_what_is_finished_and_the_command_that_it_prints_goes_on(
    tmp_path, ff, monkeypatch
):
    process = started(tmp_path, trials=4, epochs=20)
    for line in process.stderr:
        if line.startswith("trial   1"):
            break
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    stopped = json.loads(out)
    assert stopped["trials"] == finished(states(tmp_path)) < 4
    assert states(tmp_path)["RUNNING"] == 0
    kept, _, again = said.strip().splitlines()[-1].partition("; go on with: ff ")
    assert (kept, again) == (
        "ff: finished trials are kept",
        "sweep --out sweep --trials 4 --threads 1",
    )
    monkeypatch.chdir(tmp_path)
    done = ff(*shlex.split(again), "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["trials"] == finished(states(tmp_path)) == 4


def test_a_sweep_killed_again_and_again_ends_with_the_trials_asked_for(tmp_path, ff, monkeypatch):
    for _ in range(2):
        process = started(tmp_path, trials=4, epochs=20)
        wait_until_under_way(tmp_path, process)
        process.kill()
        process.communicate()
    before = states(tmp_path)
    # What the second one left is under way; what the first one left was ended by the second.
    assert before == {"COMPLETE": finished(before), "RUNNING": 1, "FAIL": 1}
    assert 2 <= finished(before) < 4
    monkeypatch.chdir(tmp_path)
    done = ff("sweep", "--out", "sweep", "--threads", "1", "--json")
    assert done.code == 0, done.err
    assert f"{finished(before)} of 4 trials are over" in done.err
    after = states(tmp_path)
    assert after == {"COMPLETE": 4, "FAIL": 2}
    assert json.loads(done.out)["trials"] == 4
    kept = json.loads((tmp_path / "sweep" / "trials.json").read_text())["trials"]
    assert Counter(each["state"] for each in kept) == {"complete": 4, "broken off": 2}


def test_two_processes_share_a_sweep_and_run_no_more_than_its_trials(tmp_path):
    pair = [started(tmp_path, trials=6, epochs=20)]
    # The first one is held in a trial until the second is in one too: else, on a busy machine, it
    # may be through with all of them before the second has begun.
    wait_until_under_way(tmp_path, pair[0])
    pair[0].send_signal(signal.SIGSTOP)
    pair.append(started(tmp_path, trials=6, epochs=20))
    wait_until_under_way(tmp_path, pair[1])
    pair[0].send_signal(signal.SIGCONT)
    ends = [process.communicate(timeout=120) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], ends
    printed = [json.loads(out) for out, _ in ends]
    trials = trials_in(tmp_path)
    over = [trial for trial in trials if trial.state.name in ("COMPLETE", "PRUNED")]
    assert len(over) == 6
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "PRUNED", "FAIL"}
    ran = Counter(trial.user_attrs[heartbeat.MARK]["process"] for trial in over)
    assert len(ran) == 2, ran  # both had their share
    assert len({json.dumps(trial.params) for trial in over}) == 6
    assert [each["trials"] for each in printed] == [6, 6]
    assert printed[0]["best"] == printed[1]["best"]
    assert printed[0]["best"]["validation_error"] == min(
        trial.value for trial in over if trial.state.name == "COMPLETE"
    )

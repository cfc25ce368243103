"""Trials under way: which are run by somebody, and which were left by the dead."""

import os
import subprocess
import sys

import optuna
import pytest

from forward_forward.sweep import heartbeat


def mark(**more):
    return {
        "host": heartbeat.here(),
        "pid": os.getpid(),
        "process": heartbeat.PROCESS,
        "beat": 0,
        **more,
    }


def begun(marked) -> optuna.trial.FrozenTrial:
    trial = optuna.create_study().ask()
    if marked is not None:
        trial.set_user_attr(heartbeat.MARK, marked)
    return trial.study.trials[0]


def test_processes_of_this_host_are_known_to_be_dead_at_once():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert heartbeat.StaleTrials().is_stale(begun(mark(pid=gone.pid, process="other")))
    assert heartbeat.StaleTrials().is_stale(begun(mark(process="one before me with my number")))
    assert not heartbeat.StaleTrials().is_stale(begun(mark()))
    assert not heartbeat.StaleTrials().is_stale(begun(mark(pid=os.getppid(), process="other")))


@pytest.mark.parametrize(
    ("marked", "grace"), [(mark(host="far"), heartbeat.GRACE), (None, heartbeat.UNMARKED_GRACE)]
)
def test_others_are_dead_once_their_count_stands_still(monkeypatch, marked, grace):
    now = [1000.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: now[0])
    stale = heartbeat.StaleTrials()
    assert not stale.is_stale(begun(marked))
    now[0] += grace - 1
    assert not stale.is_stale(begun(marked))
    now[0] += 2
    assert stale.is_stale(begun(marked))
    if marked is not None:
        assert not stale.is_stale(begun({**marked, "beat": 1}))


def test_a_trial_under_way_is_marked_and_its_count_rises(monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT", 0.001)
    study = optuna.create_study()
    trial = study.ask()
    with heartbeat.beating(trial):
        while study.trials[0].user_attrs[heartbeat.MARK]["beat"] < 2:
            pass
        assert not heartbeat.StaleTrials().is_stale(study.trials[0])

"""A sweep in a real PostgreSQL database: two processes, one of which is killed."""

import json
import shutil
import sys
from collections import Counter

import optuna
import pytest
from tests.sweep.postgresql import server
from tests.sweep.test_sweep_process import blocked

from forward_forward.sweep import heartbeat, storage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the server's socket is POSIX"),
]
TRIALS = 4


@pytest.fixture(scope="module")
def url():
    with server() as found:
        yield found


def trials_in(url) -> list:
    with storage.quiet():
        opened = optuna.storages.RDBStorage(url)
        try:
            return optuna.load_study(study_name="sweep", storage=opened).trials
        finally:
            opened.engine.dispose()


def test_of_two_processes_one_is_killed_and_the_other_finishes_the_study(
    tmp_path, digits_file, url
):
    shutil.copy(digits_file, tmp_path / "digits.npz")
    killed, other = (blocked(tmp_path, trial, TRIALS, "--storage", url) for trial in (0, 1))
    assert [each.state.name for each in trials_in(url)] == ["RUNNING", "RUNNING"]
    killed.kill()
    killed.communicate()
    out, said = other.communicate("\n")
    assert other.returncode == 0, said
    trials = trials_in(url)
    done = [each for each in trials if each.state.name in ("COMPLETE", "PRUNED")]
    # The killed trial failed, and each of the others is counted once, with settings of its own.
    assert trials[0].state.name == "FAIL"
    assert len(done) == len(trials) - 1 == TRIALS
    assert len({json.dumps(each.params) for each in done}) == TRIALS
    assert len({each.user_attrs[heartbeat.MARK]["process"] for each in done}) == 1
    printed = json.loads(out)
    assert printed["trials"] == TRIALS
    assert printed["best"]["validation_error"] == min(
        each.value for each in done if each.state.name == "COMPLETE"
    )
    kept = json.loads((tmp_path / "sweep" / "trials.json").read_text())["trials"]
    states = Counter(each["state"] for each in kept)
    assert states["interrupted"] == 1
    assert states.total() == TRIALS + 1


def test_a_database_that_does_not_exist_is_an_error(tmp_path, url):
    missing = url.replace("/postgres?", "/sweeps?")
    with pytest.raises(OSError, match=r"cannot be opened: .*database \"sweeps\" does not exist"):
        storage.study_of(tmp_path / "sweep", missing, epochs=None)


def test_a_missing_driver_gets_a_line_for_pip(tmp_path, monkeypatch, url):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError, match=r'pip install "forward-forward\[postgresql\]"'):
        storage.study_of(tmp_path / "sweep", url, epochs=None)

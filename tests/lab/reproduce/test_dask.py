"""``ff reproduce`` on a real Dask cluster: two workers, the runs of one, in a process each."""

import json

import joblib
import pytest
from distributed import Client, LocalCluster, get_task_stream

CLAIM = "poster.fig8.right"
SAME = ("job", "validation_error", "test_error", "test_wrong", "curve")


def records(folder) -> dict[str, dict]:
    lines = (folder / "runs.jsonl").read_text().splitlines()
    found = {record["key"]: record for record in map(json.loads, lines)}
    assert len(found) == len(lines)  # no run was done twice
    return found


@pytest.fixture
def client(tmp_path):
    """A cluster of two workers, each a process with one thread."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address=":0",
            local_directory=tmp_path / "dask",
        ) as found,
        Client(found) as connected,
    ):
        yield connected


@pytest.mark.slow
def test_the_runs_of_two_dask_workers_are_those_of_this_process(ff, client, tmp_path):
    words = ["reproduce", CLAIM, "--scale", "smoke"]
    with joblib.parallel_config(backend="dask"), get_task_stream(client) as tasks:
        done = ff(*words, "--jobs", "2", "--out", tmp_path / "dask-runs")
    assert done.code == 0, done.err
    assert len({task["worker"] for task in tasks.data}) == 2
    done = ff(*words, "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    there, here = (records(tmp_path / name) for name in ("dask-runs", "runs"))
    assert there.keys() == here.keys()
    for key, record in here.items():
        assert {name: there[key].get(name) for name in SAME} == {
            name: record.get(name) for name in SAME
        }

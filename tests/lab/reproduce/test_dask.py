"""``ff reproduce`` on a real Dask cluster: two workers, the runs of one, in a process each."""

import json

import joblib
import pytest
from distributed import Client, LocalCluster, get_task_stream

from forward_forward.lab.reproduce.job import Job
from forward_forward.lab.reproduce.workers import perform

CLAIM = "poster.fig5"
SAME = ("validation_error", "test_error", "test_wrong", "curve")


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
    words = ["reproduce", CLAIM, "--scale", "smoke", "--jobs", "2", "--out", tmp_path / "runs"]
    with joblib.parallel_config(backend="dask"), get_task_stream(client) as tasks:
        done = ff(*words)
    assert done.code == 0, done.err
    assert len({task["worker"] for task in tasks.data}) == 2
    records = [json.loads(line) for line in (tmp_path / "runs/runs.jsonl").read_text().splitlines()]
    assert len({record["key"] for record in records}) == len(records)  # none was done twice
    for record in (records[0], records[-1]):
        about = dict(record["job"])
        _, here = perform(Job(about.pop("train"), **about))
        assert here["key"] == record["key"]
        assert {name: here.get(name) for name in SAME} == {name: record.get(name) for name in SAME}

"""Arms get their results without a run done twice; any number of workers find the same."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import pytest
import torch
from joblib.externals.loky import get_reusable_executor

from forward_forward.lab.ledger import Ledger
from forward_forward.lab.reproduce.arms import Arm
from forward_forward.lab.reproduce.claims import CLAIMS, Claim, Finding
from forward_forward.lab.reproduce.forecast import forecast
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.methods import METHODS
from forward_forward.lab.reproduce.runner import Runner, RunProgress
from forward_forward.lab.reproduce.scales import SMOKE
from forward_forward.lab.reproduce.workers import perform
from forward_forward.lab.workers import performed

SCALE = replace(SMOKE, tuning_seeds=2, deciding=3)
CALLS: list[Job] = []


def counted(job: Job, split: Split) -> Record:
    """Train nothing: errors by the seed and the rate, and the call is kept."""
    CALLS.append(job)
    error = 5 + job.seed / 100 + job.settings["lr"]
    return {
        "validation_error": error,
        "test_error": error,
        "threads": torch.get_num_threads(),
        "seconds": 1.5,
        "diverged": False,
    }


@pytest.fixture(autouse=True)
def calls(monkeypatch) -> list[Job]:
    """The runs that were done in a test, by two methods that train nothing."""
    for name in ("counted", "other"):
        monkeypatch.setitem(METHODS, name, counted)
    CALLS.clear()
    return CALLS


JOB = Job("counted", {"lr": 0.1}, "digits", None, 2.5, 3)
FIRST, SECOND, THIRD = (replace(JOB, seed=seed) for seed in range(3))
ARMS = (
    Arm("plain", "counted", {}, seeds="deciding"),
    Arm("other", "other", {"dropout": 0.2}, longer=2.0),
)


class Seen(RunProgress):
    """Keeps the jobs it is called with."""

    def __init__(self) -> None:
        self.expected: list[list[Job]] = []
        self.finished: list[Job] = []

    def expect(self, jobs: Sequence[Job]) -> None:
        self.expected.append(list(jobs))

    def done(self, job: Job) -> None:
        self.finished.append(job)


def runner_in(folder: Path, **more: Any) -> Runner:
    return Runner(SCALE, Ledger(folder), 1, Seen(), **more)


def test_arms_are_tuned_and_run_with_what_was_chosen(tmp_path, calls):
    found = runner_in(tmp_path).arms(*ARMS)
    assert [each.seeds for each in found.values()] == [[0, 1, 2], [0, 1]]
    assert found["other"].settings == {"dropout": 0.2, "lr": 1e-3, "threshold_factor": 1.0}
    assert found["other"].errors == pytest.approx([5 + 1e-3, 5.01 + 1e-3])
    finals = [job for job in calls if job.final]
    assert sorted({job.epochs for job in finals}) == [SCALE.epochs, 2 * SCALE.epochs]
    assert all(job.settings["hidden"] == SCALE.hidden for job in calls)
    # Two rates on two seeds each, for either arm.
    assert len(calls) == len({job.key for job in calls}) == 2 * 4 + 3 + 2


def test_nothing_is_run_twice(tmp_path, calls):
    once = runner_in(tmp_path).arms(*ARMS)
    calls.clear()
    runner = runner_in(tmp_path)
    again = runner.arms(*ARMS)
    assert calls == []
    assert [each.json() for each in again.values()] == [each.json() for each in once.values()]
    assert not any(runner.progress.expected)


def test_more_seeds_run_the_new_ones_alone(tmp_path, calls):
    runner_in(tmp_path).arms(*ARMS)
    calls.clear()
    found = runner_in(tmp_path, seeds=4).arms(*ARMS)
    assert sorted((job.method, job.seed) for job in calls) == [
        ("counted", 3),
        ("other", 2),
        ("other", 3),
    ]
    assert {len(each.errors) for each in found.values()} == {4}


def test_runs_before_a_failure_are_kept(tmp_path, calls, monkeypatch):
    def fails(job: Job, split: Split) -> Record:
        if len(calls) == 5:
            raise KeyboardInterrupt
        return counted(job, split)

    with monkeypatch.context() as patched:
        for name in ("counted", "other"):
            patched.setitem(METHODS, name, fails)
        with pytest.raises(KeyboardInterrupt):
            runner_in(tmp_path).arms(*ARMS)
    before = [job.key for job in calls]
    runner_in(tmp_path).arms(*ARMS)
    keys = [job.key for job in calls]
    assert len(before) == len(Ledger(tmp_path).records) - (len(keys) - 5) == 5
    assert len(keys) == len(set(keys))


def test_jobs_without_an_arm_come_back_in_their_order_and_the_longest_is_run_first(tmp_path, calls):
    long = replace(THIRD, epochs=9.0)
    runner = runner_in(tmp_path)
    records = runner.jobs([FIRST, long, SECOND, FIRST])
    assert [record["key"] for record in records] == [
        each.key for each in (FIRST, long, SECOND, FIRST)
    ]
    assert calls[0].key == long.key
    assert len(calls) == 3
    assert runner.progress.expected == [calls] == [runner.progress.finished]


def test_a_run_has_one_thread_and_says_where_and_when_it_was():
    torch.set_num_threads(2)
    try:
        job, record = perform(JOB)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert job is JOB
    assert record["threads"] == 1
    assert record["machine"]["torch"] == torch.__version__
    assert len(record["date"].split("-")) == 3
    assert (record["key"], record["job"]) == (JOB.key, JOB.about)


@pytest.fixture
def workers() -> Iterator[int]:
    """How many processes do jobs; they end with the test."""
    yield 2
    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


@pytest.mark.slow
def test_several_workers_find_what_one_finds(workers):
    settings = {"hidden": (16,), "batch_size": 64, "lr": 3e-3, "loss": "log_sigmoid"}
    jobs = [
        Job("forward_forward", settings, "digits", 400, epochs, seed, final=True)
        for epochs, seed in ((1.0, 0), (2.5, 0), (1.0, 1))
    ]
    alone = {job.key: record for job, record in performed(perform, jobs, 1)}
    together = {job.key: record for job, record in performed(perform, jobs, workers)}
    assert len(alone) == 3
    assert together.keys() == alone.keys()
    for name in ("validation_error", "test_error", "test_wrong", "start", "job"):
        assert [together[key][name] for key in alone] == [alone[key][name] for key in alone]
    assert len({record["test_error"] for record in alone.values()}) > 1


def measured(runner: Runner) -> Finding:
    runner.arms(*ARMS)
    runner.jobs([FIRST, THIRD])
    return Finding({}, None, "")


CLAIM = Claim("made-up", "", "", "", "", measured, lambda scale: ARMS, lambda scale: [FIRST, THIRD])


def test_the_forecast_falls_from_all_that_is_run_to_0(tmp_path):
    runner = runner_in(tmp_path)
    before = forecast([CLAIM], runner)
    CLAIM.measure(runner)
    done = runner.progress.finished
    assert before > 0
    left = [forecast([CLAIM], runner_in(tmp_path))]
    lines = runner.ledger.path.read_text().splitlines(keepends=True)
    for count in range(len(lines) - 1, -1, -1):
        runner.ledger.path.write_text("".join(lines[:count]))
        left.append(forecast([CLAIM], runner_in(tmp_path)))
    assert left[0] == 0
    assert left == sorted(left)
    assert left[-1] == before
    assert left[-1] >= sum(job.cost for job in done)


def test_the_forecast_is_exact_where_nothing_is_guessed(tmp_path):
    runner = Runner(SMOKE, Ledger(tmp_path), 1, Seen())
    before = forecast([CLAIM], runner)
    CLAIM.measure(runner)
    assert before == pytest.approx(sum(job.cost for job in runner.progress.finished))
    assert forecast([CLAIM, CLAIM], runner_in(tmp_path / "new")) == forecast(
        [CLAIM], runner_in(tmp_path / "new")
    )


def test_a_claim_of_the_poster_is_forecast(tmp_path):
    claims = [CLAIMS["fig8.right"]]
    two, four = (forecast(claims, runner_in(tmp_path, seeds=seeds)) for seeds in (2, 4))
    assert 0 < two < four


def test_a_backend_without_generators_hands_back_rounds(monkeypatch):
    """Ray's is such a one; joblib refuses its generators as it does for a backend of processes."""
    made = joblib.Parallel
    asked = []

    def parallel(**told):
        asked.append(told.get("return_as"))
        if told.get("return_as"):
            raise ValueError("the backend does not support return_as")
        return made(backend="threading", **told)

    monkeypatch.setattr(joblib, "Parallel", parallel)
    done = list(performed(perform, [replace(JOB, seed=seed) for seed in range(5)], 2))
    assert [job.seed for job, _ in done] == [0, 1, 2, 3, 4]
    assert asked == ["generator_unordered", None]

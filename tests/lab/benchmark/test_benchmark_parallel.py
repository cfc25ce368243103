"""`ff benchmark --parallel`: its results, their ratios, and how they are shown."""

import json
import math

import pytest

from forward_forward.lab.benchmark import parallel as measured
from forward_forward.lab.benchmark.parallel import ParallelSetting, benchmark_parallel, work_of
from forward_forward.lab.benchmark.show_parallel import plot, table

HIDDEN = (24, 16, 16)
BATCH = 32
SETTING = ParallelSetting(((HIDDEN, BATCH),), steps=2, rounds=(1, 1), round_seconds=0)


@pytest.fixture(scope="module")
def result():
    lines: list[str] = []
    found = benchmark_parallel(SETTING, lines.append)
    assert lines == [f"{list(HIDDEN)}, batch {BATCH}"]
    return found


def test_all_methods_are_timed_on_all_ranks(result):
    (row,) = result["rows"]
    methods = {"one process", "unconnected", "layers", "data", "backprop", "backprop, data"}
    assert set(row["step_seconds"]) == methods
    assert min(row["step_seconds"].values()) > 0
    assert (result["ranks"], sum(row["split"]), len(row["split"])) == (2, len(HIDDEN), 2)
    assert min(*row["layer_seconds"], *row["optimizer_seconds"]) > 0


def test_the_weights_are_those_of_one_process(result):
    (row,) = result["rows"]
    assert row["steps_compared"] >= 2 * (SETTING.steps + 2)  # the first round is not timed
    assert row["weights"]["layers"] == 0
    # Sums of shards round differently, and Adam magnifies it with each of the few steps.
    assert row["weights"]["data"] < 1e-4


def test_bytes_are_those_of_the_messages(result):
    (row,) = result["rows"]
    work = work_of(row)
    edge = row["split"][0] - 1
    # With the number of the last step, and each tensor aligned.
    assert work.sent[edge] <= row["bytes_counted"]["layers"] <= work.sent[edge] + 256
    # Each weight once in each direction, a number for each tensor and one a layer.
    assert sum(work.weights) <= row["bytes_counted"]["data"] <= sum(work.weights) + 64
    for name in ("layers", "data"):
        assert row["bytes"][name] >= row["bytes_counted"][name]


def test_ratios_follow_from_the_seconds(result):
    (row,) = result["rows"]
    seconds, costs, first = row["step_seconds"], row["layer_seconds"], row["split"][0]
    speed = row["speed_up"]
    assert speed["layers"] == pytest.approx(seconds["one process"] / seconds["layers"])
    assert speed["backprop, data"] == pytest.approx(seconds["backprop"] / seconds["backprop, data"])
    slower = max(sum(costs[:first]), sum(costs[first:]))
    assert row["balance_bound"] == pytest.approx(sum(costs) / slower)
    assert row["of_bound"] == pytest.approx(speed["layers"] / row["balance_bound"])
    assert 0 < row["simulated"] <= row["balance_bound"] * (1 + 1e-9)


def test_results_are_shown(result):
    shown = table(result)
    assert "24-16-16" in shown
    assert "equal" in shown
    assert plot(result).startswith(b"\x89PNG")


def test_a_rank_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(measured, "FEATURES", -1)
    with pytest.raises(RuntimeError, match="a rank of the benchmark failed"):
        benchmark_parallel(SETTING)


def test_the_command_prints_and_saves_them(ff, monkeypatch, tmp_path, result):
    monkeypatch.setattr(measured, "benchmark_parallel", lambda setting, say: result)
    done = ff("benchmark", "--parallel", "--quick", "--json", "--out", str(tmp_path))
    assert done.code == 0, done.err
    assert json.loads(done.out)["rows"][0]["batch"] == BATCH
    assert {each.name for each in tmp_path.iterdir()} == {"parallel.json", "parallel.png"}


def test_speed_ups_are_medians_of_the_ratios_within_rounds():
    row = {"rounds": {"one process": [4.0, 2.0, 9.0], "layers": [1.0, 2.0, 3.0]}}
    assert measured._median(row, "layers", "one process") == 3.0


def test_a_link_without_measurable_seconds_has_an_infinite_rate():
    found = measured._link({"message": 100, "delay": 0.5, "wire": 0.0, "copy": 2.0})
    assert (found.bandwidth, found.delay, found.copy) == (math.inf, 0.5, 50.0)

"""``ff benchmark``: all figures it promises, as JSON, as a table and as a plot."""

import dataclasses
import json

import pytest
import torch

from forward_forward import datasets
from forward_forward.data import Data
from forward_forward.lab.benchmark import DEEP, WIDE, Setting, benchmark, inference, run, show
from forward_forward.lab.benchmark.arithmetic import arithmetic_ratio, scan_bound
from forward_forward.lab.benchmark.measure import medians

PNG = b"\x89PNG\r\n\x1a\n"
X = torch.rand(40, 16, generator=torch.Generator().manual_seed(0))
Y = torch.arange(40) % 10
TINY = Setting(((8, 8), (6, 5, 4)), (12, 5), "float32", 0.0, goal=False)
PROMISED = {
    "network",
    "batch",
    "precision",
    "seconds_per_50k",
    "step_vs_backprop",
    "arithmetic_ratio",
    "step_vs_autograd_ff",
    "gemm_fraction",
    "peak_bytes",
}
OF_THE_SCAN = {"scan_vs_naive", "scan_bound"}


def digits_like(name: str = "tiny") -> Data:
    return Data(X.view(40, 1, 4, 4), Y, tuple("0123456789"), name)


@pytest.fixture
def hurried(monkeypatch):
    """Time a single block of one call."""

    def least(calls, *, budget, least=1, block=1):
        return medians(calls, budget=0.0, least=1, block=1)

    monkeypatch.setattr(run, "medians", least)
    monkeypatch.setattr(inference, "medians", least)


def test_a_benchmark_returns_every_figure_and_is_json(hurried):
    said: list[str] = []
    result = benchmark(digits_like(), digits_like(), TINY, said.append)
    assert json.loads(json.dumps(result)) == result
    assert (result["data"], len(result["networks"])) == ("tiny", 4)
    assert "threads" in result["machine"]
    names = [(row["network"], row["batch"]) for row in result["networks"]]
    assert names == [("2 x 8", 12), ("2 x 8", 5), ("6-5-4", 12), ("6-5-4", 5)]
    assert len(said) == 4
    for row in result["networks"]:
        first = row["batch"] == 12
        assert set(row) >= PROMISED | (OF_THE_SCAN if first else set())
        assert set(row["peak_bytes"]) == {"ff", "backprop"}
        assert row["precision"] == "float32"
        seconds = row["step_seconds"]
        assert set(seconds) == {"engine", "autograd_ff", "backprop", "sklearn", "products"}
        assert all(value > 0 for value in seconds.values())
        assert row["seconds_per_50k"] == pytest.approx(seconds["engine"] * 50_000 / row["batch"])
        for name, arm in (("step_vs_backprop", "backprop"), ("step_vs_autograd_ff", "autograd_ff")):
            assert row[name] == pytest.approx(seconds["engine"] / seconds[arm])
        assert row["gemm_fraction"] == pytest.approx(seconds["products"] / seconds["engine"])
        assert row["arithmetic_ratio"] == arithmetic_ratio([16, *row["hidden"]])
        if first:
            assert row["scan_bound"] == scan_bound([16, *row["hidden"]], 10)
            assert row["scan_vs_naive"] > 0


def test_bfloat16_is_named_and_measured(hurried):
    setting = Setting(((8,),), (12,), "bfloat16", 0.0, sklearn=False, goal=False)
    (row,) = benchmark(digits_like(), digits_like(), setting)["networks"]
    assert row["precision"] == "bfloat16"
    assert "sklearn" not in row["step_seconds"]


SHOWN = {
    "neither deep nor wide": ((8, 8), (6, 5, 4)),
    "deep alone": ((256,) * 2, (256,) * 3),
    "wide alone": ((300, 300),),
    "both": ((300,), (256,) * 2),
}


@pytest.mark.parametrize("networks", SHOWN.values(), ids=SHOWN)
def test_the_table_names_every_network_and_the_plot_is_a_png(hurried, networks):
    setting = dataclasses.replace(TINY, networks=networks, batches=(6,), sklearn=False)
    result = benchmark(digits_like(), digits_like(), setting)
    text = show.table(result)
    for hidden in networks:
        assert run.network_name(hidden) in text
    for column in show.COLUMNS:
        assert column in text
    assert show.plot(result).startswith(PNG)


def test_the_table_tells_of_the_goal_and_of_the_second_stage(hurried):
    setting = dataclasses.replace(TINY, networks=((8, 8),), batches=(6,), sklearn=False)
    result = benchmark(digits_like(), digits_like(), setting)
    result["networks"][0] |= {
        "seconds_to_98": {"ff": 12.34, "backprop": None},
        "two_stage": {"vs_naive": 0.25, "agreement": 99.87, "second_stage": 10.0},
    }
    text = show.table(result)
    for part in ("12.3 s", "not reached", "0.25", "99.87 %"):
        assert part in text


def test_the_standard_setting_has_all_networks():
    setting = Setting()
    assert setting.networks == (*WIDE, *DEEP)
    assert [len(each) for each in DEEP] == [4, 8, 16, 32, 64]
    assert setting.goal


@pytest.fixture
def tiny_command(monkeypatch, hurried):
    """``ff benchmark`` without MNIST and with a tiny network; what it would have measured."""
    asked = []

    def tiny(*args, **settings):
        asked.append(Setting(*args, **settings))
        return dataclasses.replace(TINY, networks=((8, 8),), batches=(6,), sklearn=False)

    def nowhere(name):
        raise datasets.DataUnavailable(f"{name} is nowhere to be had")

    monkeypatch.setattr("forward_forward.lab.benchmark.Setting", tiny)
    monkeypatch.setattr(datasets, "named", nowhere)
    return asked


def test_the_command_prints_one_json_object_of_random_images(ff, tiny_command, tmp_path):
    out = tmp_path / "new" / "folder"
    done = ff("benchmark", "--quick", "--json", "--precision", "float32", "--out", out)
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["data"] == "random images"
    assert [row["network"] for row in result["networks"]] == ["2 x 8"]
    assert "random images" in done.err
    assert "2 x 8, batch 6" in done.err
    assert json.loads((out / "benchmark.json").read_text()) == result
    assert (out / "benchmark.png").read_bytes().startswith(PNG)
    quick = tiny_command[-1]
    assert (len(quick.networks), len(quick.batches), quick.goal) == (1, 1, False)
    assert quick.precision == "float32"


def test_the_command_prints_a_table(ff, tiny_command):
    done = ff("benchmark", "--quick")
    assert done.code == 0, done.err
    assert "2 x 8" in done.out
    assert "vs backprop" in done.out


def test_data_that_were_asked_for_by_name_are_not_replaced(ff, tiny_command):
    done = ff("benchmark", "--quick", "--data", "mnist")
    assert done.code == 1
    assert "mnist is nowhere to be had" in done.err
    assert done.out == ""

"""``ff benchmark``: all figures it promises, as JSON, as a table and as a plot."""

import json
from collections.abc import Iterator

import pytest
import torch

from forward_forward import datasets
from forward_forward.data import Data
from forward_forward.lab.benchmark import (
    DEEP,
    WIDE,
    Setting,
    benchmark,
    convolution,
    inference,
    run,
    show,
)
from forward_forward.lab.benchmark.arithmetic import arithmetic_ratio, one_pass_ratio, scan_bound
from forward_forward.lab.benchmark.arms import Backprop, BackpropByHand
from forward_forward.lab.benchmark.measure import medians

PNG = b"\x89PNG\r\n\x1a\n"
X = torch.rand(40, 16, generator=torch.Generator().manual_seed(0))
DATA = Data(X.view(40, 1, 4, 4), torch.arange(40) % 10, tuple("0123456789"), "tiny")
TINY = Setting(((6, 5, 4),), (12, 5), "float32", 0.0, goal=False)
PROMISED = {
    "network",
    "batch",
    "precision",
    "seconds_per_50k",
    "step_vs_backprop",
    "arithmetic_ratio",
    "step_vs_autograd_ff",
    "gemm_fraction",
    "one_pass_vs_backprop",
    "one_pass_vs_backprop_by_hand",
    "one_pass_arithmetic",
    "deep_supervision_vs_backprop",
    "peak_bytes",
}
OF_THE_SCAN = {"scan_vs_naive", "scan_bound", "one_pass_inference_vs_backprop"}


def once(calls, *, budget, least=1, block=1):
    """Time a single call of each."""
    return medians(calls, budget=0.0, least=1, block=1)


@pytest.fixture(scope="module")
def measured() -> Iterator[tuple[dict, list[str]]]:
    """The result of a tiny benchmark, and the lines it printed meanwhile."""
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (run, inference, convolution):
            patch.setattr(module, "medians", once)
        yield benchmark(DATA, DATA, TINY, lines.append), lines


def test_a_benchmark_returns_every_figure_and_is_json(measured):
    result, lines = measured
    assert json.loads(json.dumps(result)) == result
    assert (result["data"], len(result["networks"])) == ("tiny", 2)
    assert "threads" in result["machine"]
    names = [(row["network"], row["batch"]) for row in result["networks"]]
    assert names == [("6-5-4", 12), ("6-5-4", 5)]
    assert lines == ["6-5-4, batch 12", "6-5-4, batch 5", "a converted convolutional network"]
    for row in result["networks"]:
        first = row["batch"] == 12
        assert set(row) >= PROMISED | (OF_THE_SCAN if first else set())
        assert set(row["peak_bytes"]) == {"ff", "backprop"}
        assert row["precision"] == "float32"
        seconds = row["step_seconds"]
        assert set(seconds) == {*show.ARMS, "products"}
        assert all(value > 0 for value in seconds.values())
        assert row["seconds_per_50k"] == pytest.approx(seconds["engine"] * 50_000 / row["batch"])
        for name, arm in (("step_vs_backprop", "backprop"), ("step_vs_autograd_ff", "autograd_ff")):
            assert row[name] == pytest.approx(seconds["engine"] / seconds[arm])
        for arm in ("one_pass", "deep_supervision"):
            assert row[f"{arm}_vs_backprop"] == pytest.approx(seconds[arm] / seconds["backprop"])
        assert row["one_pass_arithmetic"] == one_pass_ratio([16, *row["hidden"]], 10)
        assert row["gemm_fraction"] == pytest.approx(seconds["products"] / seconds["engine"])
        assert row["arithmetic_ratio"] == arithmetic_ratio([16, *row["hidden"]])
        if first:
            assert row["scan_bound"] == scan_bound([16, *row["hidden"]], 10)
            assert row["scan_vs_naive"] > 0
    assert set(result["convolution"]) == {
        f"{passes}_pass_{ratio}"
        for passes in ("one", "two")
        for ratio in ("step_vs_backprop", "inference_vs_plain")
    }
    assert min(result["convolution"].values()) > 0


def test_backprop_by_hand_takes_the_steps_of_autograd():
    widths, y = [16, 6, 5], DATA.labels
    by_hand, by_autograd = (arm(widths, torch.float32) for arm in (BackpropByHand, Backprop))
    for arm in (by_hand, by_autograd):
        for group in arm.optimizer.param_groups:
            group["lr"] = 0.1
        for _ in range(3):
            arm.step(X, y)
    for one, other in zip(by_hand.layers, by_autograd.layers, strict=True):
        torch.testing.assert_close(one.weight, other.weight, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one.bias, other.bias, rtol=1e-4, atol=1e-5)


def test_bfloat16_is_named_and_measured(measured):
    setting = Setting(((8,),), (12,), "bfloat16", 0.0, sklearn=False, goal=False)
    (row,) = benchmark(DATA, DATA, setting)["networks"]
    assert (row["network"], row["precision"]) == ("1 x 8", "bfloat16")
    assert "sklearn" not in row["step_seconds"]


SHOWN = {
    "neither deep nor wide": ((8, 8), (6, 5, 4)),
    "deep alone": ((256,) * 2, (256,) * 3),
    "wide alone": ((300, 300),),
    "both": ((300,), (256,) * 2),
}


@pytest.mark.parametrize("networks", SHOWN.values(), ids=SHOWN)
def test_the_table_names_every_network_and_the_plot_is_a_png(measured, networks):
    row = measured[0]["networks"][0]
    rows = [
        {**row, "network": run.network_name(hidden), "hidden": list(hidden)} for hidden in networks
    ]
    result = {**measured[0], "networks": rows}
    text = show.table(result)
    for row in rows:
        assert row["network"] in text
    for column, _ in show._cells(row):
        assert column in text
    assert show.plot(result).startswith(PNG)


def test_the_table_shows_the_goal_and_the_two_stages(measured):
    row = {
        **measured[0]["networks"][0],
        "fewer_products": {"skip": 0.1, "step_vs_backprop": 0.87},
        "seconds_to_98": {"ff": 12.34, "backprop": None},
        "two_stage": {"vs_naive": 0.25, "agreement": 99.87, "second_stage": 10.0},
    }
    text = show.table({**measured[0], "networks": [row]})
    for part in ("12.3 s", "not reached", "0.25", "99.87 %", "0.87 times backprop's"):
        assert part in text


def test_the_standard_setting_has_all_networks():
    setting = Setting()
    assert setting.networks == (*WIDE, *DEEP)
    assert [len(each) for each in DEEP] == [4, 8, 16, 32, 64]
    assert setting.goal


@pytest.fixture
def asked(monkeypatch, measured):
    """``ff benchmark`` without MNIST that measures nothing: the data and settings it asked for."""
    found = []

    def nothing(train, test, setting, say):
        found.append((train, setting))
        say("measuring")
        return measured[0]

    def nowhere(name):
        raise datasets.DataUnavailable(f"{name} is nowhere")

    monkeypatch.setattr("forward_forward.lab.benchmark.benchmark", nothing)
    monkeypatch.setattr(datasets, "named", nowhere)
    return found


def test_the_command_prints_one_json_object_of_random_images(ff, asked, measured, tmp_path):
    out = tmp_path / "new" / "folder"
    done = ff("benchmark", "--quick", "--json", "--precision", "float32", "--out", out)
    assert done.code == 0, done.err
    assert json.loads(done.out) == measured[0]
    assert "random images" in done.err
    assert "measuring" in done.err
    assert json.loads((out / "benchmark.json").read_text()) == measured[0]
    assert (out / "benchmark.png").read_bytes().startswith(PNG)
    train, quick = asked[-1]
    assert train.name == "random images"
    assert (len(quick.networks), len(quick.batches), quick.goal) == (1, 1, False)
    assert quick.precision == "float32"


def test_the_command_prints_a_table(ff, asked):
    done = ff("benchmark", "--quick")
    assert done.code == 0, done.err
    assert "6-5-4" in done.out
    assert "vs backprop" in done.out


def test_data_that_were_asked_for_by_name_are_not_replaced(ff, asked):
    done = ff("benchmark", "--quick", "--data", "mnist")
    assert done.code == 1
    assert "mnist is nowhere" in done.err
    assert (done.out, asked) == ("", [])

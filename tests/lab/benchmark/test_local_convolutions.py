"""`ff benchmark --convolutions`: its arms train the same network; its ratios and how they look."""

import json

import pytest
import torch
from torch.nn import functional

from forward_forward.lab.benchmark import local_convolutions as measured
from forward_forward.lab.benchmark.local_convolutions import (
    BackpropCNN,
    ConvolutionSetting,
    bare_convolutions,
    benchmark_convolutions,
    planned,
)
from forward_forward.lab.benchmark.show_convolutions import plot, table

SETTING = ConvolutionSetting((4, 5, 6, 7), 8, 20, "float32", seconds=0.0, least=2)
X = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))
Y = torch.arange(20) % 10
KEYS = ("per_convolution_vs_backprop", "per_group_vs_backprop", "convolutions_share")


@pytest.fixture(scope="module")
def result():
    lines: list[str] = []
    found = benchmark_convolutions(SETTING, lines.append)
    assert lines == ["4-5-6-7 channels, batch 20"]
    return found


def test_every_figure_is_returned_as_json(result):
    assert json.loads(json.dumps(result)) == result
    arms = {"per_convolution", "per_group", "backprop", "convolutions"}
    assert set(result["step_seconds"]) == arms
    assert min(*result["step_seconds"].values(), *(result[key] for key in KEYS)) > 0
    assert (result["channels"], result["side"], result["batch"]) == ([4, 5, 6, 7], 8, 20)
    assert result["precision"] == "float32"
    assert "threads" in result["machine"]


def test_ratios_are_medians_within_rounds(monkeypatch):
    rounds = {
        "per_convolution": [2.0, 9.0, 4.0],
        "per_group": [1.0, 1.0, 1.0],
        "backprop": [4.0, 9.0, 5.0],
        "convolutions": [1.0, 1.0, 3.0],
    }
    monkeypatch.setattr(measured, "block_seconds", lambda calls, **_: rounds)
    found = benchmark_convolutions(SETTING)
    assert [found[key] for key in KEYS] == pytest.approx([0.8, 0.2, 0.5])
    assert found["step_seconds"]["backprop"] == 5.0


def test_backprop_takes_the_steps_of_the_recipe_of_backprop():
    """The plain arm, against the library's network of one layer."""
    plain = BackpropCNN(planned("per_convolution", SETTING))
    plan = planned("backprop", SETTING)
    (layer,) = plan.trainer.network.layers
    for _ in range(3):
        plain.step(X, Y)
        plan.trainer.step(X, Y)
    torch.testing.assert_close(plain.head.weight, layer.goodness.weight, rtol=1e-2, atol=1e-4)
    filters = [each for each in plain.blocks.parameters() if each.requires_grad]
    trained = [each for each in layer.block.parameters() if each.requires_grad]
    assert len(filters) == len(trained) == 8
    for one, other in zip(filters, trained, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-3)


def test_bfloat16_is_that_of_all_arms():
    plan = planned("per_convolution", ConvolutionSetting((4, 4), 8, 20, "bfloat16"))
    plain = BackpropCNN(plan)
    assert plain.products == plan.trainer.products == torch.bfloat16
    exact = planned("per_convolution", ConvolutionSetting((4, 4), 8, 20, "float32"))
    torch.nn.init.constant_(plain.head.weight[:1], 0.1)
    near = plain.logits(X)
    plain.products = None
    assert 0 < (plain.logits(X) - near).norm() < 0.05 * near.norm()
    assert exact.trainer.products is None


def test_the_bare_convolutions_are_those_of_a_step():
    network = planned("per_convolution", SETTING).trainer.network
    before = {name: each.clone() for name, each in network.state_dict().items()}
    calls = bare_convolutions(network, X, None)
    assert len(calls) == 1 + 2 * len(SETTING.channels)
    first, gradients = calls[1](), calls[2]()
    maps = network.ready(X)
    filters = network.layers[0].block[0].weight
    expected = functional.conv2d(maps, filters, padding=1)
    torch.testing.assert_close(first, expected)
    (slope,) = torch.autograd.grad(expected, filters, expected.detach())
    torch.testing.assert_close(gradients[1], slope, rtol=1e-4, atol=1e-4)
    assert gradients[0] is None
    for name, each in network.state_dict().items():
        assert torch.equal(each.nan_to_num(), before[name].nan_to_num()), name


def test_results_are_shown(result):
    shown = table({**result, "per_group_vs_backprop": 0.777, "convolutions_share": 0.612})
    assert "one layer per convolution" in shown
    assert "0.78" in shown
    assert "61 % of the step" in shown
    assert plot(result).startswith(b"\x89PNG")


def test_the_command_prints_and_saves_them(ff, monkeypatch, tmp_path):
    monkeypatch.setattr(measured, "QUICK", SETTING)
    done = ff("benchmark", "--convolutions", "--quick", "--json", "--out", tmp_path)
    assert done.code == 0, done.err
    assert json.loads(done.out)["batch"] == 20
    assert {each.name for each in tmp_path.iterdir()} == {"convolutions.json", "convolutions.png"}


@pytest.mark.parametrize("other", [("--parallel",), ("--data", "digits"), ("--parts",)])
def test_other_measurements_are_refused(ff, other):
    done = ff("benchmark", "--convolutions", *other)
    assert done.code == 2
    assert "omit --data, --parts and --parallel" in done.err

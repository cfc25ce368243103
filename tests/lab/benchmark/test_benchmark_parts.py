"""Parts of the benchmark: arithmetic by slow counting, equal arms, known bytes."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional

from forward_forward.data import Data
from forward_forward.forward import Layer, Network, mlp
from forward_forward.lab.benchmark import WIDE, arithmetic, arms, inference, learn, run
from forward_forward.lab.benchmark.arithmetic import (
    arithmetic_ratio,
    bare_products,
    layer_products,
    scan_bound,
)
from forward_forward.lab.benchmark.inference import naive_scan
from forward_forward.lab.benchmark.measure import medians, peak_bytes
from forward_forward.optimize import cosine

X = torch.rand(40, 16, generator=torch.Generator().manual_seed(0))
Y = torch.arange(40) % 10


def count(products: list[tuple[int, int, int]]) -> int:
    """Multiply-adds of (m, k) @ (k, n), one after the other."""
    total = 0
    for rows, inner, columns in products:
        for _ in range(rows):
            total += inner * columns
    return total


# Of one sample through 5-4-3-2: (rows, inner, columns) of each product.
FF = [
    (1, 5, 4),  # the first layer's rest, one product for positive and negative
    (4, 1, 5),  # its weights' gradient
    (2, 4, 3),  # positive and negative
    (3, 2, 4),
    (2, 3, 2),
    (2, 2, 3),
]
BACKPROP = [
    (1, 5, 4),
    (1, 4, 3),
    (1, 3, 2),
    (2, 1, 3),  # weights' gradient
    (1, 2, 3),  # inputs' gradient
    (3, 1, 4),
    (1, 3, 4),
    (4, 1, 5),  # no gradient of the samples
]
SHARED_SCAN = [(1, 5, 4), (10, 4, 3), (10, 3, 2)]
NAIVE_SCAN = [(10, 5, 4), (10, 4, 3), (10, 3, 2)]


def test_arithmetic_is_that_of_products_counted_one_by_one():
    widths = [5, 4, 3, 2]
    assert arithmetic_ratio(widths) == pytest.approx(count(FF) / count(BACKPROP))
    assert scan_bound(widths, 10) == pytest.approx(count(SHARED_SCAN) / count(NAIVE_SCAN))
    listed = [2 * each.rows * each.inputs * each.units for each in layer_products(widths, 1)]
    assert sum(listed) == count(FF)


@pytest.mark.parametrize(
    ("hidden", "ratio", "bound"),
    [((500,) * 2, 1.16, 0.450), ((1000,) * 3, 1.26, 0.747), ((2000,) * 4, 1.31, 0.896)],
)
def test_arithmetic_of_the_wide_networks(hidden, ratio, bound):
    assert hidden in WIDE
    assert arithmetic_ratio([784, *hidden]) == pytest.approx(ratio, abs=0.005)
    assert scan_bound([784, *hidden], 10) == pytest.approx(bound, abs=0.0006)


def test_the_bare_products_are_those_counted(monkeypatch):
    widths, batch = [5, 4, 3, 2], 7
    products = bare_products(widths, batch, torch.float32)
    seen, mm = [], torch.mm

    def watched(a, b, **out):
        seen.append((*a.shape, b.shape[1]))
        return mm(a, b, **out)

    monkeypatch.setattr(arithmetic.torch, "mm", watched)
    products()
    assert count(seen) == batch * count(FF)
    assert len(seen) == len(FF)


def test_the_naive_scan_gives_the_goodness_of_the_shared_one(monkeypatch):
    network = mlp(16, 30, 20, 25, num_classes=10, seed=1)
    expected = network.goodness_by_layer(X)
    torch.testing.assert_close(naive_scan(network, X), expected, rtol=1e-4, atol=0)
    monkeypatch.setattr("forward_forward.forward.passes.ROWS", 130)  # 13 samples at a time
    torch.testing.assert_close(naive_scan(network, X), expected, rtol=1e-4, atol=0)
    assert expected.shape == (3, 40, 10)
    assert float(expected.std(2).min()) > 0


def test_the_naive_scan_refuses_what_it_would_get_wrong():
    block = nn.Sequential(nn.Linear(26, 4), nn.ReLU())
    net = Network(Layer(block, activation=None), examples=mlp(16, 4, num_classes=10).examples)
    with pytest.raises(ValueError, match="linear layers"):
        naive_scan(net, X)


def test_peak_bytes_are_those_held_at_once():
    kept = []

    def call() -> None:
        first = torch.empty(1000)
        second = torch.empty(3000, dtype=torch.float64)
        del first
        kept.append(torch.empty(500, dtype=torch.bfloat16))
        del second
        kept.append(torch.empty(2000))

    assert peak_bytes(call) == 4 * 1000 + 8 * 3000
    assert peak_bytes(lambda: kept.append(torch.empty(123))) == 4 * 123
    assert peak_bytes(lambda: None) == 0


def test_medians_are_of_every_call_in_turn():
    order = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    seconds = medians(calls, budget=0.0, least=3, block=2)
    assert "".join(order) == ("aa" + "aa" + "bb" + "bb") * 3  # each block after two to warm up
    assert set(seconds) == {"a", "b"}
    assert all(value > 0 for value in seconds.values())


def memory(depth: int, units: int, batch: int) -> dict[str, int]:
    """What a batch of this size adds to a step through so many layers, of either arm."""
    x = torch.rand(batch, 16, generator=torch.Generator().manual_seed(0))
    y = torch.arange(batch) % 10
    return run._memory([16, *(units,) * depth], torch.float32, x, y)["activity_bytes"]


def test_a_deep_network_needs_less_than_a_quarter_of_backprops_memory_for_activities():
    bytes_of = memory(depth=64, units=64, batch=256)
    assert bytes_of["ff"] < bytes_of["backprop"] / 4


def test_memory_of_activities_hardly_grows_with_depth():
    few, many = (memory(depth, units=64, batch=256)["ff"] for depth in (4, 20))
    of_a_layer = 256 * 2 * 64 * 4  # positives and negatives
    assert few > 0
    assert abs(many - few) < 16 * of_a_layer / 10


def test_activity_bytes_of_backprop_are_at_least_the_activities_it_keeps():
    # Those of one sample are subtracted.
    assert memory(depth=16, units=16, batch=40)["backprop"] >= 16 * (40 - 1) * 16 * 4


def test_peak_memory_is_more_than_the_weights_and_their_state():
    peaks = run._memory([16, 64, 64], torch.float32, X, Y)["peak_bytes"]
    weights = 26 * 64 + 64 + 64 * 64 + 64
    assert peaks["ff"] > 2 * 4 * weights  # Adam's two averages
    assert peaks["backprop"] > 3 * 4 * weights  # and gradients of all layers at once


def shifted_label(y, classes, rng):
    return (y + 3) % classes


def copied(trainer) -> arms.AutogradFF:
    plain = arms.AutogradFF([16, 12, 9, 11], torch.float32)
    with torch.no_grad():
        for mine, layer in zip(plain.layers, trainer.network.layers, strict=True):
            mine.weight.copy_(layer.block.weight)
            mine.bias.copy_(layer.block.bias)
    return plain


def moved(trainer, before: arms.AutogradFF) -> float:
    pairs = zip(trainer.network.layers, before.layers, strict=True)
    return min(
        float((layer.block.weight - old.weight).detach().abs().max()) for layer, old in pairs
    )


def test_ff_by_autograd_takes_the_engines_steps(monkeypatch):
    monkeypatch.setattr(arms, "uniform_wrong", shifted_label)
    monkeypatch.setattr("forward_forward.examples.negatives.uniform_wrong", shifted_label)
    trainer = arms.engine([16, 12, 9, 11], torch.float32)
    plain, before = copied(trainer), copied(trainer)
    for _ in range(4):
        trainer.step(X, Y)
        plain.step(X, Y)
    assert moved(trainer, before) > 3e-3
    for mine, layer in zip(plain.layers, trainer.network.layers, strict=True):
        torch.testing.assert_close(mine.weight, layer.block.weight, rtol=0, atol=2e-5)
        torch.testing.assert_close(mine.bias, layer.block.bias, rtol=0, atol=2e-5)


def test_backprop_is_cross_entropy_through_the_same_layers():
    arm = arms.Backprop([16, 12, 9], torch.float32)
    assert [each.weight.shape for each in arm.layers] == [(12, 16), (9, 12), (10, 9)]
    linears = [each for pair in zip(arm.layers, [nn.ReLU()] * 3, strict=True) for each in pair]
    plain = nn.Sequential(*linears[:-1])
    torch.testing.assert_close(arm.logits(X), plain(X))
    before = functional.cross_entropy(plain(X), Y).item()
    for _ in range(30):
        arm.step(X, Y)
    assert functional.cross_entropy(plain(X), Y).item() < before - 0.01


@pytest.mark.parametrize("errors", [[5.0, 2.0, 3.0], [5.0, 2.1, 3.0]])
def test_the_goal_is_reached_after_the_first_epoch_with_so_few_errors(errors):
    data, told, asked = Data(X, Y, tuple("0123456789")), [], iter(errors)
    plan = SimpleNamespace(epochs=3, batch_size=16)
    judged = []

    def error() -> float:
        judged.append(len(told))
        return next(asked)

    seconds = learn._train(data, plan, lambda x, y, factor: told.append((len(x), factor)), error)
    assert [rows for rows, _ in told] == [16, 16, 8] * 3  # all epochs, reached or not
    factors = [cosine(epoch + step / 3, 3) for epoch in range(3) for step in range(3)]
    assert [factor for _, factor in told] == pytest.approx(factors)
    if errors[1] <= learn.GOAL:
        assert judged == [3, 6]
        assert seconds > 0
    else:
        assert judged == [3, 6, 9]
        assert seconds is None


def test_figures_of_the_two_stage_inference_are_a_ratio_and_two_percentages(monkeypatch):
    monkeypatch.setattr(inference, "medians", lambda calls, **_: medians(calls, budget=0, least=1))
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (1200, 1, 4, 4), generator=rng, dtype=torch.uint8)
    data = Data(pixels, torch.arange(1200) % 10, tuple("0123456789"), "pixels")
    figures = inference.two_stage_figures(mlp(16, 30, 20, num_classes=10, seed=1), data, data)
    assert set(figures) == {"vs_naive", "agreement", "second_stage"}
    assert figures["vs_naive"] > 0
    assert 0 <= figures["second_stage"] <= 100
    assert 99 <= figures["agreement"] <= 100  # calibrated on the very same images

"""The greedy order from a cache: the weights of the order without one, and no frozen layer run."""

import functools
from typing import Any

import pytest
import torch
from tests.optimize.greedy import (
    BATCH,
    CLASSES,
    HALF,
    SAMPLES,
    SIDE,
    check_near,
    data,
    fit,
    from_block,
    network,
    steps_from_cache,
    trainer_of,
    uncached,
)
from torch import Tensor, nn

import forward_forward as ff
from forward_forward import goodness
from forward_forward.examples import FromFirstLayer, OverlayLabel, Uniform
from forward_forward.forward import Layer, Network, PeerNormalization
from forward_forward.forward import passes as forward_passes
from forward_forward.optimize import frozen_cache


def without_bias() -> Network:
    # Wide: where one unit alone is active, normalised rows of two labels tie but for rounding.
    net = network(hidden=(20, 18, 16))
    for layer in net.layers:
        layer.block.bias = None
    return net


def convolutional() -> Network:
    fold = nn.Unflatten(1, (1, SIDE, SIDE))
    return from_block(nn.Sequential(fold, nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5)), 20)


CASES: dict[str, Any] = {
    "uniform": functools.partial(network, Uniform(2)),
    "goodness": network,
    "first layer": functools.partial(network, FromFirstLayer(temperature=0.01)),
    "overlay": functools.partial(network, HALF, OverlayLabel),
    "three layers": functools.partial(network, hidden=(9, 8, 7)),
    "readout of the first": functools.partial(network, readout=(0, 1)),
    "readout of the last": functools.partial(network, hidden=(9, 8, 7), readout=(2, 3)),
    "first layer of three": functools.partial(network, FromFirstLayer(0.01), hidden=(9, 8, 7)),
    "no bias": without_bias,
    "convolution": convolutional,
    "dropout above": functools.partial(network, hidden=(9, 8, 7), dropout=(0.0, 0.0, 0.4)),
    "peer": functools.partial(network, peer=PeerNormalization(), threshold="width"),
    "no rows normalised": functools.partial(network, normalize=None, goodness=goodness.l2_norm),
}


@pytest.fixture
def from_cache(monkeypatch) -> list[int]:
    return steps_from_cache(monkeypatch)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
@pytest.mark.parametrize("case", CASES)
def test_the_cache_changes_nothing(monkeypatch, from_cache, case, engine):
    found, rows = fit(CASES[case](), engine=engine)
    layers = len(CASES[case]().layers)
    assert from_cache == [index for index in range(1, layers) for _ in range(3 * 4)]
    uncached(monkeypatch)
    expected, expected_rows = fit(CASES[case](), engine=engine)
    assert len(from_cache) == (layers - 1) * 3 * 4
    check_near(found, expected)
    check_near(rows, expected_rows)


@pytest.mark.parametrize(
    "settings",
    [
        {"average": 0.8},
        {"skip": 0.3},
        {"optimizer": torch.optim.SGD},
        {"schedule": ff.optimize.cosine},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_nor_do_the_trainer_s_settings(monkeypatch, from_cache, settings):
    found, _ = fit(network(), **settings)
    assert from_cache
    uncached(monkeypatch)
    check_near(found, fit(network(), **settings)[0])


def test_weighted_samples(monkeypatch, from_cache):
    found, rows = fit(network(), data(weights=True))
    assert from_cache
    assert not torch.equal(
        found["layers.1.block.weight"], fit(network())[0]["layers.1.block.weight"]
    )
    uncached(monkeypatch)
    expected, expected_rows = fit(network(), data(weights=True))
    check_near(found, expected)
    check_near(rows, expected_rows)


def test_rows_in_bfloat16_stay_near_the_layers_own(monkeypatch):
    settings = {"precision": "bfloat16", "optimizer": torch.optim.SGD, "lr": 0.5}
    net, start = (network(Uniform()).float() for _ in range(2))
    found, _ = fit(net, **settings)
    known = frozen_cache.cached(trainer_of(net, **settings), data(), 1)
    assert known.rows.dtype == torch.bfloat16
    passes, numbers = forward_passes.ForwardPass(net.layers), torch.arange(2)
    read = known.source(passes, numbers, torch.zeros(2).long(), torch.Generator())
    assert read.h.dtype == torch.float32
    uncached(monkeypatch)
    expected, _ = fit(network(Uniform()).float(), **settings)
    name = "layers.1.block.weight"
    change = (expected[name] - start.state_dict()[name]).norm()
    assert 0 < (found[name] - expected[name]).norm() < 0.05 * change


def test_the_cache_holds_each_sample_with_each_label():
    net = network(hidden=(9, 8, 7))
    known = frozen_cache.cached(trainer_of(net), data(), 2)
    assert known.rows.shape == (SAMPLES, CLASSES, 8)
    x = data().inputs.double()
    for label in range(CLASSES):
        one_hot = torch.eye(CLASSES).double()[label].expand(SAMPLES, -1)
        first, second, _ = net(torch.cat([x, one_hot], 1))
        check_near(known.rows[:, label], second)
        check_near(known.goodness[:, label], first.square().mean(1) + second.square().mean(1))


def test_the_set_may_be_larger_than_what_is_run_at_once(monkeypatch):
    whole = frozen_cache.cached(trainer_of(network()), data(), 1)
    monkeypatch.setattr(forward_passes, "ROWS", 7 * CLASSES)
    parts = frozen_cache.cached(trainer_of(network()), data(), 1)
    check_near(parts.rows, whole.rows)
    check_near(parts.goodness, whole.goodness)


@pytest.mark.parametrize("skip", [0, 2, 4])
def test_batches_are_those_of_the_data(skip):
    source = data(weights=True)
    known = frozen_cache.cached(trainer_of(network()), source, 1)
    orders = [torch.Generator().manual_seed(5) for _ in range(2)]
    expected = list(source.batches(BATCH, shuffle=orders[0], skip=skip))
    found = list(known.batches(BATCH, shuffle=orders[1], skip=skip))
    assert len(found) == len(expected) == 4 - skip
    for (numbers, y, weight), (x, labels, weights) in zip(found, expected, strict=True):
        assert torch.equal(source.inputs[numbers], x)
        assert torch.equal(y, labels)
        assert torch.equal(weight, weights)


def test_all_labels_are_looked_up_for_the_hard_share_alone(monkeypatch):
    rows = []
    real = frozen_cache.FrozenCache._rows

    def counted(known: frozen_cache.FrozenCache, *which: Tensor) -> Any:
        found = real(known, *which)
        rows.append(len(found.h))
        return found

    monkeypatch.setattr(frozen_cache.FrozenCache, "_rows", counted)
    fit(network(HALF), epochs=1)
    assert rows == [4 * CLASSES, 2 * 8] * 3 + [4 * CLASSES, 2 * 7]
    rows.clear()
    fit(network(FromFirstLayer()), epochs=1)
    assert rows == [2 * 8] * 3 + [2 * 7]


@pytest.mark.parametrize("negatives", [Uniform(), HALF, FromFirstLayer()])
def test_frozen_layers_are_run_once(monkeypatch, negatives):
    net, runs = network(negatives, hidden=(9, 8, 7)), []
    real = forward_passes._activities

    def counted(layer: Layer, *rest: Any) -> Any:
        runs.append(next(index for index, each in enumerate(net.layers) if each is layer))
        return real(layer, *rest)

    class AfterTheFirst(ff.track.Callback):
        """Begins to count when the first layer's turn is over."""

        def epoch(self, row: dict[str, Any]) -> None:
            if row["epoch"] == 2:
                monkeypatch.setattr(forward_passes, "_activities", counted)

    trainer_of(net).fit(data(), epochs=6, batch_size=BATCH, callbacks=[AfterTheFirst()])
    # Once for the shape and once for the set: below the second layer, then below the third.
    assert [runs.count(index) for index in (0, 1)] == [4, 2 + 2 * 4 * (negatives is HALF)]
    assert runs.count(2) == 2 * 4 * (negatives is HALF)

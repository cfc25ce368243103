"""The greedy order with layers that answer for every class: from a cache as without one."""

import functools
from typing import Any

import pytest
import torch
from tests.optimize.greedy import (
    BATCH,
    CLASSES,
    FEATURES,
    SAMPLES,
    SIDE,
    check_near,
    data,
    fit,
    steps_from_cache,
    trainer_of,
    uncached,
)
from torch import nn

import forward_forward as ff
from forward_forward import losses
from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, Network
from forward_forward.optimize import frozen_cache
from forward_forward.readouts import ChannelGroups, LinearReadout

LOSS = losses.CrossEntropy(0.1)


def linear(dropout: Any = None, readout: Any = None, **options: Any) -> Network:
    goodness = LinearReadout(CLASSES) if readout is None else readout
    layer = functools.partial(Layer, goodness=goodness, loss=LOSS, **options)
    return ff.mlp(
        FEATURES, 9, 8, 7, num_classes=CLASSES, examples=NoLabel(CLASSES), layer=layer,
        dropout=dropout,
    ).double()  # fmt: skip


def convolutional(adversarial: float = 0.0) -> Network:
    """Convolutions with a norm and dropout of their own, then a linear layer."""
    torch.manual_seed(0)
    fold = nn.Unflatten(1, (1, SIDE, SIDE))
    blocks = [
        nn.Sequential(fold, nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6)),
        nn.Sequential(nn.Dropout(0.2), nn.Conv2d(6, 6, 3)),
        nn.Linear(24, 8),
    ]
    options: dict[str, Any] = {"loss": LOSS, "adversarial": adversarial}
    layers = [Layer(each, goodness=LinearReadout(CLASSES, units=6), **options) for each in blocks]
    layers[2] = Layer(blocks[2], goodness=LinearReadout(CLASSES), **options)
    return Network(*layers, examples=NoLabel(CLASSES)).double()


CASES: dict[str, Any] = {
    "linear": linear,
    "adversarial": functools.partial(linear, adversarial=0.2),
    "channel groups": functools.partial(linear, readout=ChannelGroups(CLASSES, squared=True)),
    "dropout above": functools.partial(linear, dropout=(0.0, 0.0, 0.4)),
    "convolution": convolutional,
    "adversarial convolution": functools.partial(convolutional, 0.2),
}


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
@pytest.mark.parametrize("case", CASES)
def test_the_cache_changes_nothing(monkeypatch, case, engine):
    from_cache = steps_from_cache(monkeypatch)
    found, rows = fit(CASES[case](), data(weights=True), engine=engine)
    assert from_cache == [index for index in (1, 2) for _ in range(3 * 4)]
    uncached(monkeypatch)
    expected, expected_rows = fit(CASES[case](), data(weights=True), engine=engine)
    assert len(from_cache) == 2 * 3 * 4
    check_near(found, expected)
    check_near(rows, expected_rows)


def test_a_layer_is_trained_above_frozen_ones_alone():
    net = linear()
    trainer = trainer_of(net)
    for index in range(3):
        before = [each.clone() for each in net.state_dict().values()]
        trainer.train_layers(index, index)
        for _ in range(4):
            trainer.step(data().inputs[:BATCH].double(), data().labels[:BATCH])
        changed = [
            name
            for (name, now), then in zip(net.state_dict().items(), before, strict=True)
            if not torch.equal(now.nan_to_num(), then.nan_to_num()) and "threshold" not in name
        ]
        assert changed
        assert all(name.startswith(f"layers.{index}.") for name in changed)


def test_a_sample_has_one_row_and_bfloat16_only_where_the_layer_rounds():
    for adversarial, dtype in ((0.0, torch.bfloat16), (0.1, torch.float32)):
        net = linear(adversarial=adversarial).float()
        trainer = trainer_of(net, precision="bfloat16")
        trainer.calibrate(data().inputs, data().labels)
        cache = frozen_cache.cached(trainer, data(), 1)
        assert cache is not None
        assert cache.rows.shape == (SAMPLES, 1, 9)
        assert cache.rows.dtype == dtype

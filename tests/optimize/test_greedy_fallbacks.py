"""Where the greedy order's cache would not hold it is not made; a resumed run makes it anew."""

import functools
import signal
from typing import Any

import pytest
import torch
from tests.optimize.greedy import (
    BATCH,
    CLASSES,
    FEATURES,
    HALF,
    SAMPLES,
    SIDE,
    data,
    fit,
    from_block,
    network,
    steps_from_cache,
    trainer_of,
    uncached,
)
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import forward_forward as ff
from forward_forward.data import augment
from forward_forward.examples import AppendLabel, FromSoftmax, HybridImages
from forward_forward.forward import Layer, Network, SoftmaxHead
from forward_forward.forward import passes as forward_passes
from forward_forward.optimize import frozen_cache


@pytest.fixture
def from_cache(monkeypatch) -> list[int]:
    return steps_from_cache(monkeypatch)


class OwnExamples(AppendLabel):
    """A user's own: what its labels mean is not known."""


def hybrids() -> Network:
    layers = [Layer(nn.Sequential(nn.Flatten(), nn.Linear(FEATURES, 6))), Layer(nn.Linear(6, 5))]
    return Network(
        *layers, examples=HybridImages(CLASSES, blurs=1), head=SoftmaxHead((6, 5), CLASSES)
    )


def with_head() -> Network:
    return ff.mlp(
        FEATURES,
        9,
        8,
        num_classes=CLASSES,
        examples=AppendLabel(CLASSES, negatives=FromSoftmax()),
        head=True,
    )


IMAGES = data(shape=(1, SIDE, SIDE))
FALLBACKS: dict[str, Any] = {
    "no label in the input": (hybrids, IMAGES, {}),
    "a head": (with_head, data(), {}),
    "dropout below": (functools.partial(network, dropout=(0.3, 0.0)), data(), {}),
    "augmentation": (network, IMAGES, {"augment": [augment.Shift(1)]}),
    "a loader": (network, None, {}),
    "examples of one's own": (functools.partial(network, HALF, OwnExamples), data(), {}),
    "a normalisation in training mode": (
        lambda: from_block(nn.Linear(FEATURES, 6), 6, normalize=nn.BatchNorm1d(FEATURES)),
        data(),
        {},
    ),
    "statistics of the batch": (
        lambda: from_block(
            nn.Sequential(nn.Linear(FEATURES, 6), nn.BatchNorm1d(6, track_running_stats=False)), 6
        ),
        data(),
        {},
    ),
}


@pytest.mark.parametrize("case", FALLBACKS)
def test_where_the_cache_would_not_hold_the_lower_layers_are_run(monkeypatch, from_cache, case):
    make, given, settings = FALLBACKS[case]
    tensors = TensorDataset(data().inputs, data().labels)
    results = []
    for _ in range(2):
        torch.manual_seed(0)  # hybrids' weights are torch's own
        source = DataLoader(tensors, batch_size=BATCH) if given is None else given
        results.append(fit(make(), source, epochs=2, **settings))
        uncached(monkeypatch)
    assert from_cache == []
    (found, rows), (expected, expected_rows) = results
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert rows == expected_rows


@pytest.mark.parametrize(("spare", "used"), [(0, True), (-1, False)])
def test_a_cache_beyond_the_limit_is_not_made(monkeypatch, spare, used):
    monkeypatch.setattr(frozen_cache, "CACHE_BYTES", SAMPLES * CLASSES * 9 * 8 + spare)
    assert (frozen_cache.cached(trainer_of(network()), data(), 1) is not None) == used


class Break(ff.track.Callback):
    """Presses Ctrl-C at a step."""

    def __init__(self, at: int) -> None:
        self.at, self.taken = at, 0

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.at:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("step", [8, 9, 14, 18])
def test_a_run_broken_off_in_any_turn_ends_as_an_undisturbed_one(
    tmp_path, monkeypatch, from_cache, step
):
    monkeypatch.setattr("os.fsync", lambda file: None)
    monkeypatch.setattr(forward_passes, "ROWS", 7 * CLASSES)
    settings = {"epochs": 6, "batch_size": BATCH, "validation": data().first(9)}

    def make() -> ff.Trainer:
        return trainer_of(network(hidden=(9, 8, 7)).float(), average=0.8)

    whole, resumed = make(), make()
    expected = whole.fit(data(), **settings).history
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        make().fit(data(), out=tmp_path / "run", callbacks=[Break(step)], **settings)
    signal.signal(signal.SIGINT, before)
    from_cache.clear()
    found = resumed.fit(data(), out=tmp_path / "run", resume=True, **settings).history
    assert len(from_cache) == 24 - max(step, 8)
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], weight), name
    for row, other in zip(found, expected, strict=True):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}


def test_a_step_by_hand_needs_no_cache(from_cache):
    trainer, (x, y, _) = trainer_of(network()), next(iter(data().batches(BATCH)))
    trainer.fit(data(), epochs=2, batch_size=BATCH)
    taken = len(from_cache)
    trainer.train_layers(1, 1)
    before = {name: weight.clone() for name, weight in trainer.network.state_dict().items()}
    assert trainer.step(x, y)["loss"].shape == (1,)
    after = trainer.network.state_dict()
    changed = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert changed == {"layers.1.block.weight", "layers.1.block.bias"}
    assert len(from_cache) == taken

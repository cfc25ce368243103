"""The C program on emulated microcontrollers: Cortex-M4, M3 and M0."""

import copy
import functools

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.datasets import load_digits
from tests.export import board, device_networks
from tests.export.board import needs_board

from forward_forward import datasets, recipes
from forward_forward.examples import NoLabel
from forward_forward.export.device import c
from forward_forward.export.device.layers import channels_last, layers_of
from forward_forward.forward import Layer, mlp
from forward_forward.losses import CrossEntropy
from forward_forward.optimize import Trainer
from forward_forward.readouts import LinearReadout

pytestmark = needs_board
TRAIN = 1437


@functools.cache
def digits():
    """Pixels [n, 64] and labels [n] in random order."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return (x[order] / 16).astype(np.float32), y[order]


def untrained(*hidden, seed=0):
    layer = functools.partial(Layer, goodness=LinearReadout(10), loss=CrossEntropy())
    return mlp(64, *hidden, num_classes=10, seed=seed, examples=NoLabel(10), layer=layer)


def on_digits(network, folder, *, count=TRAIN, **settings):
    """An export, and the header of a chip that learns the digits in five passes."""
    x, y = digits()
    c(network, torch.from_numpy(x[:20]), folder, **settings)
    train = x[:count], y[:count]
    return board.header(train, (x[TRAIN:], y[TRAIN:]), steps=5 * count, rate=0.03)


@pytest.mark.parametrize("name", device_networks.NETWORKS)
def test_a_thousand_steps_on_a_chip_end_in_the_weights_of_the_trainer(name, tmp_path):
    network, x, y = device_networks.of(name)
    c(network, x, tmp_path / "export")
    placed = channels_last(x)
    samples = board.header((placed, y), (placed, y), steps=1000, rate=0.01, weights=True)
    found = board.run(board.firmware(tmp_path / "export", samples, tmp_path))
    trainer = Trainer(copy.deepcopy(network), optimizer=torch.optim.SGD, lr=0.01, seed=0)
    for step in range(1000):
        row = step % len(x)
        trainer.step(x[row : row + 1], y[row : row + 1])
    layers = layers_of(trainer.network.eval(), x.shape[1:])
    right = np.concatenate([np.append(each.weights, each.readout) for each in layers])
    weights = np.array(found["weights"], np.uint32).view(np.float32)
    assert found["refused"] == [0]
    assert np.abs(weights - right).max() < 1e-4


@pytest.mark.parametrize("numbers", ["float32", "int16", "int8"])
def test_a_cortex_m4_learns_digits_from_nothing(numbers, tmp_path):
    samples = on_digits(untrained(64, 64), tmp_path / "export", numbers=numbers)
    found = board.run(board.firmware(tmp_path / "export", samples, tmp_path, kilobytes=(1024, 64)))
    assert found["refused"] == [0]
    assert found["wrong"][0] / 360 <= 0.08


def askew(source):
    """What a camera sees that is turned by 30 degrees, one pixel too low, in half the light."""
    x = ndimage.rotate(source.inputs.numpy(), 30, axes=(3, 2), reshape=False, order=1)
    x = 0.5 * ndimage.shift(x, (0, 0, 1, 0), order=1)
    return x.reshape(len(x), -1).astype(np.float32), source.labels.numpy()


@pytest.mark.parametrize("seed", range(5))
def test_five_hundred_samples_halve_the_error_after_a_shift(seed, tmp_path):
    sets = datasets.load("digits")
    plan = recipes.one_pass(sets.train, seed=seed, hidden=(64, 64), epochs=15, readout=None)
    plan.trainer.fit(sets.train, epochs=plan.epochs, batch_size=plan.batch_size)
    c(plan.trainer.network, sets.train.inputs[:20], tmp_path / "export", numbers="int8")
    few = np.random.default_rng(seed).permutation(len(sets.train.inputs))[:500]
    x, y = askew(sets.train)
    samples = board.header(
        (x[few], y[few]), askew(sets.test), steps=500, rate=0.01, tested_first=True
    )
    found = board.run(board.firmware(tmp_path / "export", samples, tmp_path, kilobytes=(512, 32)))
    assert found["before"][0] > 0.5 * len(sets.test.inputs)
    assert found["wrong"][0] <= found["before"][0] / 2


def test_a_cortex_m3_without_an_fpu_learns(tmp_path):
    samples = on_digits(untrained(32), tmp_path / "export", count=300)
    path = board.firmware(
        tmp_path / "export", samples, tmp_path, chip="cortex-m3", kilobytes=(512, 20)
    )
    assert board.run(path, "cortex-m3")["wrong"][0] / 360 <= 0.15


@pytest.mark.parametrize(("numbers", "hidden"), [("float32", 32), ("int8", 64)])
def test_a_cortex_m0_with_16_kb_learns_what_fits(numbers, hidden, tmp_path):
    samples = on_digits(untrained(hidden), tmp_path / "export", count=200, numbers=numbers)
    path = board.firmware(
        tmp_path / "export", samples, tmp_path, chip="cortex-m0", kilobytes=(256, 16)
    )
    assert board.run(path, "cortex-m0")["wrong"][0] / 360 <= 0.2


def test_the_linker_refuses_what_does_not_fit(tmp_path):
    samples = on_digits(untrained(64, 64), tmp_path / "export", count=100)
    chip = {"chip": "cortex-m0", "kilobytes": (256, 16)}
    with pytest.raises(board.DoesNotFit):
        board.firmware(tmp_path / "export", samples, tmp_path, **chip)
    with pytest.raises(board.DoesNotFit):  # the weights of a single layer take 16 kB
        board.firmware(
            tmp_path / "export", samples, tmp_path, options=("-DFF_ONE_LAYER=1",), **chip
        )
    path = board.firmware(tmp_path / "export", samples, tmp_path, options=("-DFF_LEARN=0",), **chip)
    assert board.run(path, "cortex-m0")["wrong"][0] > 180  # untrained

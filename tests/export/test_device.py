"""The C program computes and learns what the library does."""

import copy

import numpy as np
import pytest
import torch
from tests.export import device_networks

from forward_forward.export.device import c
from forward_forward.export.device.layers import layers_of
from forward_forward.export.device.program import Program, compiler
from forward_forward.optimize import Trainer

pytestmark = pytest.mark.skipif(compiler() is None, reason="needs a C compiler named cc")
STEPS = 1000


def made(network, x, tmp_path, options=(), **settings) -> Program:
    c(network, x, tmp_path / "device", **settings)
    return Program(tmp_path / "device", options)


@pytest.mark.parametrize("name", device_networks.NETWORKS)
def test_goodness_is_that_of_the_library(name, tmp_path):
    network, x, _ = device_networks.of(name)
    program = made(network, x, tmp_path)
    right = network.eval().goodness_by_layer(x).permute(1, 0, 2)
    found = program.goodness(x)
    scale = np.abs(right.numpy()).max((0, 2), keepdims=True)
    assert np.abs(found - right.numpy()).max() < 1e-5 * scale.max()
    assert program.predict(x) == network.predict(x).tolist()


@pytest.mark.parametrize("name", device_networks.NETWORKS)
def test_a_thousand_steps_end_in_the_weights_of_the_trainer(name, tmp_path):
    network, x, y = device_networks.of(name)
    program = made(network, x, tmp_path)
    trainer = Trainer(copy.deepcopy(network), optimizer=torch.optim.SGD, lr=0.01, seed=0)
    program.set_rate(0.01)
    for step in range(STEPS):
        row = step % len(x)
        trainer.step(x[row : row + 1], y[row : row + 1])
        assert program.learn(x[row : row + 1], y[row]) == 0
    for index, layer in enumerate(layers_of(trainer.network.eval(), x.shape[1:])):
        weights, biases = program.layer_weights(index)
        right = np.concatenate([layer.weights.ravel(), layer.readout.ravel()])
        assert np.abs(np.frombuffer(weights, np.float32) - right).max() < 1e-4, f"layer {index}"
        assert np.abs(np.frombuffer(biases, np.float32) - layer.biases).max() < 1e-4


def test_backpropagation_ends_in_the_weights_of_the_trainer(tmp_path):
    """Over fewer steps: where two values tie but for rounding, later layers take another branch."""
    for index, name in enumerate(("standardised", "maps", "colours")):
        network, x, y = device_networks.of(name)
        for layer in network.layers:
            layer.residual = False
        network.set_readout((len(network.layers) - 1, len(network.layers)))
        program = made(network, x, tmp_path / str(index), backprop=True)
        trainer = Trainer(
            copy.deepcopy(network), optimizer=torch.optim.SGD, lr=0.01, seed=0, rule="backprop"
        )
        program.set_rate(0.01)
        for step in range(300):
            row = step % len(x)
            trainer.step(x[row : row + 1], y[row : row + 1])
            assert program.learn(x[row : row + 1], y[row]) == 0
        for layer_index, layer in enumerate(
            layers_of(trainer.network.eval(), x.shape[1:], backprop=True)
        ):
            weights, _ = program.layer_weights(layer_index)
            right = np.concatenate([layer.weights.ravel(), layer.readout.ravel()])
            found = np.frombuffer(weights, np.float32)
            assert np.abs(found - right).max() < 1e-4, (name, layer_index)


def test_nothing_is_learned_that_was_not_asked_for(tmp_path):
    network, x, _ = device_networks.of("standardised")
    program = made(network, x, tmp_path)
    before = program.layer_weights(0), program.layer_weights(1)
    program.library.ff_set_learning(0b10)
    program.learn(x[:1], 1)
    assert program.layer_weights(0) == before[0]
    assert program.layer_weights(1) != before[1]
    program.init()
    assert program.layer_weights(1) == before[1]

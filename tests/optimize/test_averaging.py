"""Averages over the steps: of gradients, by Hinton's optimiser, and of a network's weights."""

import functools

import pytest
import torch
from torch import Tensor, nn

from forward_forward.data import Data
from forward_forward.examples import AppendLabel, Uniform
from forward_forward.forward import Network, mlp
from forward_forward.optimize import AveragedSGD, Trainer

X = torch.rand(12, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % 3
DATA = Data(X, Y, ("a", "b", "c"))


def network_of() -> Network:
    return mlp(6, 9, 8, num_classes=3, examples=AppendLabel(3, negatives=Uniform()))


def weights(net: Network) -> list[Tensor]:
    return [weight.detach().clone() for weight in net.parameters()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(map(torch.equal, first, second))


def test_averaged_sgd_is_its_formula():
    rng, lr, decay = torch.Generator().manual_seed(0), 0.3, 0.2
    weight = nn.Parameter(torch.rand(4, generator=rng, dtype=torch.float64))
    optimizer = AveragedSGD([weight], lr=lr, average=0.75, weight_decay=decay)
    expected, average = weight.tolist(), [0.0] * 4
    for _ in range(5):
        weight.grad = torch.rand(4, generator=rng, dtype=torch.float64)
        gradient = weight.grad.tolist()
        average = [0.75 * v + 0.25 * g for v, g in zip(average, gradient, strict=True)]
        expected = [w - lr * (v + decay * w) for w, v in zip(expected, average, strict=True)]
        optimizer.step()
        assert weight.tolist() == pytest.approx(expected, rel=1e-12)


def test_averaged_sgd_begins_with_a_tenth_of_the_gradient_where_torchs_takes_it_whole():
    moved = []
    for make in (AveragedSGD, functools.partial(torch.optim.SGD, momentum=0.9, dampening=0.9)):
        weight = nn.Parameter(torch.zeros(1))
        weight.grad = torch.ones(1)
        make([weight], lr=1.0).step()
        moved.append(weight.item())
    assert moved == pytest.approx([-0.1, -1.0])


def test_averaged_weights_are_an_exponential_average():
    plain, averaged = network_of(), network_of()
    step, watched = Trainer(plain, lr=0.05), Trainer(averaged, lr=0.05, average=0.8)
    expected = None
    for _ in range(4):
        step.step(X, Y)
        watched.step(X, Y)
        now = weights(plain)
        expected = expected or now
        expected = [0.8 * e + 0.2 * w for e, w in zip(expected, now, strict=True)]
    torch.testing.assert_close(weights(watched.evaluated), expected)
    assert same(weights(averaged), now)
    watched.fit(DATA, epochs=2, batch_size=4)
    assert same(weights(averaged), weights(watched.evaluated))


def test_reading_the_averaged_network_changes_nothing():
    trainer = Trainer(network_of(), average=0.8)
    trainer.step(X, Y)
    averaged = trainer.averaged.module
    for buffer in trainer.network.buffers():
        buffer.fill_(7)
    before = {name: each.clone() for name, each in averaged.state_dict().items()}
    for name, each in trainer.evaluated.state_dict().items():
        assert torch.equal(each, before[name])


def test_the_averaged_network_has_the_thresholds_from_before_the_first_step():
    trainer = Trainer(network_of(), average=0.8)
    trainer.calibrate(X, Y)
    for mine, other in zip(trainer.evaluated.layers, trainer.network.layers, strict=True):
        assert mine.calibrated
        assert torch.equal(mine.threshold_value, other.threshold_value)

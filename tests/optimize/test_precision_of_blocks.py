"""Blocks that are not linear multiply in the trainer's precision; float32 is left alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from forward_forward import datasets
from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, MeanSquareOne, Network, cnn
from forward_forward.losses import CrossEntropy
from forward_forward.optimize import Trainer
from forward_forward.optimize.precision import products
from forward_forward.readouts import LinearReadout


@pytest.fixture(scope="module")
def digits():
    return datasets.digits()[0].first(100)


class Types(nn.Module):
    """Notes the types of the maps that pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        self.seen.add(h.dtype)
        return h


def network_of(digits) -> Network:
    network = cnn(digits.shape, 6, 8, num_classes=10, pooled=(0,))
    for layer in network.layers:  # of zeros, slopes of the blocks would be 0
        rng = torch.Generator().manual_seed(1)
        nn.init.normal_(layer.goodness.weight, std=0.1, generator=rng)
    return network


def stepped(digits, precision: str, steps: int = 1, **options) -> Trainer:
    trainer = Trainer(network_of(digits), precision=precision, lr=0.01, **options)
    for _ in range(steps):
        trainer.step(digits.inputs.float(), digits.labels)
    return trainer


@pytest.mark.parametrize(
    ("precision", "expected"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_convolutions_multiply_in_the_type_and_weights_stay_in_float32(digits, precision, expected):
    network, types = network_of(digits), []
    for layer in network.layers:
        types.append(Types())
        layer.block.insert(1, types[-1])
    trainer = Trainer(network, precision=precision)
    trainer.step(digits.inputs.float(), digits.labels)
    for each in types:
        each.seen.clear()  # the first step also measures the thresholds, in float32
    trainer.step(digits.inputs.float(), digits.labels)
    assert [each.seen for each in types] == [{expected}] * 2
    for weight in network.parameters():
        assert weight.dtype == torch.float32


def gradients(digits, **options) -> list[torch.Tensor]:
    """The gradient of every weight in the first step, by a step of gradient descent."""
    trainer = Trainer(network_of(digits), optimizer=torch.optim.SGD, lr=1.0, **options)
    before = [each.detach().clone() for each in trainer.network.parameters()]
    trainer.step(digits.inputs.float(), digits.labels)
    pairs = zip(before, trainer.network.parameters(), strict=True)
    return [old - new.detach() for old, new in pairs if new.requires_grad]


def test_float32_is_plain_autograd(digits):
    network, expected = network_of(digits), []
    h = network.floats(digits.inputs.float())
    for layer in network.layers:
        h = layer.activation(layer.block(h.detach()))
        loss = functional.cross_entropy(layer.goodness(h), digits.labels)
        weights = [each for each in layer.parameters() if each.requires_grad]
        expected += torch.autograd.grad(loss, weights)
    for one, other in zip(gradients(digits), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_float32_never_enters_autocast(digits, monkeypatch):
    plain = stepped(digits, "float32", 3)
    monkeypatch.setattr(torch, "autocast", None)  # it must not be entered
    again = stepped(digits, "float32", 3)
    pairs = zip(plain.network.parameters(), again.network.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    with pytest.raises(TypeError):
        stepped(digits, "bfloat16")


@pytest.mark.parametrize("order", ["joint", "together"])
def test_bfloat16_gradients_are_near_those_of_float32(digits, order):
    found = [gradients(digits, precision=each, order=order) for each in ("float32", "bfloat16")]
    for exact, near in zip(*found, strict=True):
        assert 0 < (exact - near).norm() < 0.05 * exact.norm()


def test_predictions_are_lowered_within_a_context_alone(digits):
    network = stepped(digits, "float32", 20).network.eval()
    x = digits.inputs.float()
    exact = network.goodness(x)
    with network.validating(products("bfloat16", torch.device("cpu"))):
        near = network.goodness(x)
    assert exact.dtype == near.dtype == torch.float32
    assert not torch.equal(exact, near)
    assert (exact.argmax(1) == near.argmax(1)).float().mean() > 0.9
    assert torch.equal(network.goodness(x), exact)


@pytest.mark.parametrize("normalize", [None, MeanSquareOne()])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU])
@pytest.mark.parametrize("order", ["joint", "greedy", "overlapping"])
def test_a_linear_layer_reads_maps_in_bfloat16(digits, normalize, activation, order):
    blocks = [nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten()), nn.Linear(4 * 6 * 6, 20)]
    options = {"loss": CrossEntropy(), "normalize": normalize, "activation": activation}
    layers = [
        Layer(block, goodness=LinearReadout(10, units), **options)
        for block, units in zip(blocks, (4 * 6 * 6, 20), strict=True)
    ]
    network = Network(*layers, examples=NoLabel(10), readout="auto")
    trainer = Trainer(network, lr=1e-2, precision="bfloat16", order=order)
    history = trainer.fit(digits, epochs=12, batch_size=20, validation=digits).history
    assert history[-1]["validation_error"] < history[0]["validation_error"]
    assert all(weight.dtype == torch.float32 for weight in network.parameters())

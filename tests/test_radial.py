"""A radial goodness is the goodness itself, from the length of the activities alone."""

import math

import pytest
import torch
from tests.contracts.public_parts import GOODNESS, LOSSES
from torch import Tensor, nn

from forward_forward.contracts.samples import activities
from forward_forward.examples import AppendLabel
from forward_forward.forward import Layer, Network, PeerNormalization, UnitLength
from forward_forward.goodness import (
    Minimised,
    PNorm,
    l2_norm,
    max_norm,
    mean_square,
    slope_of,
    sum_of_squares,
)
from forward_forward.optimize import Trainer
from forward_forward.radial import radial_of

X = torch.rand(10, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(10) % 3
UPSTREAM = torch.tensor([1.0, -2.0, 0.5, 3.0, -0.25], dtype=torch.float64)

RADIAL = {
    "sum_of_squares": sum_of_squares,
    "mean_square": mean_square,
    "PNorm(2)": PNorm(2),
    "PNorm(2.0)": PNorm(2.0),
    "Minimised(sum_of_squares)": Minimised(sum_of_squares),
    "Minimised(l2_norm)": Minimised(l2_norm),
    "Minimised twice": Minimised(Minimised(mean_square)),
}


class Bent:
    """A goodness of a third party, ``sqrt(width + length^2)``, without a slope of its own."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __repr__(self) -> str:
        return "Bent()"

    def __call__(self, h: Tensor) -> Tensor:
        self.asked.append("call")
        return (h.flatten(1).square() + 1).sum(1).sqrt()

    def of_length(self, length: Tensor, width: int) -> Tensor:
        self.asked.append("of_length")
        return (length.square() + width).sqrt()

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        self.asked.append("gain")
        return upstream / (length.square() + width).sqrt()


class Shifted(Bent):
    """Radial by name, but its gain is wrong: what the comparison with autograd must notice."""

    def gain(self, length: Tensor, width: int, upstream: Tensor) -> Tensor:
        return 1.01 * super().gain(length, width, upstream)


def assert_radial(goodness, h: Tensor) -> None:
    h[1] = 0
    width, length = h[0].numel(), h.flatten(1).norm(dim=1)
    radial = radial_of(goodness)
    torch.testing.assert_close(radial.of_length(length, width), goodness(h), rtol=0, atol=1e-12)
    gain = radial.gain(length, width, UPSTREAM)
    assert gain.shape == UPSTREAM.shape
    assert gain.isfinite().all()
    slope = h * gain.view(-1, *(1,) * (h.dim() - 1))
    torch.testing.assert_close(slope, slope_of(goodness, h, UPSTREAM), rtol=0, atol=1e-12)


@pytest.mark.parametrize("feature", [(6,), (1,), (2, 3, 4)])
@pytest.mark.parametrize("goodness", [*GOODNESS.values(), *RADIAL.values(), Bent()], ids=repr)
def test_a_radial_goodness_and_its_slope_follow_from_the_length(goodness, feature):
    if radial_of(goodness) is not None:
        assert_radial(goodness, activities(*feature))
        return
    # Not radial: another direction of the same length has another goodness.
    one, even = torch.zeros(1, 4).double(), torch.full((1, 4), 0.5).double()
    one[0, 0] = 1
    assert abs(float(goodness(one) - goodness(even))) > 0.01


@pytest.mark.parametrize("goodness", RADIAL.values(), ids=RADIAL)
def test_these_are_radial(goodness):
    assert radial_of(goodness) is not None


@pytest.mark.parametrize(
    "goodness",
    [
        PNorm(4),
        PNorm(1),
        PNorm(math.inf),
        PNorm(2.0000001),
        max_norm,
        Minimised(PNorm(4)),
        Minimised(max_norm),
        Minimised(Minimised(PNorm(3))),
        Minimised(lambda h: h.mean(1)),
        lambda h: h.mean(1),
        nn.Softmax(1),
    ],
)
def test_these_are_not_radial(goodness):
    assert radial_of(goodness) is None


def test_a_minimised_radial_goodness_is_the_other_with_the_sign_turned():
    length = torch.tensor([0.0, 3.0, 2.0], dtype=torch.float64)
    upstream = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
    plain, turned = radial_of(mean_square), radial_of(Minimised(mean_square))
    assert torch.equal(turned.of_length(length, 4), -plain.of_length(length, 4))
    assert torch.equal(turned.gain(length, 4, upstream), -plain.gain(length, 4, upstream))
    assert torch.equal(turned.of_length(length, 4), torch.tensor([-0.0, -2.25, -1.0]).double())


def test_a_third_partys_radial_goodness_is_taken_as_it_is():
    goodness = Bent()
    assert radial_of(goodness) is goodness
    assert radial_of(Minimised(goodness)) is not None


def test_half_of_what_is_asked_does_not_make_a_goodness_radial():
    class OfLength:
        def __call__(self, h: Tensor) -> Tensor:
            return h.sum(1)

        def of_length(self, length: Tensor, width: int) -> Tensor:
            return length

    assert radial_of(OfLength()) is None


def trained(goodness, engine: str, **options) -> Network:
    rng, layers = torch.Generator().manual_seed(1), []
    for inputs, units in ((9, 7), (7, 5)):
        linear = nn.Linear(inputs, units)
        for weight in linear.parameters():
            nn.init.normal_(weight, std=0.5, generator=rng)
        layers.append(Layer(linear, goodness=goodness, threshold=2.5, **options))
    net = Network(*layers, examples=AppendLabel(3)).double()
    trainer = Trainer(net, engine=engine, optimizer=torch.optim.SGD, lr=0.3)
    for _ in range(3):
        trainer.step(X, Y, torch.linspace(0, 1, 10))
    return net


OPTIONS = {
    "relu": {"activation": nn.ReLU},
    "identity": {"activation": nn.Identity},
    "tanh": {"activation": nn.Tanh},
    "peer": {"peer": PeerNormalization(0.3, 0.5)},
    "unit length": {"normalize": UnitLength()},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_training_by_a_third_partys_radial_goodness_is_that_by_autograd(options, loss):
    goodness = Bent()
    by_hand = trained(goodness, "closed_form", loss=loss, **options)
    assert "of_length" in goodness.asked
    if options.get("activation") is not nn.Tanh:  # whose slope is not in proportion to h
        assert "gain" in goodness.asked
        assert "call" not in goodness.asked
    by_graph = trained(Bent(), "autograd", loss=loss, **options)
    for name, value in by_hand.state_dict().items():
        torch.testing.assert_close(value, by_graph.state_dict()[name], rtol=0, atol=1e-9)


def test_a_wrong_gain_would_be_noticed():
    right, wrong = (trained(each, "closed_form") for each in (Bent(), Shifted()))
    difference = right.layers[0].block.weight - wrong.layers[0].block.weight
    assert float(difference.detach().abs().max()) > 1e-5

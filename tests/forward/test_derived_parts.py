"""A part of one's own that is derived from another is taken as it is, in every path."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from forward_forward.examples import AppendLabel
from forward_forward.fast_paths import fast_path
from forward_forward.forward import Layer, MeanSquareOne, Network, SoftmaxHead
from forward_forward.forward.normalize import LengthNormalize
from forward_forward.goodness import HasSlope, Minimised, mean_square, slope_of
from forward_forward.losses import HasSlopes, HasValueAndSlopes, SiluPair, SymBa, judged
from forward_forward.optimize import Trainer
from forward_forward.radial import Radial, radial_of

X = torch.rand(10, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(10) % 3


class Centred(MeanSquareOne):
    """Another normalisation, which inherits a divisor that no longer says all."""

    def __call__(self, x):
        return super().__call__(x - x.mean(1, keepdim=True))


class Doubled(type(mean_square)):
    """Another goodness, which inherits a slope and a function of the length."""

    def __call__(self, h):
        return 2 * super().__call__(h)


class Squared(Minimised):
    """Another goodness, of a kind that the engine knows by its length."""

    def __call__(self, h):
        return super().__call__(h).square()

    def slope(self, h, upstream):
        return super().slope(h, upstream) * 2 * super().__call__(h)[:, None]


class Louder(SiluPair):
    """Another loss, which inherits slopes."""

    def __call__(self, pos, neg):
        return 10 * super().__call__(pos, neg)


class Steeper(Louder):
    """The same with slopes of its own."""

    def slope(self, pos, neg):
        d_pos, d_neg = super().slope(pos, neg)
        return 10 * d_pos, 10 * d_neg


@dataclass(frozen=True)
class Renamed(SymBa):
    """The same loss: what it inherits still holds."""


PARTS = {
    "normalisation": {"normalize": Centred()},
    "goodness": {"goodness": Doubled()},
    "minimised goodness": {"goodness": Squared(mean_square)},
    "loss without slopes": {"loss": Louder()},
    "loss with slopes": {"loss": Steeper()},
    "loss renamed": {"loss": Renamed()},
}


def network(**options) -> Network:
    examples, layers = AppendLabel(3), []
    rng = torch.Generator().manual_seed(1)
    for inputs, units in ((examples.width(6), 7), (7, 5)):
        linear = nn.Linear(inputs, units)
        for weight in linear.parameters():
            nn.init.normal_(weight, std=0.5, generator=rng)
        layers.append(Layer(linear, **{"threshold": 0.5, **options}))
    return Network(*layers, examples=examples).double()


def trained(change, **settings) -> Network:
    net = network()
    trainer = Trainer(net, optimizer=torch.optim.SGD, lr=0.1, **settings)
    trainer.step(X, Y)
    change(net)
    for _ in range(2):
        trainer.step(X, Y)
    return net


def replaced(options):
    def change(net: Network) -> None:
        for layer in net.layers:
            for name, part in options.items():
                setattr(layer, name, part)

    return change


def assert_same(first: Network, second: Network) -> None:
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value, second.state_dict()[name], rtol=0, atol=1e-9)


@pytest.mark.parametrize("options", PARTS.values(), ids=PARTS)
def test_derived_parts_train_the_same_in_both_paths_from_the_step_they_come_in(options):
    change = replaced(options)
    assert_same(trained(change), trained(change, engine="autograd"))


@pytest.mark.parametrize("block", [nn.Linear(9, 7), nn.Sequential(nn.Linear(9, 7), nn.ReLU())])
@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_a_block_that_is_replaced_after_the_trainer_was_made_is_refused(engine, block):
    def change(net: Network) -> None:
        net.layers[0].block = block.double()

    with pytest.raises(ValueError, match=r"layer 1 expected the block .* make a new Trainer"):
        trained(change, engine=engine)


def test_what_is_inherited_is_offered_only_where_it_still_holds():
    assert fast_path(SiluPair(), HasValueAndSlopes) is not None
    assert fast_path(Renamed(), HasValueAndSlopes) is not None
    assert fast_path(Louder(), HasValueAndSlopes) is None
    assert fast_path(Louder(), HasSlopes) is None
    assert fast_path(Steeper(), HasValueAndSlopes) is None
    assert fast_path(Steeper(), HasSlopes) is not None
    assert fast_path(MeanSquareOne(), LengthNormalize) is not None
    assert fast_path(Centred(), LengthNormalize) is None
    assert fast_path(mean_square, Radial) is not None
    assert fast_path(Doubled(), Radial) is None
    assert fast_path(Doubled(), HasSlope) is None
    assert radial_of(Squared(mean_square)) is None


class Quadratic(nn.Module):
    """A goodness that is a module, with a slope of its own."""

    def forward(self, h):
        return h.square().sum(1)

    def slope(self, h, upstream):
        return 2 * h * upstream[:, None]


class Cubic(Quadratic):
    """Another goodness, which replaces the module's forward and inherits a slope."""

    def forward(self, h):
        return h.abs().pow(3).sum(1)


def test_a_module_with_another_forward_does_not_keep_the_inherited_slope():
    h = torch.tensor([[1.0, 2.0]], requires_grad=True)
    (expected,) = torch.autograd.grad(Cubic()(h).sum(), h)
    torch.testing.assert_close(slope_of(Cubic(), h.detach(), torch.ones(1)), expected)
    assert fast_path(Quadratic(), HasSlope) is not None


class Length:
    """Fast paths of the L2 norm, in an object of their own."""

    def of_length(self, length, width):
        return length

    def gain(self, length, width, upstream):
        return upstream / length


class Stated:
    """A goodness that states its fast paths in one object."""

    def __call__(self, h):
        return h.flatten(1).norm(dim=1)

    def fast_paths(self):
        return Length()


class StatedTwice(Stated):
    """Another goodness, which inherits the statement of the first one."""

    def __call__(self, h):
        return 2 * super().__call__(h)


class FastSlope:
    """A slope for a class that is derived from this one and from another."""

    def slope(self, h, upstream):
        return 2 * h * upstream[:, None]


class Mixed(FastSlope, StatedTwice):
    """Listed first, the slope is nearer in the order of classes, and yet of no call here."""


def test_a_part_states_its_fast_paths_in_one_object():
    assert isinstance(radial_of(Stated()), Length)
    assert radial_of(StatedTwice()) is None
    assert fast_path(Stated(), HasSlope) is None
    assert fast_path(Mixed(), HasSlope) is None


def test_a_loss_that_is_derived_is_judged_by_its_own_slopes():
    pos, neg = torch.zeros(1), torch.ones(1, 1)
    value, d_pos, d_neg = judged(Steeper(1.0), pos, neg)
    plain = judged(SiluPair(1.0), pos, neg)
    for mine, theirs in zip((value, d_pos, d_neg), plain, strict=True):
        torch.testing.assert_close(mine, 10 * theirs)


def test_a_head_keeps_its_own_rows_where_its_normalisation_returns_what_it_got():
    rng = torch.Generator().manual_seed(2)
    layers = network().layers
    head = SoftmaxHead([7, 5], 3, skip=0, normalize=lambda h: h).double()
    for weight in head.parameters():
        nn.init.normal_(weight, generator=rng)
    net = Network(*layers, examples=AppendLabel(3), head=head)
    neutral = net.examples.neutral(X).dense().flatten(0, 1)
    expected = [h @ weight.t() for h, weight in zip(net(neutral), head.weights, strict=True)]
    torch.testing.assert_close(net.scores(X, by="head"), sum(expected), rtol=0, atol=1e-9)

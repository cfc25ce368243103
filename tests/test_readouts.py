"""Goodness of every class: values, slopes against autograd, and what is refused."""

import copy

import pytest
import torch
from torch import nn

from forward_forward import readouts
from forward_forward.contracts import public_parts
from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, Network
from forward_forward.goodness import slope_of
from forward_forward.readouts import ChannelGroups, FixedReadout, LinearReadout, PositionReadout

CLASSES = 3
READOUTS = [
    LinearReadout(CLASSES),
    FixedReadout(CLASSES, seed=1),
    ChannelGroups(CLASSES),
    ChannelGroups(CLASSES, squared=True),
]
ON_MAPS = [*READOUTS, LinearReadout(CLASSES, grid=2), FixedReadout(CLASSES, grid=2)]
AT_POSITIONS = PositionReadout(CLASSES)


def fitted(readout, units=7):
    """A read-out in float64, of which learned weights are not 0."""
    made = readout.sized(units).double()
    for weight in made.parameters():
        nn.init.normal_(weight)
    return made


CASES = [(each, (7,)) for each in READOUTS] + [(each, (7, 2, 3)) for each in ON_MAPS]


@pytest.mark.parametrize(("readout", "shape"), [*CASES, (READOUTS[0], (4, 7))], ids=repr)
def test_slopes_are_those_of_autograd(readout, shape):
    readout = fitted(readout)
    h = torch.randn(5, *shape, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(5, CLASSES, dtype=torch.float64)
    assert readout(h).shape == (5, CLASSES)
    weights = list(readout.parameters())
    slope, *gradients = torch.autograd.grad(readout(h), [h, *weights], upstream)
    read = readouts.slopes_of(readout)
    torch.testing.assert_close(slope_of(readout, h.detach(), upstream), slope)
    for found, wanted in zip(read.weight_gradients(h.detach(), upstream), gradients, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("readout", READOUTS, ids=repr)
def test_a_layer_makes_a_copy_of_its_width(readout):
    one, other = Layer(nn.Linear(4, 6), goodness=readout), Layer(nn.Linear(6, 9), goodness=readout)
    assert (one.goodness.units, other.goodness.units) == (6, 9)
    assert one.class_wise
    assert one.closed_form
    assert readout.units is None
    assert not list(readout.parameters())


def test_fixed_weights_come_from_the_seed_and_never_learn():
    one, same, other = FixedReadout(3, 8), FixedReadout(3, 8), FixedReadout(3, 8, seed=1)
    assert torch.equal(one.weight, same.weight)
    assert not torch.equal(one.weight, other.weight)
    assert not list(one.parameters())
    assert torch.equal(copy.deepcopy(one).weight, one.weight)


def test_groups_divide_the_channels_in_order():
    groups = ChannelGroups(3, 8)  # of 3, 3 and 2 channels
    h = torch.arange(8.0)[None]
    torch.testing.assert_close(groups(h), torch.tensor([[1.0, 4.0, 6.5]]))
    squared = ChannelGroups(3, 8, squared=True)
    torch.testing.assert_close(squared(h)[:, 0], torch.tensor([5 / 3]))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at least 2 classes"):
        LinearReadout(1)
    with pytest.raises(ValueError, match="one channel per class, got 2 channels for 3"):
        ChannelGroups(3, 2)
    with pytest.raises(ValueError, match=r"expects 4 units .* got activities of \[5\]"):
        LinearReadout(3, 4)(torch.ones(1, 5))
    with pytest.raises(ValueError, match=r"a grid of 2, got activities of \[4\]"):
        LinearReadout(3, 4, grid=2)(torch.ones(1, 4))
    with pytest.raises(ValueError, match=r"no units yet, got .* give it to a Layer"):
        LinearReadout(3)(torch.ones(1, 5))
    unknown = nn.Sequential(nn.Linear(4, 5), nn.ReLU())
    layer = Layer(unknown, activation=None, goodness=READOUTS[0])
    with pytest.raises(ValueError, match=r"layer 1 .* LinearReadout\(num_classes=3, units"):
        Network(layer, examples=NoLabel(CLASSES))


def test_maps_are_averaged_over_a_grid_and_tokens_over_their_positions():
    maps = torch.arange(32.0).view(1, 2, 4, 4)
    readout = LinearReadout(2, 2, grid=2)
    nn.init.eye_(readout.weight)  # the goodness of class 0 is the first cell, of class 1 the next
    torch.testing.assert_close(readout(maps), torch.tensor([[2.5, 4.5]]))
    tokens = torch.tensor([[[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]]])  # 3 positions of 2 channels
    averages = LinearReadout(2, 2)
    nn.init.eye_(averages.weight)
    torch.testing.assert_close(averages(tokens), torch.tensor([[2.0, 5.0]]))


def test_each_position_is_answered_by_the_same_weights():
    readout = fitted(AT_POSITIONS)
    h = torch.randn(5, 4, 7, dtype=torch.float64)
    wanted = torch.stack([h[:, position] @ readout.weight.t() for position in range(4)], 1)
    torch.testing.assert_close(readout(h), wanted)
    with pytest.raises(ValueError, match=r"\[batch, positions, 7\], got \[5, 7\]"):
        readout(h[:, 0])
    with pytest.raises(ValueError, match=r"\[batch, positions, units\], .* with units=7"):
        AT_POSITIONS(h)


def test_every_public_read_out_is_tested():
    assert {type(each).__name__ for each in READOUTS} == set(readouts.__all__)
    assert set(public_parts(readouts, num_classes=CLASSES)) == set(readouts.__all__)

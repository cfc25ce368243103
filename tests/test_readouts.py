"""Goodness of every class: values, slopes against autograd, and what is refused."""

import copy
import functools

import pytest
import torch
from torch import nn

from forward_forward import readouts
from forward_forward.contracts import public_parts
from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, Network, mlp
from forward_forward.goodness import slope_of
from forward_forward.readouts import (
    Centroids,
    ChannelGroups,
    FixedReadout,
    LinearReadout,
    PositionReadout,
    Prototypes,
)

CLASSES = 3
READOUTS = [
    LinearReadout(CLASSES),
    FixedReadout(CLASSES, seed=1),
    ChannelGroups(CLASSES),
    ChannelGroups(CLASSES, squared=True),
    Centroids(CLASSES),
    Prototypes(CLASSES, per_class=2),
]
ON_MAPS = [
    *READOUTS,
    LinearReadout(CLASSES, grid=2),
    FixedReadout(CLASSES, grid=2, squared=True),
    Centroids(CLASSES, grid=2),
    Prototypes(CLASSES, grid=2),
]
AT_POSITIONS = PositionReadout(CLASSES)


def fitted(readout, units=7):
    """A read-out in float64, of which learned weights are not 0."""
    made = readout.sized(units).double()
    for weight in made.parameters():
        nn.init.normal_(weight)
    return made


CASES = [(each, (7,)) for each in [*READOUTS, FixedReadout(CLASSES, squared=True)]] + [
    (each, (7, 2, 3)) for each in ON_MAPS
]


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
    assert torch.autograd.gradcheck(readout, h)
    if read is None:  # autograd's own
        assert isinstance(readout, Prototypes | Centroids)
        return
    for found, wanted in zip(read.weight_gradients(h.detach(), upstream), gradients, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("readout", READOUTS, ids=repr)
def test_a_layer_makes_a_copy_of_its_width(readout):
    one, other = Layer(nn.Linear(4, 6), goodness=readout), Layer(nn.Linear(6, 9), goodness=readout)
    assert (one.goodness.units, other.goodness.units) == (6, 9)
    assert one.class_wise
    assert one.closed_form == (not isinstance(readout, Prototypes))
    assert readout.units is None
    assert not list(readout.parameters())


def test_fixed_weights_come_from_the_seed_and_never_learn():
    one, same, other = FixedReadout(3, 8), FixedReadout(3, 8), FixedReadout(3, 8, seed=1)
    assert torch.equal(one.weight, same.weight)
    assert not torch.equal(one.weight, other.weight)
    assert not list(one.parameters())
    assert torch.equal(copy.deepcopy(one).weight, one.weight)


def test_a_detached_read_out_learns_and_has_no_slope():
    readout = fitted(LinearReadout(CLASSES, detached=True))
    h = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(5, CLASSES, dtype=torch.float64)
    slope, gradient = torch.autograd.grad(
        readout(h), [h, readout.weight], upstream, materialize_grads=True, allow_unused=True
    )
    read = readouts.slopes_of(readout)
    assert not slope.any()
    assert not read.slope(h, upstream).any()
    assert not read.slope(h, upstream, torch.ones_like(h)).any()
    torch.testing.assert_close(read.weight_gradients(h.detach(), upstream)[0], gradient)


def test_patches_are_read_by_their_mean_squares():
    maps = torch.arange(16.0).view(1, 1, 4, 4)
    readout = FixedReadout(2, 1, grid=2, squared=True)
    squares = maps.square().view(2, 2, 2, 2).permute(0, 2, 1, 3).reshape(4, 4).mean(1)
    torch.testing.assert_close(readout(maps)[0], readout.weight @ squares)


def test_prototypes_are_a_smooth_maximum_of_cosines():
    readout = Prototypes(2, 3, per_class=2, temperature=0.5)
    h = torch.tensor([[3.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    cosine = nn.functional.cosine_similarity(h[:, None], readout.weight[None], dim=2)
    wanted = (2 * cosine).exp().view(2, 2, 2).sum(2).log()
    torch.testing.assert_close(readout(h), wanted)
    nearest = Prototypes(2, 3, per_class=2, temperature=1e-3)
    torch.testing.assert_close(
        1e-3 * nearest(h)[0], cosine[0].view(2, 2).amax(1), atol=1e-3, rtol=0
    )
    with pytest.raises(ValueError, match="per_class of 1 or more"):
        Prototypes(2, per_class=0)


def test_centroids_follow_the_weighted_mean_of_each_class():
    readout = Centroids(3, 2, momentum=0.75)
    h, y = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 4.0]]), torch.tensor([0, 0, 1])
    readout.follow(h, y, torch.tensor([0.25, 0.75, 0.0]))
    assert readout.weight.tolist() == [[2.5, 0], [0, 0], [0, 0]]  # a weight of 0 is no sample
    readout.follow(h, y, torch.tensor([0.5, 0.0, 0.5]))
    wanted = [[0.75 * 2.5 + 0.25, 0], [0, 4], [0, 0]]
    torch.testing.assert_close(readout.weight, torch.tensor(wanted))
    torch.testing.assert_close(readout(h)[2, 1], torch.tensor(0.0))
    torch.testing.assert_close(readout(h)[0, 1], torch.tensor(-(1 + 16) / 2))
    summed = Centroids(3, 2)  # as one of two equal shards
    summed.follow(h, y, torch.tensor([0.25, 0.0, 0.25]), add=lambda sums: 2 * sums)
    torch.testing.assert_close(summed.weight[:2], torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    with pytest.raises(ValueError, match="momentum from 0 to below 1"):
        Centroids(3, momentum=1.0)


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
    with pytest.raises(ValueError, match=r"layer 1 .* its LinearReadout .* as units="):
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


def test_layers_of_a_network_and_networks_of_other_seeds_have_other_random_weights():
    def weights(seed):
        layer = functools.partial(Layer, goodness=FixedReadout(CLASSES))
        network = mlp(
            6, 8, 8, num_classes=CLASSES, seed=seed, examples=NoLabel(CLASSES), layer=layer
        )
        return [each.goodness.weight for each in network.layers]

    (one, two), (other, _), (same, _) = weights(0), weights(1), weights(0)
    assert not torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(one, same)

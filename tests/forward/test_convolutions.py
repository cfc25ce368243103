"""`cnn`: a network of 3 x 3 convolutions whose weights follow its seed alone."""

import functools

import pytest
import torch
from torch import nn

from forward_forward.forward import Layer, Whitening, cnn
from forward_forward.forward.description import build, describe
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout


def maps_of(network, x) -> list[torch.Size]:
    found = []
    for layer in network.layers:
        x = layer(x)
        found.append(x.shape[1:])
    return found


def test_pooled_convolutions_halve_the_maps():
    network = cnn((3, 16, 16), 4, 6, 8, num_classes=5, pooled=(0, 2))
    assert maps_of(network.eval(), torch.rand(2, 3, 16, 16)) == [(4, 8, 8), (6, 8, 8), (8, 4, 4)]
    assert network.predict(torch.rand(2, 3, 16, 16)).shape == (2,)


@pytest.mark.parametrize(("together", "layers"), [(1, 5), (2, 3), (3, 2), (5, 1), (9, 1)])
def test_convolutions_are_grouped_into_layers(together, layers):
    network = cnn((1, 16, 16), 2, 3, 4, 5, 6, num_classes=2, together=together)
    assert len(network.layers) == layers
    kinds = [type(each) for layer in network.layers for each in layer.block]
    assert kinds.count(nn.Conv2d) == 5
    assert kinds.count(nn.GELU) == 5 - layers  # the others are the layers' own activations


def test_grouping_does_not_change_the_function():
    x = torch.rand(3, 1, 16, 16)
    tops = []
    for together in (1, 2, 4):
        h = x
        for layer in cnn((1, 16, 16), 2, 3, 4, 5, num_classes=2, together=together).layers:
            h = layer(h)
        tops.append(h)
    assert torch.equal(tops[0], tops[1])
    assert torch.equal(tops[0], tops[2])


def test_weights_follow_the_seed_alone():
    def weights(seed):
        network = cnn((1, 8, 8), 4, 5, num_classes=3, pooled=(0,), seed=seed)
        return torch.cat([each.detach().flatten() for each in network.parameters()])

    first, state = weights(0), torch.get_rng_state()
    torch.manual_seed(7)
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))
    torch.set_rng_state(state)
    weights(2)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_first_filters_are_the_identity_and_scales_stay_1():
    network = cnn((3, 8, 8), 5, 2, num_classes=3, pooled=())
    first, second = (layer.block[0] for layer in network.layers)
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(first(x)[:, :3], x)
    h = torch.rand(2, 5, 8, 8)
    assert torch.equal(second(h), h[:, :2])
    bound = 1 / (9 * 3) ** 0.5
    others = first.weight[3:]
    assert bound * 0.9 < others.abs().max() <= bound
    for layer in network.layers:
        norm = layer.block[-1]
        assert not norm.weight.requires_grad
        assert norm.bias.requires_grad


def test_read_outs_have_a_grid_no_finer_than_their_map():
    network = cnn((1, 8, 8), 4, 5, 6, num_classes=3, pooled=(0, 1, 2))
    widths = [(layer.goodness.grid, layer.goodness.weight.shape[1]) for layer in network.layers]
    assert widths == [(4, 4 * 16), (2, 5 * 4), (1, 6)]


def test_own_layers_keep_their_options_and_the_template_is_left_alone():
    template = LinearReadout(3, grid=4)
    layer = functools.partial(
        Layer, activation=nn.ReLU, goodness=template, loss=CrossEntropy(0.2), normalize=None
    )
    network = cnn((1, 4, 4), 4, num_classes=3, pooled=(0,), layer=layer)
    assert network.layers[0].loss == CrossEntropy(0.2)
    assert isinstance(network.layers[0].activation, nn.ReLU)
    assert (template.grid, template.units, network.layers[0].goodness.grid) == (4, None, 2)


def test_pictures_without_an_axis_of_channels():
    flat, with_axis = (cnn(shape, 4, num_classes=3) for shape in ((8, 8), (1, 8, 8)))
    x = torch.rand(5, 8, 8)
    assert torch.equal(flat.eval().predict(x), with_axis.eval().predict(x[:, None]))


def test_it_is_described_and_built_again():
    network = cnn((8, 8), 4, 5, num_classes=3, inputs=Whitening(1, 4), together=2)
    assert describe(build(describe(network))) == describe(network)


@pytest.mark.parametrize(
    ("shape", "channels", "options", "message"),
    [
        ((20,), (4,), {}, r"cnn expects pictures .*got shape=\(20,\)"),
        ((1, 8, 8), (), {}, r"at least one convolution .*channels=\(\)"),
        ((1, 8, 8), (4, 0), {}, r"channels=\(4, 0\)"),
        ((1, 8, 8), (4,), {"together": 0}, "together=0"),
        ((1, 4, 4), (4, 4, 4), {"pooled": (0, 1, 2)}, r"halved for each of pooled=\(0, 1, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(shape, channels, options, message):
    with pytest.raises(ValueError, match=message):
        cnn(shape, *channels, num_classes=3, **options)

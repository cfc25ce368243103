"""Normalisation by class: groups of mean 0 and variance 1, from which goodness is gone."""

import functools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward.examples import NoLabel
from forward_forward.forward import ClassGroupNorm, Layer, MeanSquareOne
from forward_forward.readouts import ChannelGroups


def test_each_classs_group_has_mean_0_and_variance_1_and_no_goodness():
    maps = torch.rand(3, 6, 4, 5) * 7 + 2
    normed = ClassGroupNorm(3)(maps)
    groups = normed.view(3, 3, -1)
    torch.testing.assert_close(groups.mean(2), torch.zeros(3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(groups.var(2, unbiased=False), torch.ones(3, 3), atol=1e-4, rtol=0)
    assert ChannelGroups(3, 6)(normed).abs().max() < 1e-5
    # A linear layer reads maps flat: the groups are the same.
    torch.testing.assert_close(ClassGroupNorm(3)(maps.flatten(1)), normed.flatten(1))
    assert not ClassGroupNorm(3)(torch.zeros(1, 6)).any()


@pytest.mark.parametrize("shape", [(7,), (3,), (7, 2, 2)])
def test_rows_without_such_groups_are_refused(shape):
    with pytest.raises(ValueError, match=r"3 groups of equally many .* a multiple of 3 channels"):
        ClassGroupNorm(3)(torch.ones(2, *shape))


def test_layers_normalised_by_class_learn():
    layer = functools.partial(
        Layer,
        goodness=ChannelGroups(10),
        loss=ff.losses.CrossEntropy(),
        normalize=ClassGroupNorm(10),
    )
    net = ff.mlp(64, 100, 100, num_classes=10, examples=NoLabel(10), layer=layer)
    net.layers[0].normalize = MeanSquareOne()
    train, test = ff.datasets.digits()
    ff.Trainer(net, lr=3e-3).fit(train, epochs=10, batch_size=64)
    assert ff.predict.evaluate(net, test)["error"] < 10
    about = ff.forward.description.describe(net)
    assert about["layers"][1]["normalize"] == "ClassGroupNorm(num_classes=10, eps=1e-05)"
    maps = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 20, 3))
    one = Layer(maps, goodness=ChannelGroups(10, 20), normalize=None)
    two = Layer(nn.Conv2d(20, 30, 3), goodness=ChannelGroups(10), normalize=ClassGroupNorm(10))
    deep = ff.Network(one, two, examples=NoLabel(10))
    ff.Trainer(deep).step(torch.rand(5, 64), torch.arange(5))
    assert deep.goodness_by_layer(torch.rand(5, 64)).shape == (2, 5, 10)

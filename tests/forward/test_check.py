"""What `Layer.check` says of blocks that a layer can do little with."""

import re

import pytest
import torch
from torch import nn

from forward_forward.examples import AppendLabel
from forward_forward.forward import Layer, Network, mlp

X = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)) + 0.1


class Twice(nn.Module):
    """Two modules with one weight."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)
        self.other.weight = self.one.weight

    def forward(self, x):
        return self.other(self.one(x)).relu()


class Greedy(nn.Module):
    """Changes what it reads."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x.mul_(2))


class Giving(nn.Module):
    """Gives whatever it is told."""

    def __init__(self, give):
        super().__init__()
        self.weight, self.give = nn.Parameter(torch.ones(1)), give

    def forward(self, x):
        return self.give(x)


SAME = nn.Linear(4, 4)
BLOCKS = [
    (nn.Flatten(), "it has no trainable weights"),
    (nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), "2 weight layers: inside, errors"),
    (Twice(), "modules inside share weights"),
    (nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True)), r"block\.1 \(ReLU\) works in place"),
    (Greedy(), "it changes its input"),
    (nn.Linear(4, 3), "is linear and no activation follows"),
    (nn.Sequential(SAME, nn.ReLU(), SAME), "2 weight layers: inside, errors"),
    (nn.Sequential(SAME, nn.ReLU(), SAME), "modules inside share weights"),
    (Giving(lambda x: x), "does not depend on its weights"),
    (Giving(lambda x: (x, x)), r"it returns a tuple: expected one tensor \[6, \.\.\.\]"),
    (Giving(lambda x: x[:2]), r"it returns \[2, 4\]"),
    (Giving(lambda x: x @ x), "it raises RuntimeError"),
    (Giving(lambda x: x / 0), "its goodness is not finite"),
    (Giving(lambda x: 0 * x), "all its units are 0"),
    (nn.Sequential(nn.Linear(4, 9), nn.LayerNorm(9)), "the same for all samples, as after a norm"),
]


@pytest.mark.parametrize(("block", "words"), BLOCKS)
def test_what_is_wrong_with_a_block_is_said(block, words):
    normalize = {} if not isinstance(block, Greedy) else {"normalize": None}
    found = Layer(block, activation=None, **normalize).check(X.clone())
    assert any(re.search(words, each) for each in found), found


def test_nothing_is_said_of_a_good_layer_and_nothing_is_changed():
    assert Layer(nn.Linear(4, 3)).check(X) == []
    block = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU())
    layer = Layer(block, activation=None).train()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    assert layer.check(X) == []
    assert layer.training
    after = layer.state_dict()
    assert all(torch.equal(before[name].nan_to_num(), after[name].nan_to_num()) for name in before)


def test_a_network_says_which_layer_it_is_and_which_share_weights():
    assert mlp(4, 5, 5, num_classes=2).check(X) == {}
    linear = nn.Linear(6, 6)
    network = Network(
        Layer(linear), Layer(nn.Flatten(), activation=None), Layer(linear), examples=AppendLabel(2)
    )
    found = network.check(X)
    assert sorted(found) == [1, 2]
    assert found[1] == [
        "it has no trainable weights: merge its block with one that has some, or remove the layer"
    ]
    assert "shares weights with layer 1" in found[2][0]
    narrow = Network(Layer(nn.Linear(5, 3)), Layer(nn.Linear(3, 3)), examples=AppendLabel(2))
    assert "expects 5 inputs" in narrow.check(X)[0][0]


def test_an_affine_norm_of_single_samples_is_a_norm():
    block = nn.Sequential(nn.Conv2d(1, 8, 3), nn.InstanceNorm2d(8, affine=True), nn.ReLU())
    assert Layer(block, activation=None).check(torch.rand(5, 1, 6, 6)) == []


def test_a_goodness_that_raises_is_said_and_samples_must_be_some():
    def broken(h):
        raise RuntimeError("no")

    layer = Layer(nn.Linear(4, 3), goodness=broken)
    assert layer.check(torch.rand(5, 4)) == ["its goodness raises RuntimeError for [5, 3]: no"]
    for x, got in ((torch.rand(0, 4), r"\[0, 4\]"), ([[1.0]], "a list")):
        with pytest.raises(ValueError, match=f"some samples .* as a tensor, got {got}"):
            layer.check(x)

"""Models of a class of one's own, taken apart by torch.fx."""

import functools

import pytest
import torch
from tests.conversion.convertible import Residual
from torch import nn
from torch.nn import functional

import forward_forward as ff
from forward_forward.conversion.tracing import traced
from forward_forward.forward.description import build, describe
from forward_forward.forward.graph_block import GraphBlock
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout

LAYER = functools.partial(ff.Layer, goodness=LinearReadout(10), loss=CrossEntropy(), normalize=None)
SHAPE = (1, 8, 8)


def pictures(count=6):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(0))


def converted(model):
    return ff.convert(model, num_classes=10, input_shape=SHAPE, layer=LAYER)


class Net(nn.Module):
    """A convolution, a residual block, pooling and two linear layers, by functions of torch."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.block = Residual(4, 4)
        self.hidden = nn.Linear(64, 12)
        self.scores = nn.Linear(12, 10)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.first(x)), 2)
        x = self.block(x)
        x = x.view(x.size(0), -1)
        x = functional.dropout(x, 0.5, training=self.training)
        return self.scores(torch.relu(self.hidden(x)))


def test_a_residual_block_is_one_layer_and_the_end_is_the_read_out_of_the_last():
    steps = {step.part: step.became for step in converted(Net()).steps}
    whole = "layer 2 as a whole: inside, 3 weight layers are trained by backpropagation"
    assert steps["first Conv2d"] == "layer 1"
    assert steps["block GraphBlock"] == whole
    assert steps["view Flatten"] == "prepares the input of layer 3"
    assert steps["dropout Dropout"] == "prepares the input of layer 3"
    assert steps["hidden Linear"] == "layer 3"
    assert steps["scores Linear"] == "the read-out of layer 3"


def test_the_layers_compute_what_the_model_does_and_load_without_its_code():
    model = Net().eval()
    network = converted(model).network.eval()
    torch.testing.assert_close(network.goodness(pictures()), model(pictures()))
    again = build(describe(network))
    again.load_state_dict(network.state_dict())
    torch.testing.assert_close(again.eval().goodness(pictures()), model(pictures()))


def test_dropout_by_a_function_follows_the_mode():
    """Traced in training, ``training=self.training`` would stay true."""
    modules = dict(traced(Net(), pictures()))
    assert isinstance(modules["dropout"], nn.Dropout)
    assert modules["dropout"].p == 0.5


class Branches(nn.Module):
    """Two convolutions side by side, joined by a concatenation, changed in place afterwards."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(1, 2, 1)
        self.act = nn.ReLU(inplace=True)
        self.end = nn.Linear(5, 10)

    def forward(self, x):
        x = self.act(torch.cat([self.one(x), self.other(x)], dim=1))
        x += x.mean(dim=(2, 3), keepdim=True)
        return self.end(self.act(x)[:, :, 1:-1].mean((-2, -1)))


class Places(nn.Module):
    """Tokens with a weight and a constant of the model's own added."""

    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.rand(8, 8))
        self.register_buffer("scale", torch.tensor([2.0]))
        self.tokens, self.end = nn.Linear(8, 6), nn.Linear(48, 10)

    def forward(self, x):
        x = self.tokens(x.squeeze(1) * self.scale + self.place)
        return self.end(torch.relu(x).reshape(x.shape[0], -1))


class Shapes(nn.Module):
    """Shapes read from a tensor, and views that are more than a flattening."""

    def __init__(self):
        super().__init__()
        self.mix, self.end = nn.Linear(16, 16), nn.Linear(64, 10)

    def forward(self, x):
        batch, _, height, width = x.shape
        x = x.view(batch, height // 2, 2 * width)
        return self.end(functional.gelu(self.mix(x)).flatten(start_dim=1))


@pytest.mark.parametrize("make", [Branches, Places, Shapes])
def test_graphs_of_many_kinds_compute_and_load_the_same(make):
    torch.manual_seed(0)
    model = make().eval()
    expected = model(pictures())
    network = converted(model).network.eval()
    torch.testing.assert_close(network.goodness(pictures()), expected)
    again = build(describe(network))
    again.load_state_dict(network.state_dict())
    torch.testing.assert_close(again.eval().goodness(pictures()), expected)
    assert network.check(pictures()) == {} or "weight layers" in str(network.check(pictures()))


def test_it_trains_locally():
    """No gradient crosses a layer: the loss of the last one does not reach the first."""
    train, test = ff.datasets.digits()
    plan = ff.recipes.converted(train, model=Net, epochs=12, lr=3e-3)
    plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
    figures = ff.predict.evaluate(plan.trainer.network.eval(), test)
    assert figures["error"] < 10  # chance is 90
    assert len(figures["goodness_error_by_layer"]) == 3


class Deciding(Net):
    def forward(self, x):
        if x.sum() > 0:
            x = x + 1
        return super().forward(x)


class Unknown(Net):
    def forward(self, x):
        return super().forward(torch.fft.fft(x).real)


class Several(Net):
    def forward(self, x, mask):
        return super().forward(x * mask)


class Pair(Net):
    def forward(self, x):
        return super().forward(x), x


class Twice(Net):
    def __init__(self):
        super().__init__()
        self.again = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        return super().forward(torch.relu(self.again(torch.relu(self.again(x)))))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Deciding, r"code of Deciding in .*test_tracing.py, line \d+: `if x.sum\(\) > 0:`"),
        (Unknown, r"cannot take over fft_fft in .*test_tracing.py, line \d+: `return super"),
        (Several, "Several.forward takes 2: x, mask"),
        (Pair, r"Pair.forward returns \(scores, x\)"),
        (Twice, "again Conv2d and .* Conv2d share weights"),
    ],
)
def test_what_cannot_be_followed_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        converted(make())


class Opaque(nn.Module):
    """A module whose code depends on values."""

    def __init__(self):
        super().__init__()
        self.inside = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x):
        return self.inside(x if float(x.sum()) > 0 else -x)


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.opaque, self.end = Opaque(), nn.Linear(256, 10)

    def forward(self, x):
        return self.end(torch.relu(self.opaque(x)).flatten(1))


def test_a_module_inside_that_cannot_be_followed_is_a_layer_as_a_whole():
    made = converted(Around())
    assert made.steps[0].part == "opaque Opaque"
    assert made.steps[0].became == "layer 1"


@pytest.mark.parametrize(
    "steps",
    [
        (("torch.load", (("$", 0),), ()),),
        (("method __class__", (("$", 0),), ()),),
        (("part 1", (("$", 0),), ()),),
        (("torch.relu", (("$", 1),), ()),),
        (("getattr", (("$", 0), "__class__"), ()),),
    ],
)
def test_a_graph_block_calls_nothing_but_what_it_knows(steps):
    """Its steps may come from a file."""
    with pytest.raises(ValueError, match="GraphBlock expects"):
        GraphBlock(nn.Sequential(nn.ReLU()), steps)

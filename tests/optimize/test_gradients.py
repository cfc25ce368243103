"""A layer's gradients: closed form as autograd, its own alone, from activities before any step."""

import copy

import pytest
import torch
from tests.contracts.public_parts import GOODNESS, LOSSES
from torch import nn

from forward_forward import losses
from forward_forward.examples import AppendLabel, OverlayLabel, Uniform, stack
from forward_forward.forward import Layer, Network, PeerNormalization, UnitLength
from forward_forward.forward.affine import Affine
from forward_forward.optimize import AveragedSGD, Trainer
from forward_forward.optimize.gradients import by_autograd, closed_form
from forward_forward.optimize.targets import Targets

CLASSES = 3
X = torch.rand(10, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(10) % CLASSES
WEIGHT = torch.linspace(0, 2, 10, dtype=torch.float64)
ACTIVATIONS = [nn.ReLU(), nn.Tanh(), nn.GELU(), nn.Sigmoid(), nn.LeakyReLU(), nn.Identity()]
SETTINGS = {"optimizer": AveragedSGD, "lr": 0.5, "weight_decay": 0.01}
EXAMPLES = [
    AppendLabel(CLASSES),
    AppendLabel(CLASSES, strength=0.3, negatives=Uniform(count=3)),
    OverlayLabel(CLASSES, strength=2.0, negatives=Uniform(count=2)),
]


def halved(x: torch.Tensor) -> torch.Tensor:
    """A normalisation of one's own, with no divisor for the engine to use."""
    return x / 2 + 0.1


class Weighted(nn.Module):
    """A goodness with a parameter of its own."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.importance = nn.Parameter(torch.linspace(0.5, 1.5, units))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return (h.square() * self.importance).mean(1)


def network(*sizes: int, examples=EXAMPLES[0], seed: int = 0, **options) -> Network:
    rng, layers = torch.Generator().manual_seed(seed), []
    options = {"threshold": 0.5, **options}
    for inputs, units in zip((examples.width(6), *sizes), sizes, strict=False):
        linear = nn.Linear(inputs, units)
        for weight in linear.parameters():
            nn.init.normal_(weight, std=0.5, generator=rng)
        layers.append(Layer(linear, **options))
    return Network(*layers, examples=examples).double()


def trained(net: Network, engine: str, steps: int = 3, weight=None, **options) -> Network:
    trainer = Trainer(net, engine=engine, **{**SETTINGS, **options})
    for _ in range(steps):
        trainer.step(X, Y, weight)
    return net


def assert_engines_agree(weight=None, **options) -> None:
    first = trained(network(7, 5, 6, **options), "closed_form", weight=weight)
    second = trained(network(7, 5, 6, **options), "autograd", weight=weight)
    before = network(7, 5, 6, **options)
    for name, value in first.state_dict().items():
        # Relative too: a loss without bounds and a goodness without bounds take giant steps.
        torch.testing.assert_close(value, second.state_dict()[name], rtol=1e-9, atol=1e-9)
    assert not torch.equal(first.layers[2].block.bias, before.layers[2].block.bias)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("goodness", GOODNESS.values(), ids=GOODNESS)
def test_closed_form_as_autograd_with_every_goodness_and_loss(goodness, loss):
    assert_engines_agree(goodness=goodness, loss=loss, activation=nn.ReLU())


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("goodness", GOODNESS.values(), ids=GOODNESS)
def test_closed_form_as_autograd_with_every_goodness_and_activation(goodness, activation):
    assert_engines_agree(goodness=goodness, activation=activation)


OPTIONS = {
    "peer": {"peer": PeerNormalization(strength=0.3, decay=0.5)},
    "temperature": {"temperature": 0.3},
    "unit length": {"normalize": UnitLength()},
    "no normalisation": {"normalize": None},
    "normalisation of one's own": {"normalize": halved},
    "dropout": {"dropout": 0.4},
    "calibrated": {"threshold": "calibrated", "threshold_factor": 1.2},
    "width": {"threshold": "width"},
    "own goodness": {"goodness": lambda h: h.mean(1)},
    "own loss": {"loss": lambda pos, neg: (neg.mean(0) - pos).exp()},
    "own activation": {"activation": nn.Softsign},
    "two activations": {"activation": nn.Sequential(nn.ReLU(), nn.Tanh())},
    "in-place relu": {"activation": nn.ReLU(inplace=True)},
    "in-place leaky relu": {"activation": nn.LeakyReLU(inplace=True)},
    "in-place relu and peer": {"activation": nn.ReLU(inplace=True), "peer": PeerNormalization()},
    "linear units and peer": {
        "activation": nn.Identity,
        "goodness": lambda h: h.sum(1),
        "peer": PeerNormalization(),
    },
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("examples", EXAMPLES, ids=["append", "append 3", "overlay 2"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
def test_closed_form_as_autograd_with_every_option(options, examples, weight):
    assert_engines_agree(weight=weight, examples=examples, **options)


@pytest.mark.parametrize("gradients", ["closed_form", "autograd"])
def test_gradients_are_finite_differences_of_the_mean_loss(gradients):
    net = network(5, activation=nn.Tanh, loss=losses.SymBa(), temperature=0.7)
    layer, share = net.layers[0], WEIGHT / WEIGHT.sum()
    positive = net.examples.positive(X, Y)
    inputs = stack(positive, net.examples.negative(positive, Y, torch.Generator()))

    def objective() -> float:
        with torch.no_grad():
            margins = layer.margin(layer.goodness(layer(inputs.dense().flatten(0, 1))))
        return float(share @ layer.loss(margins[:10], margins[10:].view(-1, 10)))

    if gradients == "closed_form":
        outcome = closed_form(layer, Affine(layer, torch.float64), inputs, Targets(share))
    else:
        outcome = by_autograd(layer, inputs, Targets(share))
    assert float(outcome.figures.means[0]) == pytest.approx(objective())
    for weight in layer.block.parameters():
        flat, gradient = weight.data.view(-1), weight.grad.flatten()
        for index, middle in enumerate(flat.tolist()):
            ends = []
            for shift in (1e-5, -1e-5):
                flat[index] = middle + shift
                ends.append(objective())
            flat[index] = middle
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float(gradient[index]), abs=1e-8)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_layers_step_leaves_every_other_layer_alone(engine, index):
    net = network(7, 5, 6)
    before = copy.deepcopy(net)
    trainer = Trainer(net, engine=engine)
    trainer.train_layers(index, index)
    trainer.step(X, Y)
    for k, (layer, old) in enumerate(zip(net.layers, before.layers, strict=True)):
        assert torch.equal(layer.block.weight, old.block.weight) == (k != index)
        assert torch.equal(layer.block.bias, old.block.bias) == (k != index)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_no_layer_learns_from_those_above_it(engine):
    net, other = network(7, 5, 6), network(7, 5, 6)
    for weight in other.layers[1].parameters():
        weight.data.mul_(-3).add_(0.1)
    trained(net, engine)
    trained(other, engine)
    assert torch.equal(net.layers[0].block.weight, other.layers[0].block.weight)
    assert not torch.equal(net.layers[2].block.weight, other.layers[2].block.weight)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_no_graph_leaves_a_layer(engine):
    x = X.clone().requires_grad_()
    net = network(7, 5)
    statistics = Trainer(net, engine=engine).step(x, Y)
    assert x.grad is None
    assert not any(value.requires_grad for value in statistics.values())
    share = torch.full((10,), 0.1, dtype=torch.float64)
    positive = net.examples.positive(x, Y)
    both = stack(positive, net.examples.negative(positive, Y, torch.Generator()))
    layer = net.layers[0]
    closed = closed_form(layer, Affine(layer, torch.float64), both, Targets(share))
    for outcome in (closed, by_autograd(layer, both, Targets(share))):
        values = outcome.activities.h, *outcome.figures
        assert all(value.grad_fn is None for value in values)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_a_layer_learns_from_activities_before_the_step_below(engine):
    net = trained(network(7, 5), engine, steps=1)
    alone = network(7, 5)
    trainer = Trainer(alone, engine=engine, **SETTINGS)
    trainer.train_layers(1, 1)
    trainer.step(X, Y)
    torch.testing.assert_close(
        net.layers[1].block.weight, alone.layers[1].block.weight, rtol=0, atol=1e-12
    )
    alone = network(7, 5)
    alone.layers[0].load_state_dict(net.layers[0].state_dict())
    trained(alone, engine, steps=1)
    assert not torch.allclose(net.layers[1].block.weight, alone.layers[1].block.weight)


def test_peer_normalisation_reaches_silent_units_at_full_strength():
    layer = network(4, peer=PeerNormalization(strength=0.5, decay=0.0)).layers[0]
    layer.block.bias.data[0] = -1e3
    share = torch.full((10,), 0.1, dtype=torch.float64)
    positive = EXAMPLES[0].positive(X, Y)
    both = stack(positive, EXAMPLES[0].negative(positive, Y, torch.Generator()))
    closed_form(layer, Affine(layer, torch.float64), both, Targets(share))
    mean = layer(positive.dense()[0]).detach().mean(0)
    assert mean[0] == 0
    # Summed over the batch: independent of its size and of the layer's width.
    assert float(layer.block.bias.grad[0]) == pytest.approx(-0.5 * float(mean.mean()))


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_any_block_trains_and_torchs_random_state_stays(engine):
    block = nn.Sequential(
        nn.Linear(67, 64),
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.Dropout(0.3),
        nn.ReLU(),
    )
    layers = Layer(block, activation=None), Layer(nn.Linear(4 * 36, 5), loss=losses.log_sigmoid)
    net = Network(*layers, examples=AppendLabel(CLASSES)).double()
    again = copy.deepcopy(net)
    before = copy.deepcopy(list(net.parameters()))
    x = torch.rand(10, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for each in (net, again):
        torch.rand(1)
        state = torch.get_rng_state()
        trainer = Trainer(each, engine=engine, seed=5)
        for _ in range(2):
            trainer.step(x, Y)
        assert torch.equal(torch.get_rng_state(), state)
    assert not any(map(torch.equal, before, net.parameters()))
    assert all(map(torch.equal, again.state_dict().values(), net.state_dict().values()))
    assert int(block[3].num_batches_tracked) == 2


def test_activations_that_draw_numbers_leave_torchs_random_state_alone():
    net = network(7, 5, activation=nn.RReLU())
    state = torch.get_rng_state()
    trained(net, "closed_form")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("threshold", [0.5, "width", "calibrated"])
def test_a_goodness_with_parameters_trains_them(threshold):
    net = network(7, goodness=Weighted(7), threshold=threshold)
    before = [layer.goodness.importance.detach().clone() for layer in net.layers]
    trained(net, "closed_form", optimizer=torch.optim.Adam, weight_decay=0.0)
    for layer, old in zip(net.layers, before, strict=True):
        assert not torch.equal(layer.goodness.importance, old)


def test_a_prediction_by_a_goodness_with_parameters_has_no_graph():
    assert not network(7, goodness=Weighted(7)).goodness(X).requires_grad


def test_a_linear_block_of_ones_own_kind_goes_through_autograd():
    class Masked(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * 2

    plain, own = network(7, 5), network(7, 5)
    own.layers[0].block.__class__ = Masked
    own.layers[0].block.weight.data /= 2
    own.layers[0].block.bias.data /= 2
    for net in (plain, own):
        trained(net, "closed_form", weight_decay=0.0, steps=1)
    moved = network(7, 5).layers[0].block.weight / 2 - own.layers[0].block.weight
    plainly = network(7, 5).layers[0].block.weight - plain.layers[0].block.weight
    torch.testing.assert_close(moved, 2 * plainly)

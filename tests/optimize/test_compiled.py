"""Compiled kernels give the weights that `closed_form` and autograd give."""

import functools

import pytest
import torch
from torch import Tensor, nn

from forward_forward import losses
from forward_forward.examples import AppendLabel, OverlayLabel, Uniform
from forward_forward.forward import Layer, Network, PeerNormalization, UnitLength
from forward_forward.goodness import Minimised, PNorm, l2_norm, sum_of_squares
from forward_forward.optimize import Trainer, compiled, engine

pytestmark = [
    pytest.mark.skipif(not compiled.compiler(), reason="torch.compile needs a C++ compiler"),
    # torch's own, as it imports its compiler.
    pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning"),
]

CLASSES = 3
X = torch.rand(10, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(10) % CLASSES
WEIGHT = torch.linspace(0, 2, 10, dtype=torch.float64)
SIZES = (7, 5)


def network(*options: dict, examples=None, bias: bool = True) -> Network:
    """A network of two layers, each with options of its own: so one case tries two of each."""
    examples = examples or AppendLabel(CLASSES)
    rng, layers = torch.Generator().manual_seed(1), []
    widths = (examples.width(6), *SIZES)
    for inputs, units, given in zip(widths, SIZES, options, strict=False):
        linear = nn.Linear(inputs, units, bias=bias)
        for weight in linear.parameters():
            nn.init.normal_(weight, std=0.5, generator=rng)
        layers.append(Layer(linear, **{"threshold": 0.5, **given}))
    return Network(*layers, examples=examples).double()


def halved(x: Tensor) -> Tensor:
    """A normalisation that is no division by a length: no product is shared by the variants."""
    return x / 2 + 0.1


class Calls:
    """Counts the calls of a function that is still called."""

    def __init__(self, function) -> None:
        self.function, self.count = function, 0

    def __call__(self, *args: object) -> object:
        self.count += 1
        return self.function(*args)


def refuse(*_: object) -> None:
    raise AssertionError("the compiled kernels were not taken")


def start(make, **settings) -> Trainer:
    return Trainer(make(), optimizer=torch.optim.SGD, lr=0.3, seed=4, **settings)


def steps(*trainers: Trainer, rows: int = 10, weight: Tensor | None = None, count: int = 3) -> None:
    part = None if weight is None else weight[:rows]
    for each in trainers:
        for _ in range(count):
            each.step(X[:rows], Y[:rows], part)


def assert_same(first: Trainer, *others: Trainer) -> None:
    for other in others:
        for name, value in first.network.state_dict().items():
            expected = other.network.state_dict()[name]
            torch.testing.assert_close(value, expected, rtol=0, atol=1e-9)


CASES = {
    "relu, radial, appended": {
        "options": ({"loss": losses.SiluPair()}, {"goodness": l2_norm, "loss": losses.sigmoid}),
        "examples": AppendLabel(CLASSES, strength=0.7, negatives=Uniform(count=2)),
        "weight": WEIGHT,
    },
    "overlaid, temperature": {
        "options": (
            {"goodness": l2_norm, "loss": losses.log_sigmoid, "temperature": 0.3},
            {"goodness": PNorm(4), "loss": losses.SymBa(), "normalize": UnitLength()},
        ),
        "examples": OverlayLabel(CLASSES, strength=2.0),
    },
    "tanh and linear units, no bias": {
        "options": (
            {"activation": nn.Tanh, "goodness": PNorm(4), "loss": losses.log_sigmoid},
            {"activation": nn.Identity, "goodness": Minimised(sum_of_squares), "normalize": None},
        ),
        "bias": False,
        "weight": WEIGHT,
    },
    "no normalisation, dropout": {
        "options": (
            {
                "activation": nn.Identity,
                "loss": losses.log_sigmoid_literal,
                "normalize": None,
                "dropout": 0.3,
            },
            {"activation": nn.Tanh, "loss": losses.SymBa(), "dropout": 0.3},
        ),
        "examples": OverlayLabel(CLASSES, negatives=Uniform(count=3)),
    },
    "a goodness and a normalisation of one's own": {
        "options": ({"goodness": lambda h: h.square().sum(1).tanh(), "normalize": halved},),
    },
}


@pytest.mark.parametrize("case", CASES)
def test_compiled_kernels_give_the_same_weights(case, monkeypatch):
    options, weight = dict(CASES[case]), CASES[case].get("weight")
    make = functools.partial(network, *options.pop("options"))
    options.pop("weight", None)
    make = functools.partial(make, **options)
    by_hand, by_graph = start(make), start(make, engine="autograd")
    statistics = by_hand.step(X, Y, weight)
    steps(by_graph, weight=weight, count=1)
    steps(by_hand, by_graph, weight=weight, count=2)
    steps(by_hand, by_graph, rows=7, weight=weight, count=1)
    steps(by_hand, by_graph, weight=weight, count=1)
    fast = start(make, compile=True)
    assert fast.settings["compile"] is True
    monkeypatch.setattr(engine, "closed_form", refuse)
    monkeypatch.setattr(engine, "by_autograd", refuse)
    with monkeypatch.context() as patched:
        patched.setattr(compiled, "closed_form", refuse)
        first = fast.step(X, Y, weight)
        kept = {name: value.clone() for name, value in first.items()}
        steps(fast, weight=weight, count=2)
    assert set(first) == set(statistics)
    for name, value in statistics.items():
        torch.testing.assert_close(kept[name], value, rtol=0, atol=1e-9)
        assert torch.equal(first[name], kept[name])  # later steps write elsewhere
        assert not first[name].requires_grad
    # The last batch of an epoch is smaller: it goes the other way, and the next one back.
    left = Calls(compiled.closed_form)
    monkeypatch.setattr(compiled, "closed_form", left)
    steps(fast, rows=7, weight=weight, count=1)
    assert left.count == len(fast.network.layers)
    steps(fast, weight=weight, count=1)
    assert left.count == len(fast.network.layers)
    assert_same(fast, by_hand, by_graph)
    before = make().layers[-1].block.weight
    assert not torch.allclose(fast.network.layers[-1].block.weight, before, atol=1e-4)


def test_compiled_bfloat16_products_stay_near_those_that_are_not_compiled():
    def make() -> Network:
        return network({"goodness": l2_norm}, {"goodness": PNorm(4)}).float()

    exact, plain, fast = (
        start(make),
        start(make, precision="bfloat16"),
        start(make, precision="bfloat16", compile=True),
    )
    for each in (exact, plain, fast):
        for _ in range(3):
            each.step(X.float(), Y)
    for index in range(2):
        at = [each.network.layers[index].block.weight.detach() for each in (exact, plain, fast)]
        change = float((at[0] - make().layers[index].block.weight.detach()).norm())
        assert float((at[2] - at[0]).norm()) < 0.05 * change
        assert float((at[2] - at[1]).norm()) < 0.05 * change


OTHERS = {
    "GELU": {"activation": nn.GELU},
    "peer": {"peer": PeerNormalization(strength=0.3, decay=0.5)},
    "two activations": {"activation": nn.Sequential(nn.ReLU(), nn.Tanh())},
}


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_what_cannot_be_compiled_goes_the_other_way(options, monkeypatch):
    make = functools.partial(network, options, options)
    by_hand, by_graph, fast = start(make), start(make, engine="autograd"), start(make, compile=True)
    left = Calls(compiled.closed_form)
    monkeypatch.setattr(compiled, "closed_form", left)
    steps(by_hand, by_graph)
    assert left.count == 0
    steps(fast)
    assert left.count == 3 * len(SIZES)
    assert_same(fast, by_hand, by_graph)


def test_other_blocks_are_never_compiled(monkeypatch):
    monkeypatch.setattr(compiled.Compiled, "__call__", refuse)

    def conv() -> Network:
        net = network({})
        blocks = nn.Sequential(nn.Linear(7, 4), nn.ReLU(), nn.Dropout(0.2)).double()
        return Network(
            Layer(nn.Sequential(net.layers[0].block), threshold=0.5),
            Layer(blocks, activation=None, threshold=0.5),
            examples=net.examples,
        ).double()

    steps(start(conv, compile=True), count=1)


def test_the_autograd_engine_is_not_compiled():
    with pytest.raises(ValueError, match="compile"):
        start(functools.partial(network, {}, {}), engine="autograd", compile=True)


@pytest.mark.parametrize("case", ["relu, radial, appended", "tanh and linear units, no bias"])
def test_compiled_kernels_leave_out_the_same_samples(case, monkeypatch):
    options = dict(CASES[case])
    weight = options.pop("weight")
    make = functools.partial(network, *options.pop("options"), **options)
    by_hand, full = start(make, skip=0.5), start(make)
    fast = start(make, skip=0.5, compile=True)
    steps(by_hand, full, weight=weight)
    monkeypatch.setattr(engine, "closed_form", refuse)
    monkeypatch.setattr(compiled, "closed_form", refuse)
    steps(fast, weight=weight)
    assert_same(fast, by_hand)
    mine, every = (each.network.layers[0].block.weight for each in (fast, full))
    assert not torch.allclose(mine, every, atol=1e-6)


def alike(loss, goodness=sum_of_squares) -> Network:
    """Two layers of the same size, with other parts in the second."""
    rng, layers = torch.Generator().manual_seed(2), []
    parts = ({"loss": loss, "goodness": goodness}, {"loss": losses.SymBa(2.0)})
    for given in parts:
        linear = nn.Linear(9, 9)
        for weight in linear.parameters():
            nn.init.normal_(weight, std=0.5, generator=rng)
        layers.append(Layer(linear, threshold=0.5, **given))
    return Network(*layers, examples=AppendLabel(CLASSES)).double()


def test_no_layer_or_trainer_runs_the_kernels_of_another():
    for loss in (losses.sigmoid, losses.log_sigmoid):
        make = functools.partial(alike, loss)
        compiled_one, by_hand = start(make, compile=True), start(make)
        steps(compiled_one, by_hand)
        for mine, other in zip(
            compiled_one.network.parameters(), by_hand.network.parameters(), strict=True
        ):
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-9)

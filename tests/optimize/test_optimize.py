"""The trainer: what a step and an epoch do to the weights, and that they learn something."""

import copy
import functools
import itertools
import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from forward_forward import datasets, goodness, losses, predict
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, FromGoodness, FromSoftmax, Uniform
from forward_forward.forward import Layer, Network, PeerNormalization, mlp
from forward_forward.optimize import AveragedSGD, Trainer, Warmup, constant, cosine, half_cooldown
from forward_forward.optimize.checks import Diverged
from forward_forward.recurrent import RecurrentNetwork
from forward_forward.track import Callback

CLASSES = 3
X = torch.rand(12, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % CLASSES
DATA = Data(X, Y, ("a", "b", "c"))


@dataclass(frozen=True)
class Next:
    """A strategy of one's own: the next ``count`` labels, perhaps none."""

    count: int = 1
    scores = "nothing"
    fraction = 0.0

    def __call__(self, y: Tensor, classes: int, rng: torch.Generator, scores: Tensor) -> Tensor:
        return (y + torch.arange(1, self.count + 1)[:, None]) % classes


def network(*, negatives=Next(), head: bool = False, **options) -> Network:
    examples = AppendLabel(CLASSES, negatives=negatives)
    layer = functools.partial(Layer, **{"threshold": 0.5, **options})
    return mlp(6, 9, 8, num_classes=CLASSES, examples=examples, layer=layer, head=head)


def weights(net: Network) -> list[Tensor]:
    return [weight.detach().clone() for weight in net.parameters()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(map(torch.equal, first, second))


@pytest.mark.parametrize("optimizer", [AveragedSGD, torch.optim.AdamW, torch.optim.SGD])
def test_weights_decay_and_biases_do_not(optimizer):
    without, with_decay = network(), network()
    for net in (without, with_decay):
        for layer in net.layers:
            layer.block.bias.data.fill_(0.5)
    for net, decay in ((without, 0.0), (with_decay, 0.5)):
        Trainer(net, optimizer=optimizer, lr=0.01, weight_decay=decay).step(X, Y)
    for plain, decayed in zip(without.layers, with_decay.layers, strict=True):
        assert torch.equal(plain.block.bias, decayed.block.bias)
        assert not torch.equal(plain.block.weight, decayed.block.weight)


def test_schedules_are_their_formulas_and_hintons_gains():
    gains = [half_cooldown(epoch, 3) for epoch in (0, 0.9, 1, 2, 2.9)]
    assert gains == [1, 1, 1, 1 / 3, 1 / 3]
    assert [half_cooldown(epoch, 100) for epoch in (49, 50, 99)] == [1, 0.99, 0.01]
    assert [cosine(t, 8) for t in (0, 4, 8)] == pytest.approx([1, 0.5, 0])
    assert constant(7, 8) == 1
    rise = Warmup(cosine, epochs=2)
    assert [rise(t, 8) for t in (0, 1, 4)] == pytest.approx([0, cosine(1, 8) / 2, 0.5])
    assert Warmup(constant, epochs=0)(0, 8) == 1


def test_the_rate_follows_the_schedule_from_its_start():
    trainer = Trainer(network(head=True), lr=0.2, head_lr=3.0)
    for factor in (0.5, 0.25):
        trainer.set_rate(factor)
        rates = {n: o.param_groups[0]["lr"] for n, o in trainer.all_optimizers.items()}
        assert rates == {"layer0": 0.2 * factor, "layer1": 0.2 * factor, "head": 3.0 * factor}


@pytest.mark.parametrize("negatives", [Uniform(2), FromSoftmax()])
def test_the_seed_alone_decides(negatives):
    results = []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        net = network(negatives=negatives, head=True, dropout=0.3)
        trainer = Trainer(net, seed=seed, lr=0.01)
        trainer.step(X, Y)
        trainer.fit(DATA, epochs=2, batch_size=5)
        assert torch.equal(torch.get_rng_state(), before)
        results.append(weights(net))
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_the_greedy_order_trains_one_layer_at_a_time():
    net = network()
    seen = [weights(net)]

    class Watch(Callback):
        def epoch(self, row):
            assert len(row["loss"]) == 1
            seen.append(weights(net))

    trainer = Trainer(net, order="greedy", lr=0.01)
    trainer.fit(DATA, epochs=4, batch_size=4, callbacks=[Watch()])
    for epoch, (before, after) in enumerate(itertools.pairwise(seen)):
        for index in range(2):
            part = slice(2 * index, 2 * index + 2)
            assert same(before[part], after[part]) == (index != epoch // 2)
    with pytest.raises(ValueError, match="epochs expects at least 2"):
        Trainer(network(), order="greedy").fit(DATA, epochs=1)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_a_part_put_in_after_the_trainer_was_built_is_refused_if_it_would_never_learn(engine):
    trainer = Trainer(network(), engine=engine)
    trainer.step(X, Y)
    trainer.network.layers[1].activation = nn.PReLU()
    with pytest.raises(ValueError, match=r"layer 2 .* activation\.weight would .*new Trainer"):
        trainer.step(X, Y)
    trainer.network.layers[1].activation = nn.GELU()  # it has nothing to learn
    trainer.step(X, Y)


def test_negatives_drawn_from_an_unknown_source_are_refused():
    class Misspelt(Next):
        scores = "goodnes"

    for make in (
        lambda: network(negatives=Misspelt()),
        lambda: RecurrentNetwork(
            6, 9, num_classes=CLASSES, examples=AppendLabel(CLASSES, negatives=Misspelt())
        ),
    ):
        with pytest.raises(ValueError, match=r"scores .* first layer, got 'goodnes'"):
            make()


def test_statistics_are_those_of_a_naive_pass():
    net = network(negatives=Next(2), loss=losses.log_sigmoid, goodness=goodness.l2_norm)
    net.layers[0].block.bias.data[:3] = -9.0
    before, weight = copy.deepcopy(net), torch.linspace(0, 1, 12)
    statistics = Trainer(net).step(X, Y, weight)
    share = weight / weight.sum()
    rows = [before.examples.positive(X, Y).dense()[0]]
    rows += before.examples.negative(X, Y, torch.Generator()).dense()
    for index, layer in enumerate(before.layers):
        rows = [layer(each).detach() for each in rows]
        pos, *neg = (each.norm(dim=1) for each in rows)
        neg = torch.stack(neg)
        expected = {
            "loss": share @ layer.loss(pos - 0.5, neg - 0.5),
            "goodness_positive": share @ pos,
            "goodness_negative": share @ neg.mean(0),
            "separation": share @ (pos > neg).float().mean(0),
            "silent_units": (rows[0] == 0).all(0).float().mean(),
        }
        assert set(statistics) == set(expected)
        for name, value in expected.items():
            assert statistics[name].shape == (2,)
            torch.testing.assert_close(statistics[name][index], value)
    assert float(statistics["silent_units"][0]) >= 3 / 9


def test_bfloat16_products_train_and_stay_near_float32():
    exact, fast = (network(head=True) for _ in range(2))
    for net, precision in ((exact, "float32"), (fast, "bfloat16")):
        trainer = Trainer(net, precision=precision, optimizer=AveragedSGD, lr=0.5)
        for _ in range(5):
            trainer.step(X, Y)
    start = network()
    for a, b, c in zip(exact.layers, fast.layers, start.layers, strict=True):
        assert b.block.weight.dtype == torch.float32
        change = (a.block.weight - c.block.weight).norm()
        assert 0 < (a.block.weight - b.block.weight).norm() < 0.05 * change


def test_a_run_that_diverges_is_stopped_with_the_layer_named():
    net = network(goodness=goodness.sum_of_squares, loss=losses.log_sigmoid, normalize=None)
    trainer = Trainer(net, optimizer=torch.optim.SGD, lr=1e30)
    with pytest.raises(Diverged, match=r"of layer [12] is (nan|-?inf) in epoch 1: lower.*1e\+30"):
        trainer.fit(DATA, epochs=3, batch_size=4)


def test_training_without_any_negatives_does_not_count_as_divergence():
    net = network(negatives=Next(0), loss=losses.log_sigmoid)
    before = weights(net)
    Trainer(net).fit(DATA, epochs=1)
    assert not same(before, weights(net))


MISTAKES = {
    "one of 'joint', 'greedy', 'overlapping'": lambda: Trainer(network(), order="random"),
    '"closed_form" or "autograd"': lambda: Trainer(network(), engine="backprop"),
    '"float32" or "bfloat16"': lambda: Trainer(network(), precision="float8"),
    "weight_decay=0.1": lambda: Trainer(network(), optimizer=torch.optim.Rprop, weight_decay=0.1),
    "average from 0 to below 1": lambda: AveragedSGD([nn.Parameter(torch.zeros(1))], average=1.0),
    "first <= last < 2": lambda: Trainer(network()).train_layers(1, 2),
    "epochs expects at least 1": lambda: Trainer(network()).fit(DATA, epochs=0),
    "batch_size expects at least 1": lambda: Trainer(network()).fit(DATA, epochs=1, batch_size=0),
    "lr expects a finite number .* got -1: such as lr=": lambda: Trainer(network(), lr=-1),
    "lr expects .* got inf": lambda: Trainer(network(head=True), head_lr=math.inf),
    "num_classes=4": lambda: Trainer(network()).fit(Data(X, Y, tuple("abcd")), epochs=1),
    r"y\.long\(\)": lambda: Trainer(network()).step(X, Y.float()),
    "floating-point": lambda: Trainer(network()).step((255 * X).byte(), Y),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_answered_with_what_to_do(message):
    with pytest.raises(ValueError, match=message):
        MISTAKES[message]()


def test_a_trainer_goes_where_it_is_told():
    assert Trainer(network(head=True), device="cpu").step(X, Y)["loss"].device.type == "cpu"
    trainer = Trainer(network(head=True), optimizer=AveragedSGD, device="meta")
    assert {each.device.type for each in trainer.network.parameters()} == {"meta"}


@pytest.mark.parametrize("negatives", [Uniform(), FromSoftmax(), FromGoodness(fraction=0.5)])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU])
def test_a_step_reads_nothing_back_from_the_device(negatives, activation):
    net = network(negatives=negatives, head=True, activation=activation, peer=PeerNormalization())
    trainer = Trainer(net, optimizer=AveragedSGD, device="meta")
    trainer._calibrated = True  # the first step of all may ask
    # Tensors on "meta" have no values: whatever waits for one fails.
    assert trainer.step(X, Y)["loss"].device.type == "meta"


digits = functools.cache(datasets.digits)


def test_fit_takes_one_step_a_batch():
    trainer = Trainer(network())
    trainer.fit(DATA, epochs=3, batch_size=5)
    assert trainer.steps == 3 * math.ceil(12 / 5)


def test_the_best_epoch_is_chosen_by_validation(monkeypatch):
    asked, errors = [], iter([30.0, 10.0, 20.0, 10.0])

    def scripted(network, source, **settings):
        asked.append(len(source))
        return {"goodness_error": torch.tensor(next(errors))}, 100.0

    monkeypatch.setattr(predict, "count_errors", scripted)
    fitted = Trainer(network()).fit(DATA, epochs=4, validation=(X[:7], Y[:7]))
    # Of two equal ones the later: on little data many are equal by chance.
    assert (fitted.best_epoch, fitted.validation_error) == (4, 10.0)
    assert 0 < fitted.validation_seconds < fitted.seconds
    assert asked == [7] * 4


@pytest.mark.parametrize(
    ("optimizer", "lr"),
    [
        (functools.partial(torch.optim.SGD, momentum=0.9), 0.1),
        (torch.optim.RMSprop, 1e-3),
        (torch.optim.Adam, 1e-3),
        (torch.optim.AdamW, 1e-3),
        (AveragedSGD, 0.5),
    ],
)
def test_every_optimiser_lowers_every_layers_loss(optimizer, lr):
    trainer = Trainer(mlp(64, 60, 40, num_classes=10), optimizer=optimizer, lr=lr)
    history = trainer.fit(digits()[0].first(600), epochs=4, batch_size=32).history
    for first, last in zip(history[0]["loss"], history[-1]["loss"], strict=True):
        assert last < 0.9 * first


POSTER = {"goodness": goodness.l2_norm, "loss": losses.sigmoid}


@pytest.mark.parametrize("options", [{}, POSTER], ids=["defaults", "poster"])
def test_digits_are_learned(options):
    train, test = digits()
    net = mlp(64, 200, 200, num_classes=10, layer=functools.partial(Layer, **options))
    Trainer(net, optimizer=torch.optim.Adam, lr=3e-3).fit(train, epochs=25, batch_size=64)
    assert predict.evaluate(net, test)["error"] < 10

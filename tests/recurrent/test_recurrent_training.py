"""The recurrent network in training: what moves, what is drawn, what is refused, what it learns."""

import pytest
import torch
from tests.recurrent.transcription import CLASSES, Transcription, X, Y, network, stepped, weights
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from forward_forward import datasets, examples, goodness, losses, seeds
from forward_forward.examples import AppendLabel, OverlayLabel
from forward_forward.forward import mlp
from forward_forward.optimize import Trainer
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer, multiply_adds


def test_fixed_top_down_weights_never_move():
    net = network(7, 5, 4, top_down="fixed", label="top")
    before = weights(net)
    trainer = RecurrentTrainer(net, optimizer=torch.optim.AdamW, lr=0.1, weight_decay=0.5)
    for _ in range(3):
        trainer.step(X, Y)
    after = weights(net)
    fixed = {name for name in before if torch.equal(before[name], after[name])}
    assert fixed == {"feedback.0.weight", "feedback.1.weight"}


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_a_calibrated_threshold_is_the_mean_goodness_over_the_scored_iterations(factor):
    net = network(7, 5, threshold="calibrated", threshold_factor=factor, scored=(2, 4))
    seen = list(net.states(net.examples.positive(X, Y)))[2:5]
    assert not net.calibrated
    stepped(net)
    for index, layer in enumerate(net.layers):
        rated = torch.stack([goodness.l2_norm(states[index]) for states in seen])
        torch.testing.assert_close(layer.threshold_value, factor * rated.mean())


def test_thresholds_are_calibrated_once_and_numbers_stay():
    net = network(7, 5, threshold="width", goodness=goodness.sum_of_squares)
    net.calibrate(X, Y)
    net.calibrate(X / 2, Y)
    assert [layer.threshold_value.item() for layer in net.layers] == pytest.approx([7, 5])
    fixed = network(7, threshold=1.25)
    fixed.calibrate(X, Y)
    assert fixed.layers[0].threshold_value.item() == 1.25


def test_a_rate_is_a_factor_of_the_first():
    nets = [network(7, 5) for _ in range(2)]
    first = RecurrentTrainer(nets[0], optimizer=torch.optim.SGD, lr=0.2)
    first.set_rate(3.0)
    first.set_rate(0.5)
    first.step(X, Y)
    RecurrentTrainer(nets[1], optimizer=torch.optim.SGD, lr=0.1).step(X, Y)
    for name, weight in weights(nets[0]).items():
        torch.testing.assert_close(weight, weights(nets[1])[name], rtol=0, atol=1e-12)


HARD = [examples.FromGoodness(fraction=0.6), examples.FromFirstLayer(temperature=1.0)]


@pytest.mark.parametrize("negatives", [examples.Uniform(count=2), *HARD], ids=repr)
@pytest.mark.parametrize("activation", [nn.ReLU, nn.RReLU])
@pytest.mark.parametrize("label", ["image", "top"])
def test_the_same_seed_gives_the_same_bits_and_global_randomness_stays(
    negatives, activation, label
):
    state, results = torch.random.get_rng_state(), []
    for seed in (0, 0, 1):
        made = AppendLabel(CLASSES, negatives=negatives)
        net = network(7, 5, examples=made, activation=activation, label=label)
        trainer = RecurrentTrainer(net, lr=0.1, seed=seed)
        for _ in range(3):
            trainer.step(X, Y)
        results.append([*weights(net).values(), net.goodness(X)])
    assert torch.equal(state, torch.random.get_rng_state())
    first, same, other = results
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_hard_negatives_are_drawn_from_the_scores_that_they_name():
    cold = examples.FromFirstLayer(temperature=1e-9)
    # So cold that the wrong label of largest goodness in the first layer is always taken.
    net = network(7, 5, examples=AppendLabel(CLASSES, negatives=cold))
    scores = net.goodness_by_layer(X)[0].scatter(1, Y[:, None], -torch.inf)
    hardest = Transcription(net, torch.stack([Y, scores.argmax(1)])).learn(1, 5)
    torch.testing.assert_close(stepped(net)["goodness_negative"], hardest[2])


def test_weights_begin_from_the_seed():
    first, same, other = (
        RecurrentNetwork(6, 7, 5, num_classes=CLASSES, label="top", seed=seed) for seed in (0, 0, 1)
    )
    for name, weight in weights(first).items():
        assert torch.equal(weight, weights(same)[name])
        assert "bias" in name or not torch.equal(weight, weights(other)[name])


def test_a_network_is_kept_by_its_state():
    net, other = network(7, 5, label="top"), network(7, 5, label="top", threshold=9.0, seed=3)
    stepped(net)
    other.load_state_dict(net.state_dict())
    assert torch.equal(net.goodness(X), other.goodness(X))
    assert other.layers[0].threshold_value.item() == 1.5


def test_modes_stay_as_they_were():
    net = network(7, 5, activation=nn.RReLU)
    net.layers[1].eval()
    net.predict(X)
    next(net.states(net.examples.positive(X, Y)))
    assert [layer.training for layer in net.layers] == [True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": ()}, "at least one hidden layer, each 1 or more, got \\(\\)"),
        ({"label": "bottom"}, 'label expects one of "image", "top", got \'bottom\''),
        ({"top_down": "none"}, "top_down expects one of .*, got 'none'"),
        ({"update": "random"}, "update expects one of .*, got 'random'"),
        ({"damping": 1.0}, "damping expects a fraction from 0 to below 1, got 1.0"),
        ({"scored": (3, 9)}, "scored expects 1 <= first <= last <= 5 iterations, got"),
        ({"scored": (0, 2)}, "scored expects 1 <= first"),
        ({"temperature": 0.0}, "temperature > 0"),
        ({"threshold": "mean"}, "threshold expects a number"),
        ({"activation": nn.PReLU}, "other parts without weights"),
        ({"examples": AppendLabel(4)}, "expects examples with 3 labels"),
        ({"examples": examples.HybridImages((2, 3))}, "expects examples with 3 labels"),
        ({"label": "top", "examples": OverlayLabel(CLASSES)}, "leave the image whole"),
        (
            {"examples": AppendLabel(CLASSES, negatives=examples.FromSoftmax())},
            "no softmax head to draw negatives from",
        ),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    options = {"hidden": (7, 5), **options}
    with pytest.raises(ValueError, match=message):
        network(*options.pop("hidden"), **options)


@pytest.mark.parametrize("learned", [(0, 3), (4, 3), (3, 6)])
def test_iterations_that_are_not_run_cannot_be_learned_from(learned):
    with pytest.raises(ValueError, match="learned expects 1 <= first <= last <= 5"):
        RecurrentTrainer(network(7, 5), learned=learned)


def test_samples_that_do_not_fit_are_refused():
    net = network(7, 5, label="top")
    with pytest.raises(ValueError, match="the layer expects 6 inputs"):
        net.predict(X[:, :5])
    with pytest.raises(ValueError, match="expected as floating-point numbers"):
        net.predict(X.to(torch.uint8))
    with pytest.raises(ValueError, match="label part follows the image, got one at column 0"):
        next(net.states(OverlayLabel(CLASSES).positive(X, Y)))


def added_product(total, first, second, **_):
    return 2 * first[0] * first[1] * second[1]


IN_PLACE = {torch.ops.aten.addmm_: added_product}  # torch's counter does not know it


@pytest.mark.parametrize("top_down", ["learned", "zero", "fixed"])
@pytest.mark.parametrize("label", ["image", "top"])
def test_multiply_adds_are_those_that_are_taken(label, top_down):
    # Lookups of labels are left out of the count, so there are few of them here.
    net = RecurrentNetwork(400, 300, 200, 100, num_classes=2, label=label, top_down=top_down)
    x, y = torch.rand(64, 400), torch.arange(64) % 2
    other = Trainer(mlp(400, 300, 200, 100, num_classes=2, examples=AppendLabel(2)))
    for learned in (None, (2, 4)):
        counted = multiply_adds(net, learned=learned)
        for trainer, expected in (
            (RecurrentTrainer(net, learned=learned), counted.recurrent),
            (other, counted.feed_forward),
        ):
            trainer.step(x, y)  # the first one also calibrates
            with FlopCounterMode(display=False, custom_mapping=IN_PLACE) as counter:
                trainer.step(x, y)
            assert counter.get_total_flops() / 2 / 64 == pytest.approx(expected, rel=0.03)


def error_on_digits(**options) -> float:
    """Test error in percent after a few seconds of training."""
    train, test = datasets.digits()
    x, y = train.inputs.flatten(1), train.labels
    net = RecurrentNetwork(64, 50, 50, num_classes=10, **options)
    trainer = RecurrentTrainer(net, lr=3e-3)
    for epoch in range(5):
        for rows in torch.randperm(len(y), generator=seeds.generator(epoch)).split(64):
            trainer.step(x[rows], y[rows])
    return 100 * (net.predict(test.inputs.flatten(1)) != test.labels).double().mean().item()


PAIRS = {"loss": losses.SiluPair(), "goodness": goodness.mean_square}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"label": "top", **PAIRS}, 15.0),
        ({"label": "image", **PAIRS}, 15.0),
        ({"label": "top", "update": "alternating", **PAIRS}, 15.0),
        ({"label": "top", "top_down": "fixed"}, 25.0),
        ({"label": "top"}, 50.0),
    ],
    ids=str,
)
def test_digits_are_learned_where_chance_errs_in_90_percent(options, most):
    assert error_on_digits(**options) < most

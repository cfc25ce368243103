"""The recurrent network: states, gradients and goodness are those of a plain transcription."""

import pytest
import torch
from tests.recurrent.transcription import (
    BATCH,
    CLASSES,
    EVERY_LABEL,
    OVERLAID,
    Transcription,
    X,
    Y,
    last_states,
    network,
    stepped,
    weights,
)
from torch import nn

from forward_forward import goodness, losses
from forward_forward.examples import AppendLabel
from forward_forward.forward import Network, UnitLength, mlp
from forward_forward.recurrent import RecurrentNetwork


def cubes(h):
    """A goodness of one's own, without a slope."""
    return h.abs().pow(3).mean(1)


def unchanged(x):
    """A normalisation that returns the very memory of its input."""
    return x


def halved(x):
    """A normalisation of one's own, with no divisor for the engine to use."""
    return x / 2 + 0.1


def assert_transcribed(*hidden, learned=None, **options):
    net = network(*hidden, **options)
    reference, before = Transcription(net, EVERY_LABEL), weights(net)
    figures = reference.learn(*(learned or (1, net.iterations)))
    statistics = stepped(net, learned=learned)
    for name, weight in reference.weights.items():
        expected = 0 if weight.grad is None else weight.grad
        moved = before[name] - net.get_parameter(name)
        torch.testing.assert_close(moved, torch.zeros_like(moved) + expected, rtol=0, atol=1e-9)
    for name, row in zip(("loss", "goodness_positive", "goodness_negative"), figures, strict=True):
        torch.testing.assert_close(statistics[name], row, rtol=0, atol=1e-9)
    trained = [weight.grad for weight in reference.weights.values() if weight.requires_grad]
    assert all(gradient.any() for gradient in trained)


@pytest.mark.parametrize("label", ["image", "top"])
@pytest.mark.parametrize("update", ["synchronous", "alternating"])
@pytest.mark.parametrize("top_down", ["learned", "zero", "fixed"])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU])
@pytest.mark.parametrize("rated", [goodness.l2_norm, goodness.mean_square], ids=repr)
def test_a_step_is_the_transcriptions(label, update, top_down, activation, rated):
    parts = {"activation": activation, "goodness": rated}
    if (label, top_down) == ("top", "zero"):  # the lower layers see no label, and learn nothing
        parts["loss"] = losses.log_sigmoid
    assert_transcribed(7, 5, 4, label=label, update=update, top_down=top_down, **parts)


def written(options):
    return ", ".join(
        f"{name}={getattr(value, '__name__', value)}" for name, value in options.items()
    )


@pytest.mark.parametrize(
    "options",
    [
        {"normalize": None},
        {"normalize": unchanged},
        {"normalize": halved},
        {"normalize": UnitLength()},
        {"normalize": halved, "label": "top"},
        {"normalize": None, "label": "top"},
        {"examples": OVERLAID},
        {"damping": 0.0},
        {"learned": (2, 4)},
        {"learned": (3, 3), "label": "top"},
        {"goodness": cubes},
        {"goodness": cubes, "activation": nn.Tanh},
        {"goodness": goodness.PNorm(3.0), "activation": nn.Identity, "label": "top"},
        {"loss": losses.SiluPair(), "activation": nn.Sigmoid},
    ],
    ids=written,  # an address in a name would differ between processes
)
def test_a_step_with_other_parts_is_the_transcriptions(options):
    assert_transcribed(7, 5, **options)


@pytest.mark.parametrize("label", ["image", "top"])
def test_a_single_layer_has_no_neighbours(label):
    net = network(7, label=label)
    assert len(net.feedback) == 0
    assert_transcribed(7, label=label)


@pytest.mark.parametrize("update", ["synchronous", "alternating"])
@pytest.mark.parametrize("label", ["image", "top"])
def test_states_are_the_transcriptions(update, label):
    net = network(7, 5, 4, update=update, label=label)
    reference, seen = Transcription(net, Y[None]), 0
    for states in net.states(net.examples.positive(X, Y)):
        if seen:
            reference.iterate()
        for state, expected in zip(states, reference.states, strict=True):
            torch.testing.assert_close(state, expected, rtol=0, atol=1e-12)
        seen += 1
    assert seen == net.iterations + 1


def test_the_two_updates_differ():
    first, second = (network(7, 5, update=each) for each in ("synchronous", "alternating"))
    assert all(
        not torch.allclose(a, b)
        for a, b in zip(last_states(first), last_states(second), strict=True)
    )


@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_without_top_down_weights_the_states_are_those_of_a_feed_forward_network(damping):
    net = network(7, 5, 4, top_down="zero", damping=damping)
    expected = Network(*net.layers, examples=net.examples)(net.examples.positive(X, Y))
    for state, each in zip(last_states(net), expected, strict=True):
        torch.testing.assert_close(state, each, rtol=0, atol=1e-9)


def test_without_top_down_weights_the_weights_are_those_of_mlp():
    net = RecurrentNetwork(6, 7, 5, num_classes=CLASSES, top_down="zero", seed=4)
    other = mlp(6, 7, 5, num_classes=CLASSES, examples=AppendLabel(CLASSES), seed=4)
    for mine, theirs in zip(net.layers, other.layers, strict=True):
        torch.testing.assert_close(mine.block.weight, theirs.block.weight, rtol=1e-6, atol=0)


@pytest.mark.parametrize("label", ["image", "top"])
@pytest.mark.parametrize("top_down", ["learned", "fixed", "zero"])
def test_a_change_at_the_top_reaches_the_first_layer_through_top_down_weights_alone(
    top_down, label
):
    net, other = (network(7, 5, 4, top_down=top_down, label=label) for _ in range(2))
    with torch.no_grad():
        other.layers[-1].block.weight.mul_(-1)
    same = top_down == "zero"
    assert torch.equal(last_states(net)[0], last_states(other)[0]) == same
    stepped(net)
    stepped(other)
    assert torch.equal(net.layers[0].block.weight, other.layers[0].block.weight) == same


def test_total_inputs_start_with_variance_one():
    net = RecurrentNetwork(400, 300, 200, num_classes=10, label="top", activation=nn.Identity)
    above = [net.feedback[0].weight, net.label_map.weight]
    for layer, weight in zip(net.layers, above, strict=True):
        total = layer.block.weight.square().sum(1).mean() + weight.square().sum(1).mean()
        assert total.item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("scored", [(1, 1), (2, 4), (5, 5)])
def test_labels_are_read_from_the_scored_iterations(scored):
    net = network(7, 5, scored=scored, label="top")
    expected = torch.zeros(2, BATCH, CLASSES, dtype=torch.float64)
    for label in range(CLASSES):
        reference = Transcription(net, torch.full((1, BATCH), label))
        for iteration in range(1, scored[1] + 1):
            reference.iterate()
            if iteration >= scored[0]:
                rated = [goodness.l2_norm(state) for state in reference.states]
                expected[:, :, label] += torch.stack(rated) / (scored[1] - scored[0] + 1)
    torch.testing.assert_close(net.goodness_by_layer(X), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(net.goodness(X), expected.sum(0))
    assert torch.equal(net.predict(X), expected.sum(0).argmax(1))
    assert net.goodness_by_iteration(X).shape == (5, 2, BATCH, CLASSES)


def test_many_samples_are_read_in_parts():
    net, x = network(7, 5), X.repeat(200, 1)
    torch.testing.assert_close(net.goodness(x), net.goodness(X).repeat(200, 1))

"""Models of torch become local layers, and say what became of each part."""

import functools
import warnings

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from tests.conversion.convertible import attention, mlp, resnet, transformer, vgg
from torch import nn

import forward_forward as ff
from forward_forward import losses, predict
from forward_forward.conversion.widen import widened
from forward_forward.optimize import cosine


@pytest.fixture(scope="module")
def digits():
    """Training and test digits, and the test error of a linear classifier."""
    train, test = ff.datasets.digits()
    linear = LogisticRegression(max_iter=3000)
    linear.fit(train.inputs.flatten(1).numpy(), train.labels.numpy())
    score = linear.score(test.inputs.flatten(1).numpy(), test.labels.numpy())
    return train, test, 100 * (1 - score)


MODELS = {  # how each is made and trained: strength of the label, learning rate, epochs
    "mlp": (mlp, 1.0, 3e-3, 15),
    "vgg": (vgg, 0.3, 3e-3, 30),
    "resnet": (resnet, 0.5, 1e-3, 12),
    "transformer": (transformer, 1.0, 8e-3, 30),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_converted_model_beats_a_linear_classifier(digits, name):
    train, test, linear = digits
    make, strength, rate, epochs = MODELS[name]
    torch.manual_seed(0)
    model = make()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    made = ff.convert(
        model,
        num_classes=10,
        input_shape=(1, 8, 8),
        strength=strength,
        layer=functools.partial(ff.Layer, loss=losses.SiluPair(alpha=6.0)),
    )
    trainer = ff.Trainer(made.network, lr=rate, schedule=cosine, weight_decay=0.0)
    trainer.fit(train, epochs=epochs, batch_size=64)
    error = predict.evaluate(made.network.eval(), test)["error"]
    assert error < linear, (error, linear)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


SCORES = "the label is read from the goodness of all layers, not from scores"


def test_what_became_of_each_part_is_said():
    assert str(ff.convert(mlp(), num_classes=10, input_shape=(1, 8, 8))).splitlines() == [
        "0 Flatten      prepares the input of layer 1",
        "1 Linear       layer 1, the label appended to its inputs",
        "2 BatchNorm1d  part of layer 1",
        "3 ReLU         the activation of layer 1",
        "4 Dropout      prepares the input of layer 2",
        "5 Linear       layer 2",
        "6 BatchNorm1d  part of layer 2",
        "7 ReLU         the activation of layer 2",
        f"8 Linear       left out: {SCORES}",
    ]
    steps = ff.convert(resnet(), num_classes=10, input_shape=(1, 8, 8)).steps
    assert steps[0].became == "layer 1, the label as additional channels"
    assert steps[3].became == (
        "layer 2 as a whole: inside, 3 weight layers are trained by backpropagation"
    )
    assert steps[5].became == "left out: no layer after it reads its output"


def test_plain_linear_layers_keep_their_closed_form_and_weights():
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Dropout(0.2), nn.Linear(5, 4), nn.Tanh())
    network = ff.convert(model, num_classes=3).network
    assert all(layer.closed_form for layer in network.layers)
    assert network.layers[1].dropout == 0.2
    assert torch.equal(network.layers[0].linear.weight[:, :6], model[0].weight)
    assert torch.equal(network.layers[1].linear.weight, model[3].weight)
    assert network.goodness(torch.rand(2, 6)).shape == (2, 3)
    again = ff.convert(model, num_classes=3).network
    assert torch.equal(network.layers[0].linear.weight, again.layers[0].linear.weight)


def test_a_projection_is_joined_with_what_follows_and_a_norm_at_the_end_gets_an_activation():
    made = ff.convert(
        nn.Sequential(nn.Linear(6, 8), attention(8, False), attention(8, False), nn.Linear(8, 2)),
        num_classes=2,
        input_shape=(5, 6),
    )
    said = [step.became for step in made.steps]
    assert len(made.network.layers) == 2
    assert "an embedding of the label, which is added to its input" in said[0]
    assert said[1].startswith("joined with the weights before it")
    assert said[2].endswith("so a ReLU is added")
    assert made.network.check(torch.rand(4, 5, 6))[0][0].startswith("its block has 6 weight layers")


class Swish(nn.Module):
    def forward(self, x):
        return x * x.sigmoid()


class Own(nn.Module):
    """A linear layer and an activation that no module tells of."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x):
        return torch.relu(self.linear(x))


def test_activations_and_blocks_of_ones_own_are_told_by_what_they_give():
    made = ff.convert(
        nn.Sequential(nn.Linear(8, 6), Swish(), Own(), Own(), nn.Linear(6, 3)), num_classes=3
    )
    assert [step.became for step in made.steps[:4]] == [
        "layer 1, the label appended to its inputs",
        "the activation of layer 1",
        "layer 2",
        "layer 3",
    ]


def test_a_model_in_another_type_gives_a_network_of_that_type():
    model = nn.Sequential(nn.Linear(8, 6), nn.ReLU()).double()
    network = ff.convert(model, num_classes=3).network
    assert network.dtype == torch.float64
    assert network.goodness(torch.rand(2, 8)).dtype == torch.float64
    assert ff.convert(model, num_classes=3, input_shape=8).network.dtype == torch.float64


@pytest.mark.parametrize("name", ["mlp", "vgg", "embedded"])
def test_a_converted_network_of_torch_s_own_parts_is_loaded_from_its_run(digits, tmp_path, name):
    train, _, _ = digits
    tokens = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(1, 2), nn.Linear(4, 6), nn.ReLU())
    model = {"mlp": mlp, "vgg": vgg, "embedded": lambda: tokens}[name]()
    made = ff.convert(model, num_classes=10, input_shape=(1, 8, 8))
    ff.Trainer(made.network).fit(train.first(200), epochs=1, out=tmp_path / "run")
    loaded = ff.load(tmp_path / "run")
    x = train.inputs[:20] / 255
    assert torch.equal(loaded.scores(x), made.network.eval().scores(x))


def test_weights_made_of_others_are_one_and_stay_so():
    norm, spectral = nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm
    model = nn.Sequential(
        *(spectral(nn.Conv2d(1, 4, 3)), nn.ReLU(), nn.Flatten()),
        *(norm(nn.Linear(144, 8)), nn.ReLU(), nn.Linear(8, 5)),
    )
    made = ff.convert(model, num_classes=10, input_shape=(1, 8, 8))
    assert [step.became for step in made.steps] == [
        "layer 1 as a whole: inside, 2 weight layers are trained by backpropagation, one of them an"
        " embedding of the label, which is added to its input",
        "the activation of layer 1",
        "prepares the input of layer 2",
        "layer 2",
        "the activation of layer 2",
        "layer 3; it is treated as a hidden layer, since it has 5 outputs and does not score the 10"
        " labels",
    ]
    x, y = torch.rand(20, 1, 8, 8), torch.arange(20) % 10
    before = [each.clone() for each in made.network.parameters()]
    ff.Trainer(made.network).fit((x, y), epochs=1)
    after = made.network.parameters()
    assert not any(torch.equal(*each) for each in zip(before, after, strict=True))


def test_in_place_activations_are_made_anew():
    network = ff.convert(vgg(), num_classes=10, input_shape=(1, 8, 8)).network
    assert not any(getattr(each, "inplace", False) for each in network.modules())
    assert network.check(torch.rand(3, 1, 8, 8)) == {}


@pytest.mark.parametrize(
    ("module", "shape"),
    [(nn.Linear(4, 3), (2, 4)), (nn.Conv2d(4, 3, 3, bias=False), (2, 4, 5, 5))],
)
def test_a_widened_module_gives_the_same_where_there_is_no_label(module, shape):
    x = torch.rand(shape)
    none = torch.zeros(shape[0], 2, *shape[2:])
    wide = widened(module, 2, torch.Generator().manual_seed(0))
    assert torch.allclose(wide(torch.cat([x, none], 1)), module(x), atol=1e-6)
    drawn, own = wide.weight[:, 4:].detach().std(), module.weight.detach().square().mean().sqrt()
    assert float(drawn / own) == pytest.approx(1, abs=0.6)
    assert not torch.equal(wide(torch.cat([x, 1 + none], 1)), module(x))


class Code(nn.Module):
    def forward(self, x):
        return x


def tied():
    one = nn.Linear(6, 6)
    return nn.Sequential(one, nn.ReLU(), one, nn.ReLU())


def recurrent():
    return nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.LSTM(6, 6), nn.Linear(6, 3))


def narrow():
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(4, 4), nn.ReLU())


def hooked():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it is deprecated, and met all the same
        return nn.Sequential(nn.utils.weight_norm(nn.Linear(6, 5)), nn.ReLU())


BAD = [
    (
        Code,
        {"input_shape": 3},
        "expects a model that returns one tensor, but Code.forward returns x",
    ),
    (tied, {}, "0 Linear and 2 Linear share weights"),
    (recurrent, {}, "2 LSTM cannot become layer 2: a block returns one tensor .* returns tuple"),
    (lambda: nn.Sequential(nn.Linear(6, 3)), {}, "a hidden layer with weights, got none but the"),
    (lambda: nn.Sequential(nn.ReLU()), {}, "a hidden layer with weights, got none:"),
    (vgg, {}, r"expects input_shape=\(\.\.\.\), .* begins with Conv2d"),
    (vgg, {"input_shape": (3, 8, 8)}, r"accept samples of \[3, 8, 8\]: 0.0 Conv2d reads \[3, 8"),
    (narrow, {}, r"does not accept samples of \[6\]: 2 Linear reads \[5\] per sample and raises"),
    (hooked, {}, "cannot copy this one: if a module uses torch.nn.utils.weight_norm, use that of"),
]


@pytest.mark.parametrize(("make", "settings", "words"), BAD, ids=[words for *_, words in BAD])
def test_what_cannot_be_converted_says_why(make, settings, words):
    with pytest.raises(ValueError, match=words):
        ff.convert(make(), num_classes=3 if make is not vgg else 10, **settings)


def test_layers_of_small_weights_are_told_apart():
    torch.manual_seed(0)
    parts, below = [], 3
    for channels in (16, 16, 32, 32, 64, 64, 64):
        parts += [nn.Conv2d(below, channels, 3, padding=1), nn.ReLU(inplace=True)]
        below = channels
    parts += [nn.MaxPool2d(8), nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)]
    made = ff.convert(nn.Sequential(*parts), num_classes=10, input_shape=(3, 8, 8))
    assert len(made.network.layers) == 8
    assert not [step for step in made.steps if "joined" in step.became or "whole" in step.became]


@pytest.mark.parametrize("end", [nn.Identity(), nn.Flatten(), nn.Dropout(), nn.Softmax(1)])
def test_scores_are_left_out_whatever_leaves_them_scores(end):
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3), end)
    assert len(ff.convert(model, num_classes=3).network.layers) == 1


def test_numbers_of_numpy_are_whole_numbers():
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    made = ff.convert(model, num_classes=np.int64(3), input_shape=np.int64(6))
    assert type(made.network.examples.num_classes) is int

"""Models of torch become layers that answer for every class: no label enters."""

import functools

import pytest
import torch
from tests.conversion.convertible import mlp, resnet, transformer, vgg
from torch import nn

import forward_forward as ff
from forward_forward import predict
from forward_forward.examples import NoLabel
from forward_forward.losses import CrossEntropy
from forward_forward.optimize import cosine
from forward_forward.readouts import ChannelGroups, LinearReadout

LAYER = functools.partial(
    ff.Layer, goodness=LinearReadout(10, grid=4), loss=CrossEntropy(), normalize=None
)
MODELS = {  # learning rate, epochs, largest test error in percent
    mlp: (3e-3, 8, 4.0),
    vgg: (1e-2, 6, 4.0),
    resnet: (3e-3, 5, 4.0),
    transformer: (1e-2, 8, 25.0),
}


def converted(make, layer=LAYER):
    torch.manual_seed(0)
    model = make()
    return model, ff.convert(model, num_classes=10, input_shape=(1, 8, 8), layer=layer)


@pytest.mark.parametrize("make", MODELS)
def test_a_converted_model_learns(make):
    rate, epochs, worst = MODELS[make]
    train, test = ff.datasets.digits()
    _, made = converted(make)
    trainer = ff.Trainer(made.network, lr=rate, schedule=cosine, weight_decay=0.0)
    trainer.fit(train, epochs=epochs, batch_size=64)
    assert predict.evaluate(made.network.eval(), test)["error"] < worst


@pytest.mark.parametrize("make", MODELS)
def test_the_layers_compute_what_the_model_does(make):
    model, made = converted(make)
    assert isinstance(made.network.examples, NoLabel)
    assert made.steps[-1].became.endswith(f"the read-out of layer {len(made.network.layers)}")
    x = torch.rand(5, 1, 8, 8)
    with torch.no_grad():
        top = made.network.eval().goodness_by_layer(x)[-1]
        torch.testing.assert_close(top, model.eval()(x))


def test_no_gradient_crosses_a_layer():
    _, made = converted(vgg)
    x = torch.rand(4, 1, 8, 8)
    first, second, *_ = made.network.layers
    above = second(first(x)).sum()
    wanted = list(first.parameters())[:1]
    assert torch.autograd.grad(above, wanted, allow_unused=True) == (None,)


def test_read_outs_have_the_channels_of_maps_and_the_features_of_tokens():
    units = [layer.goodness.units for layer in converted(vgg)[1].network.layers]
    assert units[:2] == [32, 32]
    tokens = converted(transformer)[1].network
    width = tokens.layers[0](torch.rand(2, 1, 8, 8)).shape[-1]
    assert {layer.goodness.units for layer in tokens.layers[:-1]} == {width}
    groups = functools.partial(LAYER, goodness=ChannelGroups(10, squared=True))
    assert converted(vgg, groups)[1].network.layers[0].goodness.weight.shape == (10, 32)


def test_linear_layers_keep_their_closed_form():
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    layer = functools.partial(ff.Layer, goodness=LinearReadout(3), loss=CrossEntropy())
    made = ff.convert(model, num_classes=3, layer=layer)
    assert all(each.closed_form for each in made.network.layers)
    assert torch.equal(made.network.layers[0].linear.weight, model[0].weight)
    assert str(made).splitlines()[0] == "0 Linear  layer 1"

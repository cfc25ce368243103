"""What a user gives a Trainer: data on any scale, names, numbers of numpy, frozen weights."""

import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import forward_forward as ff
from forward_forward.forward import Standardize
from forward_forward.optimize import AveragedSGD, Muon

X = torch.rand(60, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(60) % 3


def weights(train, **settings):
    network = ff.mlp(6, 8, num_classes=3, seed=0)
    ff.Trainer(network, seed=0).fit(train, epochs=1, **settings)
    return network.layers[0].block.weight


def test_a_list_of_batches_trains_as_the_loader_that_gives_them():
    loader = DataLoader(list(zip(X, Y.tolist(), strict=True)), 16)
    assert torch.equal(weights([*loader]), weights(loader))
    assert torch.equal(weights([X, Y], validation=[X, Y]), weights((X, Y)))


def test_labels_of_the_network_keep_their_values_though_a_class_is_missing():
    network = ff.mlp(6, 20, num_classes=4, seed=0)
    separable = torch.eye(6)[Y] + 0.01 * X
    ff.Trainer(network, lr=0.01, seed=0).fit((separable, Y + 1), epochs=30, batch_size=20)
    assert torch.equal(network.predict(separable), Y + 1)


@pytest.mark.parametrize(
    "change",
    [lambda x: 255 * x, lambda x: x + 100, lambda x: x / 255],
    ids=["bytes", "far", "small"],
)
def test_a_warning_says_that_inputs_are_not_scaled(change):
    with pytest.warns(UserWarning, match="the inputs have the mean .*scale them to 0 to 1"):
        weights((change(X), Y))
    data = ff.data.as_source((change(X), Y))
    network = ff.mlp(6, 8, num_classes=3, inputs=Standardize.of(data))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ff.Trainer(network).fit(data, epochs=1)
        weights((3 * X - 1, Y))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", torch.optim.Adam),
        ("SGD", torch.optim.SGD),
        ("averagedSGD", AveragedSGD),
        ("muon", Muon),
    ],
)
def test_an_optimiser_is_found_by_its_name_in_any_case(name, kind):
    trainer = ff.Trainer(ff.mlp(6, 8, num_classes=3), optimizer=name)
    assert type(trainer.optimizers[0]) is kind
    assert trainer.settings["optimizer"] == f"{kind.__module__}:{kind.__qualname__}"


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ("adma", "did you mean 'adam"),
        ("lbfgs", "unknown name 'lbfgs'"),
        (torch.optim.Adam([torch.zeros(1, requires_grad=True)]), "expects a class .*got a Adam"),
    ],
)
def test_what_is_no_optimiser_s_class_is_refused(optimizer, words):
    with pytest.raises(ValueError, match=words):
        ff.Trainer(ff.mlp(6, 8, num_classes=3), optimizer=optimizer)


def test_frozen_layers_and_half_precision_are_named():
    frozen = ff.mlp(6, 8, 8, num_classes=3)
    frozen.layers[0].requires_grad_(False)
    with pytest.raises(
        ValueError, match=r"frozen \(requires_grad is False\).*requires_grad_\(True\)"
    ):
        ff.Trainer(frozen)
    with pytest.raises(ValueError, match="got float16"):
        ff.Trainer(ff.mlp(6, 8, num_classes=3).half())


@pytest.mark.parametrize(
    ("trainer", "fit"),
    [
        ({"lr": np.float32(0.01)}, {}),
        ({"seed": np.int64(3)}, {}),
        ({"weight_decay": np.float64(0.1)}, {}),
        ({}, {"epochs": np.int64(1)}),
        ({}, {"batch_size": np.int32(16)}),
    ],
)
def test_settings_may_be_numbers_of_numpy(tmp_path, trainer, fit):
    made = ff.Trainer(ff.mlp(6, 8, num_classes=3), **trainer)
    made.fit((X, Y), **{"epochs": 1, **fit}, out=tmp_path / "run")
    assert torch.equal(ff.load(tmp_path / "run").predict(X), made.network.predict(X))
    again = ff.Trainer(ff.mlp(6, 8, num_classes=3), **trainer)
    again.fit((X, Y), **{"epochs": 1, **fit}, out=tmp_path / "run", resume=True)


def test_sizes_may_be_numbers_of_numpy(tmp_path):
    three = Y.numpy().max() + 1
    examples = ff.examples.AppendLabel(three, strength=np.float64(0.5))
    layer = ff.Layer(torch.nn.Linear(np.int64(9), np.int64(7)), dropout=np.float64(0.1))
    networks = (
        ff.mlp(np.int64(6), np.int64(8), num_classes=three),
        ff.Network(layer, examples=examples),
    )
    for number, network in enumerate(networks):
        out = tmp_path / str(number)
        ff.Trainer(network).fit((X, Y), epochs=1, out=out)
        assert torch.equal(ff.load(out).predict(X), network.eval().predict(X))


def test_a_run_in_float64_is_loaded_in_float64(tmp_path):
    network = ff.mlp(6, 8, num_classes=3).double()
    ff.Trainer(network).fit((X, Y), epochs=1, out=tmp_path)
    loaded = ff.load(tmp_path)
    assert loaded.dtype == torch.float64
    assert torch.equal(loaded.goodness(X), network.eval().goodness(X))


def test_a_resumed_run_with_other_settings_is_told_so_in_python(tmp_path):
    weights((X, Y), out=tmp_path)
    with pytest.raises(ValueError, match=r"was 60.*is now 50.*ff\.load") as refused:
        weights((X[:50], Y[:50]), out=tmp_path, resume=True)
    assert "--" not in str(refused.value)
    assert "--init-from" in refused.value.typed


def test_test_data_are_judged_by_the_labels_of_the_network():
    network = ff.mlp(6, 8, num_classes=4, seed=0)
    labels = network.predict(X)
    some = labels > 0  # of them, class 0 is missing
    assert ff.predict.evaluate(network, (X[some].numpy(), labels[some].tolist()))["error"] == 0

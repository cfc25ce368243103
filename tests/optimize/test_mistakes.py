"""Plain mistakes in Python: an argument of another kind is a ValueError: expected, got, fix."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward.forward.description import describe
from forward_forward.forward.peer import PeerNormalization
from forward_forward.forward.samples import is_finite

X = torch.rand(30, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(30) % 3
AppendLabel = ff.examples.AppendLabel


def net(**settings):
    return ff.mlp(6, 8, num_classes=3, **settings)


def trainer(**settings):
    return ff.Trainer(net(), **settings)


def layer(**settings):
    return ff.Layer(nn.Linear(9, 8), **settings)


def network(*layers, **settings):
    return ff.Network(*(layers or (layer(),)), **{"examples": AppendLabel(3), **settings})


def fit(train=(X, Y), **settings):
    return trainer().fit(train, **{"epochs": 1, **settings})


ODD = ["a", [1], {}, object(), torch.zeros(3), np.zeros(2), 1e300, float("nan")]
OF_TRAINER = "lr weight_decay schedule order rule engine precision skip augment look_ahead average"
OF_TRAINER += " bias_lr readout_lr head_lr head_weight_decay seed device"
OF_LAYER = "goodness loss normalize threshold threshold_factor temperature peer dropout adversarial"
CALLS = {
    **{f"Trainer({name})": partial(trainer) for name in OF_TRAINER.split()},
    **{f"Layer({name})": layer for name in OF_LAYER.split()},
    **{f"Network({name})": network for name in ("examples", "inputs", "head", "views", "readout")},
    **{f"mlp({name})": net for name in ("seed", "examples", "layer", "dropout", "readout")},
    **{f"fit({name})": fit for name in ("epochs", "batch_size", "parallel")},
}


@pytest.mark.parametrize("odd", ODD, ids=[type(each).__name__ for each in ODD])
@pytest.mark.parametrize("call", CALLS)
def test_an_argument_of_another_kind_is_refused(call, odd):
    with pytest.raises(ValueError, match=r"expect|unknown|require|not available") as raised:
        CALLS[call](**{call.partition("(")[2].rstrip(")"): odd})
    assert len(str(raised.value)) < 700


MISTAKES = {
    "a network that is none": (lambda: ff.Trainer(nn.Linear(6, 3)), "expects a Network, got a Lin"),
    "a rate too large": (lambda: trainer(lr=1e300), "lr expects a finite number"),
    "no rate": (lambda: trainer(lr=None), "lr expects a number, got None: such as lr=0.001"),
    "a negative decay": (
        lambda: trainer(weight_decay=-1),
        "weight_decay expects 0 or more",
    ),
    "a class for a change": (lambda: trainer(augment=torch.flip), "augment expects a list"),
    "epochs of a float": (lambda: fit(epochs=1.5), "epochs expects a whole number, got 1.5"),
    "epochs without a number": (
        lambda: fit(epochs=None),
        "whole number, got None",
    ),
    "about of text": (
        lambda: fit(about="first try"),
        "about expects a dictionary, got 'fir",
    ),
    "peer of a number": (lambda: layer(peer=1), "peer expects a PeerNormalization or None, got 1"),
    "a block of a number": (
        lambda: ff.Layer(8),
        "block expects a module, got 8: such as nn.Linear",
    ),
    "a block's class": (lambda: ff.Layer(nn.Linear), "block expects a module, got <class"),
    "residual of text": (
        lambda: layer(residual="yes"),
        "residual expects True or False, got 'yes'",
    ),
    "a list of layers": (lambda: network([layer()]), r"layer 1 expects a Layer, got a list.*\*\["),
    "a module for a layer": (
        lambda: network(nn.Linear(9, 8)),
        "layer 1 expects a Layer, got a Lin",
    ),
    "examples in a list": (lambda: net(examples=[1]), "examples expects such as App.*got a list"),
    "the class of examples": (lambda: net(examples=AppendLabel), "examples expects .* got <class"),
    "a head of True": (lambda: network(head=True), "head expects a SoftmaxHead or None, got True"),
    "a head of text": (
        lambda: net(head="global"),
        'head expects True, False or "local", got \'glo',
    ),
    "a readout of one": (lambda: network(readout=1), "readout expects .* got 1"),
    "a reading in a list": (lambda: network(reading=["head"]), "reading=.* is not possible"),
    "negatives of True": (lambda: AppendLabel(3, negatives=True), "negatives expects a way .*True"),
    "negatives of a class": (
        lambda: AppendLabel(3, negatives=ff.examples.Uniform),
        "negatives expects a way to choose wrong labels",
    ),
    "classes of text": (lambda: AppendLabel("3"), "AppendLabel expects a whole number of classes"),
    "classes of None": (lambda: ff.examples.NoLabel(None), "NoLabel expects a whole number of"),
    "classes in a list": (lambda: ff.examples.MultiLabel([3]), "MultiLabel expects a whole number"),
    "numpy labels": (lambda: trainer().step(X, Y.numpy()), r"labels as a tensor, got a ndarray"),
    "numpy samples": (lambda: trainer().step(X.numpy(), Y), r"samples as a tensor, got a ndarray"),
    "weights in a list": (
        lambda: trainer().step(X, Y, [1.0] * 30),
        "weights as a tensor, got a li",
    ),
    "a step on one sample": (
        lambda: trainer().step(X[0], Y[0]),
        r"expected samples \[batch, ...\]",
    ),
    "a label of one sample": (
        lambda: net().predict(X[0]),
        r"\[batch, ...\], got \[6\]: a single one",
    ),
    "goodness of one sample": (lambda: net().goodness(X[0]), "a single one is x.None."),
    "a check of one sample": (lambda: net().check(X[0]), "a single one is x.None."),
    "a pass of one sample": (lambda: net()(X[0]), "got .6.: a single row is x.None."),
    "a pass of an array": (lambda: net()(X.numpy()), "expected a tensor .*got a ndarray"),
    "a reading by a list": (lambda: net().predict(X, ["head"]), "by expects"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_a_sentence(mistake):
    call, words = MISTAKES[mistake]
    with pytest.raises(ValueError, match=words):
        call()


def test_what_fits_is_accepted():
    ff.Trainer(net(), lr=np.float32(0.01), seed=np.int64(1), look_ahead=np.int64(0)).step(X, Y)
    layer(peer=PeerNormalization(), threshold=torch.tensor(1.0), temperature=np.float64(2))
    assert ff.predict.evaluate(net(), (X.numpy(), Y.numpy()))["error"] >= 0


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_values_that_are_no_numbers_are_refused_where_they_enter(bad):
    x = X.clone()
    x[7, 2] = bad
    learner, given = trainer(), net(head=True)
    before = learner.network.layers[0].block.weight.clone()
    for call in (given.goodness, given.goodness_by_layer, given.head_logits_by_layer, given.scores):
        with pytest.raises(ValueError, match="row 7: expected finite inputs, got NaN or infinity"):
            call(x)
    with pytest.raises(ValueError, match="expected finite samples, got NaN or infinity"):
        learner.step(x, Y)
    with pytest.raises(ValueError, match="expected finite weights, got NaN or infinity"):
        learner.step(X, Y, x[:, 2])
    with pytest.raises(ValueError, match="row 7: expected finite"):
        learner.fit((x, Y), epochs=1)
    assert torch.equal(learner.network.layers[0].block.weight, before)


def test_a_batch_ahead_is_checked_before_it_is_scored():
    learner = trainer(look_ahead=1)
    batches = learner.ahead([(X, Y, None), (X * torch.nan, Y, None)])
    with pytest.raises(ValueError, match="expected finite samples"):
        [learner.step(*batch) for batch in batches]


def test_large_numbers_whose_sum_is_infinite_are_finite():
    assert is_finite(torch.full((9,), 3e38))
    assert not is_finite(torch.tensor([torch.inf, -torch.inf]))
    assert is_finite(torch.arange(3))


def test_weights_that_diverged_are_not_loaded_but_described():
    given, other = net(), net(seed=1)
    diverged = {name: each.clone() for name, each in given.state_dict().items()}
    diverged["layers.0.block.weight"][0, 0] = torch.nan
    before = other.layers[0].block.weight.clone()
    with pytest.raises(ValueError, match=r"finite weights, got .* in 'layers.0.block.weight'"):
        other.load_state_dict(diverged)
    assert torch.equal(other.layers[0].block.weight, before)
    with torch.no_grad():
        given.layers[0].block.weight.fill_(torch.inf)
    assert "Linear" in str(describe(given))


def test_a_run_that_diverged_is_not_loaded(tmp_path, monkeypatch):
    from safetensors.torch import load_file, save_file

    fit(out=tmp_path / "run")
    (path,) = (tmp_path / "run").glob("checkpoints/best/network.safetensors")
    weights = load_file(path)
    weights["layers.0.block.bias"][:] = torch.inf
    save_file(weights, path)
    with pytest.raises(ValueError, match=r"expected|damaged|differ"):
        ff.load(tmp_path / "run")
